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

"""What is free in an ext file system, by its own bitmaps.

For any disk that can be read, so without a program and without a copy;
:mod:`image_pipeline.disk.ext_free` asks dumpe2fs where a raw file is at hand.
The format is the kernel's ``Documentation/filesystems/ext4``.
"""

import bisect
import itertools
import re
import struct
from collections.abc import Iterable, Iterator

from image_pipeline import exceptions
from image_pipeline.disk import ext, signatures

_BIGALLOC, _SPARSE_SUPER, _SPARSE_SUPER2 = 0x200, 0x1, 0x200
_BLOCK_UNINIT = 0x2
#: 128 MiB each: a disk of 4 TiB.
_MOST_GROUPS = 32_768
_FREE = re.compile('0+')

Range = tuple[int, int]


def free(part: signatures.Part) -> Iterator[Range]:
    """Give the free ranges of a file system, in bytes of the disk, in order.

    :param part: where it lies.
    :raises ImageUnreadable: it is damaged, was not unmounted cleanly, or
        has clusters of several blocks.
    """
    return _Bitmaps(part).ranges()


class _Bitmaps:
    """The block bitmaps of one file system."""

    def __init__(self, part: signatures.Part) -> None:
        self._part = part
        data = part.read(ext.SUPERBLOCK, 1024)
        if len(data) < 1024 or data[56:58] != b'\x53\xef':
            raise self._unreadable('there is no superblock')
        blocks, self._first, log_size = struct.unpack_from('<I12xII', data, 4)
        (self._per_group,) = struct.unpack_from('<I', data, 32)
        (inodes,) = struct.unpack_from('<I', data, 40)
        (inode_size,) = struct.unpack_from('<H', data, 88)
        compat, incompat, ro_compat = struct.unpack_from('<III', data, 92)
        (self._reserved,) = struct.unpack_from('<H', data, 206)
        self._desc_size = 32
        if incompat & ext.INCOMPAT_64BIT:
            (self._desc_size,) = struct.unpack_from('<H', data, 254)
            blocks |= struct.unpack_from('<I', data, 0x150)[0] << 32
        self._backups: tuple[int, ...] = struct.unpack_from('<II', data, 0x24C)
        self._sparse2 = bool(compat & _SPARSE_SUPER2)
        self._sparse = bool(ro_compat & _SPARSE_SUPER)
        # Without checksums the flag means nothing.
        self._has_flags = bool(
            ro_compat & (ext.RO_GDT_CSUM | ext.RO_METADATA_CSUM)
        )
        if incompat & ext.INCOMPAT_RECOVER:
            # The journal may hold newer bitmaps than those that are read.
            raise self._unreadable('its journal was not replayed')
        if ro_compat & _BIGALLOC or incompat & ext.INCOMPAT_META_BG:
            raise self._unreadable(
                'what is free in it is not read (bigalloc or meta_bg)'
            )
        if log_size > 6 or not self._per_group:
            raise self._unreadable('its superblock makes no sense')
        self._block = 1024 << log_size
        self._blocks = min(blocks, part.size // self._block)
        self._inode_blocks = -(-inodes * max(inode_size, 128) // self._block)
        if self._per_group > 8 * self._block or not (
            32 <= self._desc_size <= self._block
        ):
            raise self._unreadable('its superblock makes no sense')
        groups = -(-max(self._blocks - self._first, 0) // self._per_group)
        if groups > _MOST_GROUPS:
            raise self._unreadable(f'it has {groups} groups')
        self._table = part.read(
            (self._first + 1) * self._block, groups * self._desc_size
        )
        if len(self._table) < groups * self._desc_size:
            raise self._unreadable('its group descriptors are cut short')
        self._groups = groups

    def ranges(self) -> Iterator[Range]:
        """Give what is free, merged across groups."""
        base = self._part.start
        current: Range | None = None
        for first, last in self._free_blocks():
            start, end = base + first * self._block, base + last * self._block
            if current and current[1] == start:
                current = current[0], end
                continue
            if current:
                yield current
            current = start, end
        if current:
            yield current

    def _free_blocks(self) -> Iterator[Range]:
        metadata = sorted(self._metadata())
        starts = [start for start, _ in metadata]
        for group in range(self._groups):
            first = self._first + group * self._per_group
            last = min(first + self._per_group, self._blocks)
            (flags,) = struct.unpack_from('<H', self._descriptor(group), 0x12)
            if flags & _BLOCK_UNINIT and self._has_flags:
                taken = [(first, first + self._head(group))]
                index = max(bisect.bisect_left(starts, first) - 1, 0)
                for one in itertools.islice(metadata, index, None):
                    if one[0] >= last:
                        break
                    taken.append(one)
                yield from _without(first, last, sorted(taken))
                continue
            place = self._place(group, 0, 0x20) * self._block
            count = last - first
            bitmap = self._part.read(place, -(-count // 8))
            if place == 0 or len(bitmap) < -(-count // 8):
                raise self._unreadable(f'the bitmap of group {group} is lost')
            number = int.from_bytes(bitmap, 'little')
            # The lowest bit is the first block.
            text = f'{number:0{count}b}'[::-1][:count]
            for match in _FREE.finditer(text):
                yield first + match.start(), first + match.end()

    def _descriptor(self, group: int) -> bytes:
        place = group * self._desc_size
        return self._table[place : place + self._desc_size]

    def _place(self, group: int, low: int, high: int) -> int:
        entry = self._descriptor(group)
        (found,) = struct.unpack_from('<I', entry, low)
        upper = 0
        if self._desc_size >= 64:
            (upper,) = struct.unpack_from('<I', entry, high)
        return int(found | upper << 32)

    def _metadata(self) -> Iterator[Range]:
        """Give the blocks of bitmaps and of tables of inodes."""
        for group in range(self._groups):
            for low, high, length in (
                (0, 0x20, 1),
                (4, 0x24, 1),
                (8, 0x28, self._inode_blocks),
            ):
                place = self._place(group, low, high)
                yield place, place + length

    def _head(self, group: int) -> int:
        """Return the blocks of a group's copy of superblock and table."""
        if not self._has_superblock(group):
            return 0
        table = -(-self._groups * self._desc_size // self._block)
        return int(1 + table + self._reserved)

    def _has_superblock(self, group: int) -> bool:
        if self._sparse2:
            return group == 0 or group in self._backups
        if group <= 1 or not self._sparse:
            return True
        for base in (3, 5, 7):
            power = base
            while power < group:
                power *= base
            if power == group:
                return True
        return False

    def _unreadable(self, why: str) -> exceptions.ImageUnreadable:
        return exceptions.ImageUnreadable(
            f'the file system at byte {self._part.start}: {why}'
        )


def _without(first: int, last: int, taken: Iterable[Range]) -> Iterator[Range]:
    """Give what of a range is not taken; that is sorted."""
    for start, end in taken:
        if start > first:
            yield first, min(start, last)
        first = max(first, end)
        if first >= last:
            return
    if first < last:
        yield first, last
