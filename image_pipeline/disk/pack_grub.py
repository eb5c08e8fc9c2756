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

"""Put GRUB's BIOS boot code into a GPT disk, as grub-bios-setup would.

``boot.img`` is what the firmware starts: it reads the first sector of
``core.img``, which reads the rest of itself (GRUB's
``include/grub/i386/pc/boot.h`` and ``util/setup.c``).
"""

import struct
from pathlib import Path

from image_pipeline import exceptions

_SECTOR = 512
#: Where ``grub-install`` leaves both images in a root file system.
FOLDER = Path('boot/grub/i386-pc')
#: boot.img: 440 bytes of code, before the disk's signature and the table.
_CODE_SIZE = 440
#: boot.img: the sector that it loads, 64 bits (GRUB_BOOT_MACHINE_
#: KERNEL_SECTOR).
_KERNEL_SECTOR = 0x5C
#: boot.img: a jump that must become two NOPs on hard disks
#: (GRUB_BOOT_MACHINE_DRIVE_CHECK).
_DRIVE_CHECK = 0x66
_TWO_NOPS = b'\x90\x90'
#: core.img's first sector ends with its first block list: the start of the
#: rest, 64 bits.
_BLOCK_LIST = _SECTOR - 12


def embed(disk: Path, tree: Path, *, offset: int, size: int) -> None:
    """Make a disk boot under BIOS.

    :param disk: the disk's file, with its table written.
    :param tree: the root tree; has ``boot.img`` and ``core.img``.
    :param offset: first byte of the BIOS-boot partition.
    :param size: its bytes.
    :raises StageFailed: the images are missing, or too large.
    """
    try:
        boot = bytearray((tree / FOLDER / 'boot.img').read_bytes())
        core = bytearray((tree / FOLDER / 'core.img').read_bytes())
    except FileNotFoundError as exc:
        raise exceptions.StageFailed(
            f'the image has no boot loader for BIOS: /{FOLDER} lacks '
            f'{Path(exc.filename).name}',
            hint='it comes with the element block-device-tree',
        ) from exc
    if len(core) > size:
        raise exceptions.StageFailed(
            f"GRUB's core image ({len(core)} bytes) does not fit the "
            f'BIOS-boot partition ({size} bytes)',
            hint='make that partition larger in the block-device layout',
        )
    first = offset // _SECTOR
    struct.pack_into('<Q', boot, _KERNEL_SECTOR, first)
    boot[_DRIVE_CHECK : _DRIVE_CHECK + 2] = _TWO_NOPS
    struct.pack_into('<Q', core, _BLOCK_LIST, first + 1)
    with disk.open('r+b') as file:
        file.write(boot[:_CODE_SIZE])
        file.seek(offset)
        file.write(core)
