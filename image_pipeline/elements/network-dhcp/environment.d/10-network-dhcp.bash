# debootstrap would write ifupdown files for eth0 and eth1.
export DIB_APT_MINIMAL_CREATE_INTERFACES=0
