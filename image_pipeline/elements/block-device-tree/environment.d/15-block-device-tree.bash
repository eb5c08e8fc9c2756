# Elements that ask: neither mbr, gpt nor efi, so that nothing installs GRUB
# to a device.
export DIB_BLOCK_DEVICE=tree
