# For diskimage-builder's own bootloader element, which reads these.
export DIB_GRUB_TIMEOUT=${DIB_GRUB_TIMEOUT:-0}
export DIB_GRUB_TIMEOUT_STYLE=${DIB_GRUB_TIMEOUT_STYLE:-hidden}
case "${ARCH:-amd64}" in
    arm64|aarch64) export DIB_CLOUD_CONSOLES_SERIAL=${DIB_CLOUD_CONSOLES_SERIAL:-ttyAMA0,115200n8} ;;
    ppc64*) export DIB_CLOUD_CONSOLES_SERIAL=${DIB_CLOUD_CONSOLES_SERIAL:-hvc0} ;;
    *) export DIB_CLOUD_CONSOLES_SERIAL=${DIB_CLOUD_CONSOLES_SERIAL:-ttyS0,115200n8} ;;
esac
export DIB_BOOTLOADER_SERIAL_CONSOLE=${DIB_BOOTLOADER_SERIAL_CONSOLE:-$DIB_CLOUD_CONSOLES_SERIAL}
export DIB_BOOTLOADER_VIRTUAL_TERMINAL=${DIB_BOOTLOADER_VIRTUAL_TERMINAL-tty0}
export DIB_BOOTLOADER_DEFAULT_CMDLINE=${DIB_BOOTLOADER_DEFAULT_CMDLINE-}
# A kernel that is emulated on a busy host may lose the interrupts by which it
# tests its timer at boot, and panics: "IO-APIC + timer doesn't work".
export DIB_CLOUD_CONSOLES_CMDLINE=${DIB_CLOUD_CONSOLES_CMDLINE-no_timer_check}
