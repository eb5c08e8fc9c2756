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

"""The superblock and group descriptors of ext2, ext3 and ext4.

Offsets and flags are those of the kernel's ``fs/ext4/ext4.h`` and of its
``Documentation/filesystems/ext4``.
"""

import dataclasses
import struct
import uuid
from collections.abc import Iterator

from image_pipeline.disk import checksums, signatures

SUPERBLOCK = 1024
#: Features, by the word in which they are.
COMPAT_JOURNAL, COMPAT_ORPHAN_FILE = 0x4, 0x1000
INCOMPAT_RECOVER, INCOMPAT_META_BG, INCOMPAT_64BIT = 0x4, 0x10, 0x80
INCOMPAT_EXTENTS, INCOMPAT_CSUM_SEED = 0x40, 0x2000
INCOMPAT_ENCRYPT, INCOMPAT_CASEFOLD = 0x10000, 0x20000
RO_METADATA_CSUM, RO_ORPHAN_PRESENT, RO_GDT_CSUM = 0x400, 0x10000, 0x10
#: ext4 has at least one of these, ext3 none.
_EXT4_INCOMPAT = ~(0x2 | 0x4 | 0x8 | 0x10)
_EXT4_RO = ~(0x1 | 0x2 | 0x4)
#: Group descriptors that are looked through; 64 KiB of 64 bytes each cover
#: 128 GiB.
_MOST_GROUPS = 1024


@dataclasses.dataclass(frozen=True, kw_only=True)
class ExtSuperblock(signatures.Superblock):
    """The superblock of ext2, ext3 or ext4.

    :param start: the file system's first byte on the disk.
    :param compat: compatible feature bits.
    :param incompat: incompatible feature bits.
    :param ro_compat: read-only compatible feature bits.
    :param state: 1 clean, 2 errors seen, 4 orphans being recovered.
    :param mount_count: mounts since the last check.
    :param last_orphan: first inode of the list of orphans.
    :param block_size: bytes in a block.
    :param blocks: how many blocks there are.
    :param free_blocks: how many of them are free.
    :param checksum_ok: whether its checksum is right; None if it has none.
    :param bad_groups: groups whose descriptor has a wrong checksum.
    :param last_mounted: where it was mounted last.
    """

    start: int
    compat: int
    incompat: int
    ro_compat: int
    state: int
    mount_count: int
    last_orphan: int
    block_size: int
    blocks: int
    free_blocks: int
    checksum_ok: bool | None
    bad_groups: tuple[int, ...]
    last_mounted: str

    @property
    def is_clean(self) -> bool:
        """Whether it was unmounted, with nothing left to do for e2fsck."""
        return (
            self.state & 3 == 1
            and not self.incompat & INCOMPAT_RECOVER
            and not self.last_orphan
            and not self.ro_compat & RO_ORPHAN_PRESENT
        )


def identify(part: signatures.Part) -> Iterator[signatures.Superblock]:
    """Find an ext2, ext3 or ext4 file system.

    :param part: where to look.
    """
    data = part.read(SUPERBLOCK, 1024)
    if len(data) < 1024 or data[56:58] != b'\x53\xef':
        return
    blocks_low, free_low = struct.unpack_from('<I4xI', data, 4)
    (log_size,) = struct.unpack_from('<I', data, 24)
    mount_count, _, _, state = struct.unpack_from('<HHHH', data, 52)
    compat, incompat, ro_compat = struct.unpack_from('<III', data, 92)
    (last_orphan,) = struct.unpack_from('<I', data, 232)
    if log_size > 6:
        # 64 KiB blocks are the format's largest: not a superblock at all.
        return
    is_64 = bool(incompat & INCOMPAT_64BIT)
    blocks_high, free_high = struct.unpack_from('<I4xI', data, 0x150)
    yield ExtSuperblock(
        kind=_kind(compat, incompat, ro_compat),
        offset=part.start + SUPERBLOCK + 56,
        magic=data[56:58].hex(),
        uuid=str(uuid.UUID(bytes=data[104:120])),
        label=_text(data[120:136]),
        start=part.start,
        compat=compat,
        incompat=incompat,
        ro_compat=ro_compat,
        state=state,
        mount_count=mount_count,
        last_orphan=last_orphan,
        block_size=1024 << log_size,
        blocks=blocks_low | (blocks_high << 32 if is_64 else 0),
        free_blocks=free_low | (free_high << 32 if is_64 else 0),
        checksum_ok=_checksum_ok(data, ro_compat),
        bad_groups=_bad_groups(part, data, 1024 << log_size),
        last_mounted=_text(data[136:200]),
    )


def _kind(compat: int, incompat: int, ro_compat: int) -> str:
    if incompat & _EXT4_INCOMPAT or ro_compat & _EXT4_RO:
        return 'ext4'
    return 'ext3' if compat & COMPAT_JOURNAL else 'ext2'


def _checksum_ok(data: bytes, ro_compat: int) -> bool | None:
    if not ro_compat & RO_METADATA_CSUM:
        return None
    (stored,) = struct.unpack_from('<I', data, 1020)
    return bool(checksums.crc32c(0xFFFFFFFF, data[:1020]) == stored)


def _bad_groups(
    part: signatures.Part, data: bytes, block_size: int
) -> tuple[int, ...]:
    """Return the groups whose descriptor is damaged.

    Only with metadata_csum, which every mke2fs since 2014 sets; the older
    uninit_bg has a weaker sum that tools ignore.
    """
    incompat, ro_compat = struct.unpack_from('<II', data, 96)
    if not ro_compat & RO_METADATA_CSUM or incompat & INCOMPAT_META_BG:
        return ()
    first, per_group = struct.unpack_from('<I8xI', data, 20)
    (blocks,) = struct.unpack_from('<I', data, 4)
    size = 32
    if incompat & INCOMPAT_64BIT:
        (size,) = struct.unpack_from('<H', data, 254)
    if not per_group or not 32 <= size <= 1024:
        return ()
    seed = checksums.crc32c(0xFFFFFFFF, data[104:120])
    if incompat & INCOMPAT_CSUM_SEED:
        (seed,) = struct.unpack_from('<I', data, 0x270)
    groups = min(max(-(-(blocks - first) // per_group), 0), _MOST_GROUPS)
    # Behind the superblock's own block, which is not the first data block
    # where clusters have several blocks of 1 KiB.
    place = 2 * SUPERBLOCK if block_size == SUPERBLOCK else block_size
    table = part.read(place, groups * size)
    bad = []
    for group in range(len(table) // size):
        entry = table[group * size : (group + 1) * size]
        (stored,) = struct.unpack_from('<H', entry, 30)
        blank = entry[:30] + b'\0\0' + entry[32:]
        found = checksums.crc32c(seed, struct.pack('<I', group) + blank)
        if found & 0xFFFF != stored:
            bad.append(group)
    return tuple(bad)


def _text(data: bytes) -> str:
    return data.partition(b'\0')[0].decode('utf-8', 'replace')
