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

"""Which blocks of an ext file system a file has.

Extent trees and the pointers of ext2; every number is checked, and every
walk is bounded.
"""

import struct
from collections.abc import Callable, Iterator

_MAGIC = 0xF30A
#: The deepest tree that the kernel makes (fs/ext4/ext4_extents.h).
_DEPTH = 5
#: Index blocks that one look at a file may take: one for each block that is
#: asked for, were they all apart, some above, and no more than these; 340
#: entries a block map terabytes.
_ABOVE, _MOST_NODES = 16, 4096

#: First logical block, first physical one, how many.
Run = tuple[int, int, int]


class Damaged(ValueError):
    """A file's blocks cannot be told; the message says why."""


def first(raw: bytes, has_extents: int) -> int:
    """Return the block in which a small file begins, as its inode says.

    :param raw: the 60 bytes of its blocks.
    :param has_extents: whether they are an extent tree.
    :returns: 0 if it is not known without reading more.
    """
    if not has_extents:
        return int.from_bytes(raw[:4], 'little')
    _, count, _, depth = struct.unpack_from('<HHHH', raw)
    if depth or not count:
        return 0
    _, _, high, low = struct.unpack_from('<IHHI', raw, 12)
    return int(high << 32 | low)


class Walk:
    """One look at a file's blocks.

    :param read: gives a block by its number; short if there is no such one.
    :param size: bytes in a block.
    :param blocks: how many blocks of the file are asked for.
    """

    def __init__(
        self, read: Callable[[int], bytes], size: int, blocks: int
    ) -> None:
        self._read = read
        self._size = size
        self._left = min(blocks + _ABOVE, _MOST_NODES)
        self._after = 0

    def extents(
        self, node: bytes, first: int, last: int, above: int = _DEPTH + 1
    ) -> Iterator[Run]:
        """Give the runs of an extent tree between two logical blocks.

        :param node: the root in the inode, or a block.
        :param first: the first logical block that is asked for.
        :param last: the last one.
        :param above: the depth of the node above.
        :raises Damaged: the tree is.
        """
        magic, count, _, depth = struct.unpack_from('<HHHH', node)
        self._left -= 1
        if (
            magic != _MAGIC
            or depth >= above
            or 12 + count * 12 > len(node)
            or self._left < 0
        ):
            raise Damaged('a damaged extent tree')
        entries = node[12 : 12 + count * 12]
        if not depth:
            for logical, length, high, low in struct.iter_unpack(
                '<IHHI', entries
            ):
                if logical < self._after:
                    # The same blocks again and again would take for ever.
                    raise Damaged('extents out of order')
                # Longer than that means: reserved, and reads as zeros.
                reserved = length > 32768
                self._after = logical + length - 32768 * reserved
                if not reserved and logical <= last:
                    yield logical, high << 32 | low, length
            return
        index = list(struct.iter_unpack('<IIHxx', entries))
        for number, (logical, low, high) in enumerate(index):
            if logical > last:
                break
            if number + 1 < count and index[number + 1][0] <= first:
                continue
            child = self._read(high << 32 | low)
            if len(child) < self._size:
                raise Damaged('a damaged extent tree')
            yield from self.extents(child, first, last, depth)

    def pointers(self, raw: bytes, first: int, last: int) -> Iterator[Run]:
        """Give single blocks by the pointers of ext2 and ext3.

        :param raw: the inode's fifteen pointers.
        :param first: the first logical block that is asked for.
        :param last: the last one.
        :raises Damaged: the pointers are.
        """
        pointers = struct.unpack('<15I', raw)
        for logical in range(first, min(last + 1, 12)):
            if pointers[logical]:
                yield logical, pointers[logical], 1
        base = 12
        for level in (1, 2, 3):
            yield from self._indirect(
                pointers[11 + level], level, base, first, last
            )
            base += (self._size // 4) ** level

    def _indirect(
        self, block: int, level: int, base: int, first: int, last: int
    ) -> Iterator[Run]:
        each = (self._size // 4) ** (level - 1)
        if not block or base > last or base + each * self._size // 4 <= first:
            return
        self._left -= 1
        data = self._read(block)
        if len(data) < self._size or self._left < 0:
            raise Damaged('damaged block pointers')
        begin = max((first - base) // each, 0)
        end = min((last - base) // each + 1, self._size // 4)
        for index in range(begin, end):
            (pointer,) = struct.unpack_from('<I', data, index * 4)
            here = base + index * each
            if level == 1 and pointer:
                yield here, pointer, 1
            elif level > 1:
                yield from self._indirect(
                    pointer, level - 1, here, first, last
                )
