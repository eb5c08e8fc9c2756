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

"""The boot sector of FAT12, FAT16 and FAT32.

The format is Microsoft's FAT specification (2005); the dirty bits are those
that Linux and Windows set (``fs/fat/inode.c``).
"""

import dataclasses
import struct
from collections.abc import Iterator

from image_pipeline.disk import signatures


@dataclasses.dataclass(frozen=True, kw_only=True)
class FatSuperblock(signatures.Superblock):
    """The boot sector of a FAT file system.

    :param bits: 12, 16 or 32.
    :param dirty: whether it was not unmounted properly.
    :param dirty_offset: where that is said, in bytes on the disk.
    """

    bits: int
    dirty: bool
    dirty_offset: int


def identify(part: signatures.Part) -> Iterator[signatures.Superblock]:
    """Find a FAT file system.

    :param part: where to look.
    """
    head = part.read(0, 512)
    if len(head) < 512 or head[510:512] != b'\x55\xaa':
        return
    sector, per_cluster, reserved, fats, root = struct.unpack_from(
        '<HBHBH', head, 11
    )
    total16, media, size16 = struct.unpack_from('<HBH', head, 19)
    total32, size32 = struct.unpack_from('<II', head, 32)
    size = size16 or size32
    if (
        sector not in (512, 1024, 2048, 4096)
        or not per_cluster
        or per_cluster & (per_cluster - 1)
        or not reserved
        or fats not in (1, 2)
        or (media != 0xF0 and media < 0xF8)
        or not size
    ):
        return
    roots = -(-root * 32 // sector)
    data = (total16 or total32) - reserved - fats * size - roots
    clusters = data // per_cluster
    bits = 32 if not size16 else 12 if clusters < 4085 else 16
    extra = 64 if bits == 32 else 36
    dirty, where = _dirty(part, head, bits, reserved * sector, extra)
    serial = head[extra + 3 : extra + 7][::-1].hex().upper()
    label = head[extra + 7 : extra + 18].decode('ascii', 'replace').rstrip()
    root_at = (reserved + fats * size) * sector
    if bits != 32:
        label = _volume_label(part.read(root_at, root * 32)) or label
    yield FatSuperblock(
        kind='vfat',
        offset=part.start + 510,
        magic=head[510:512].hex(),
        version=f'FAT{bits}',
        uuid=f'{serial[:4]}-{serial[4:]}',
        label='' if label == 'NO NAME' else label,
        bits=bits,
        dirty=dirty,
        dirty_offset=part.start + where,
    )


def _dirty(
    part: signatures.Part, head: bytes, bits: int, fat: int, extra: int
) -> tuple[bool, int]:
    """Return whether it is dirty, and where that is said."""
    state = extra + 1
    if head[state] & 1:
        return True, state
    # The second entry of the table; a set bit means clean.
    if bits == 16:
        entry = part.read(fat + 2, 2)
        clean = int.from_bytes(entry, 'little') & 0x8000
        return len(entry) == 2 and not clean, fat + 2
    if bits == 32:
        entry = part.read(fat + 4, 4)
        clean = int.from_bytes(entry, 'little') & 0x08000000
        return len(entry) == 4 and not clean, fat + 4
    return False, state


def _volume_label(root: bytes) -> str:
    """Return the label entry of a root folder; blkid prefers it."""
    for place in range(0, min(len(root), 64 << 10), 32):
        entry = root[place : place + 32]
        if entry[0] == 0:
            break
        if entry[0] != 0xE5 and entry[11] & 0x3F == 0x08:
            return entry[:11].decode('ascii', 'replace').rstrip()
    return ''
