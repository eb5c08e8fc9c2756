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

"""Which blocks a fork of an XFS inode has.

Every number is checked, and every walk is bounded.  Structures are those of
the kernel's ``fs/xfs/libxfs/xfs_format.h``.
"""

import struct
from collections.abc import Callable, Iterator

#: Magic numbers and header sizes of the blocks of an extent tree.
_HEADERS = {b'BMAP': 24, b'BMA3': 72}
_UNWRITTEN = 1 << 63
#: XFS_BTREE_MAXLEVELS.
_MOST_LEVELS = 9
#: Blocks of a tree that one look at a fork may take: one for each block that
#: is asked for, were they all apart, some above, and no more than these.
_ABOVE, _MOST_NODES = 16, 4096

#: First logical block, first block of the file system, how many.
Run = tuple[int, int, int]


class Damaged(ValueError):
    """A fork's blocks cannot be told; the message says why."""


class Walk:
    """One look at a fork's blocks.

    :param read: gives a block by its number; short if there is no such one.
    :param size: bytes in a block.
    :param blocks: how many blocks of the fork are asked for.
    """

    def __init__(
        self, read: Callable[[int], bytes], size: int, blocks: int
    ) -> None:
        self._read = read
        self._size = size
        self._left = min(blocks + _ABOVE, _MOST_NODES)
        self._after = 0

    def records(self, data: bytes, first: int, last: int) -> Iterator[Run]:
        """Give the runs of a list of extents between two logical blocks.

        Blocks that were reserved and never written are left out: they read
        as zeros.

        :param data: sixteen bytes for each.
        :param first: the first logical block that is asked for.
        :param last: the last one.
        :raises Damaged: they are not in order.
        """
        for high, low in struct.iter_unpack('>QQ', data):
            logical = high >> 9 & (1 << 54) - 1
            count = low & (1 << 21) - 1
            if logical < self._after:
                # The same blocks again and again would take for ever.
                raise Damaged('extents out of order')
            self._after = logical + count
            if high & _UNWRITTEN or logical > last:
                continue
            if logical + count > first:
                yield logical, (high & 0x1FF) << 43 | low >> 21, count

    def tree(self, root: bytes, first: int, last: int) -> Iterator[Run]:
        """Give the runs of an extent tree between two logical blocks.

        :param root: the fork's bytes in the inode.
        :param first: the first logical block that is asked for.
        :param last: the last one.
        :raises Damaged: the tree is.
        """
        level, count = struct.unpack_from('>HH', root)
        if not 0 < level <= _MOST_LEVELS:
            raise Damaged('a damaged extent tree')
        yield from self._below(
            root[4:], level, count, (len(root) - 4) // 16, first, last
        )

    def _below(
        self,
        body: bytes,
        level: int,
        count: int,
        room: int,
        first: int,
        last: int,
    ) -> Iterator[Run]:
        """Give what the blocks below an inner node have."""
        if count > room:
            raise Damaged('a damaged extent tree')
        keys = struct.unpack_from(f'>{count}Q', body)
        pointers = struct.unpack_from(f'>{count}Q', body, room * 8)
        for number, (key, pointer) in enumerate(
            zip(keys, pointers, strict=True)
        ):
            if key > last:
                return
            if number + 1 < count and keys[number + 1] <= first:
                continue
            yield from self._node(pointer, level - 1, first, last)

    def _node(
        self, pointer: int, level: int, first: int, last: int
    ) -> Iterator[Run]:
        self._left -= 1
        data = self._read(pointer)
        header = _HEADERS.get(data[:4])
        if self._left < 0 or header is None or len(data) < self._size:
            raise Damaged('a damaged extent tree')
        found, count = struct.unpack_from('>HH', data, 4)
        room = (self._size - header) // 16
        if found != level or count > room:
            raise Damaged('a damaged extent tree')
        body = data[header:]
        if level:
            yield from self._below(body, level, count, room, first, last)
        else:
            yield from self.records(body[: count * 16], first, last)
