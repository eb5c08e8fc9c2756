# Licensed under the Apache License, Version 2.0 (the "License"); you may
# not use this file except in compliance with the License. You may obtain
# a copy of the License at
#
#      http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS, WITHOUT
# WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the
# License for the specific language governing permissions and limitations
# under the License.

"""What boots in the sound image: firmware's part, kernel and initramfs."""

import struct
from collections.abc import Mapping

from image_pipeline.testing import kernels
from image_pipeline.testing.disks import Content, File, Link

KERNEL = '6.1.0-1-amd64'
MODULES = f'/usr/lib/modules/{KERNEL}'
#: By the folder that they are in; the rest is built in.
_DRIVERS = {
    'block': ('virtio_blk', 'xen-blkfront'),
    'net': ('virtio_net',),
    'nvme/host': ('nvme',),
    'scsi': ('virtio_scsi', 'sd_mod', 'hv_storvsc', 'vmw_pvscsi'),
    'ata': ('ahci',),
    'virtio': ('virtio_pci',),
    'char/hw_random': ('virtio-rng',),
}
_PATHS = [
    f'kernel/drivers/{folder}/{name}.ko'
    for folder, names in _DRIVERS.items()
    for name in names
]


def initramfs(
    without: tuple[str, ...] = (),
    more: Mapping[str, bytes | str | None] | None = None,
    version: str = KERNEL,
) -> bytes:
    """Return an initramfs as initramfs-tools makes it.

    :param without: modules that it lacks.
    :param more: further files.
    :param version: of the kernel that its modules are for.
    """
    modules = {
        f'usr/lib/modules/{version}/{path}': 'ELF'
        for path in _PATHS
        if path.rpartition('/')[2].removesuffix('.ko') not in without
    }
    return kernels.cpio(
        {
            'init': '#!/bin/sh\n',
            'conf/initramfs.conf': 'MODULES=most\n',
            **modules,
            **(more or {}),
        }
    )


FILES: Mapping[str, Content] = {
    '/boot/grub/i386-pc/normal.mod': 'module',
    f'/boot/vmlinuz-{KERNEL}': kernels.bz_image(KERNEL),
    '/boot/vmlinuz': Link(f'vmlinuz-{KERNEL}'),
    f'/boot/initrd.img-{KERNEL}': initramfs(),
    '/etc/initramfs-tools/initramfs.conf': 'MODULES=most\n',
    '/etc/kernel/postinst.d/initramfs-tools': File('#!/bin/sh\n', mode=0o755),
    '/etc/kernel/postinst.d/zz-update-grub': File('#!/bin/sh\n', mode=0o755),
    f'{MODULES}/modules.dep': ''.join(f'{path}:\n' for path in _PATHS),
    f'{MODULES}/modules.builtin': 'kernel/fs/ext4/ext4.ko\n'
    'kernel/fs/isofs/isofs.ko\nkernel/fs/fat/vfat.ko\n',
}
#: Where the boot record goes on, in sectors of 512 bytes.
CORE_SECTOR = 9 * 2048
#: The first sector of GRUB's core (diskboot.img) begins like this.
CORE = bytes.fromhex('5256be1b81e839015ebf') + bytes(502)


def boot_record() -> bytes:
    """Return the code of a boot record as GRUB writes it, without a table."""
    code = bytearray(440)
    code[:3] = b'\xeb\x63\x90'
    struct.pack_into('<Q', code, 0x5C, CORE_SECTOR)
    code[0x180:0x185] = b'GRUB '
    return bytes(code)


def efi_program(machine: int = 0x8664) -> bytes:
    """Return the headers of an EFI program.

    :param machine: of its PE header; by default x86_64.
    """
    data = bytearray(512)
    data[:2] = b'MZ'
    struct.pack_into('<I', data, 0x3C, 0x80)
    data[0x80:0x86] = b'PE\0\0' + struct.pack('<H', machine)
    return bytes(data)
