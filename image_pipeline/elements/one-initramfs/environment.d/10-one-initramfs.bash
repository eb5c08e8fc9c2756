export DIB_ONE_INITRAMFS_DRIVERS=${DIB_ONE_INITRAMFS_DRIVERS:-virtio_pci virtio_blk virtio_scsi virtio_net sd_mod nvme ahci ata_piix xen_blkfront hv_storvsc vmw_pvscsi}
export DIB_ONE_INITRAMFS_LEVEL=${DIB_ONE_INITRAMFS_LEVEL:-3}
