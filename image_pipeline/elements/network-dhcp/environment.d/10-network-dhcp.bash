# debootstrap, and yum's element, would write files for eth0 and eth1.
export DIB_APT_MINIMAL_CREATE_INTERFACES=0
export DIB_YUM_MINIMAL_CREATE_INTERFACES=0
