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

"""Extended attributes of XFS.

Few lie in the inode, more in a block of the inode's second fork, many in a
tree of blocks.  Structures are those of the kernel's
``fs/xfs/libxfs/xfs_da_format.h``.
"""

import struct
from collections.abc import Callable, Iterator
from typing import NamedTuple

from image_pipeline.disk import inodes

_LOCAL, _ROOT, _SECURE, _PARENT, _INCOMPLETE = 0x1, 0x2, 0x4, 0x8, 0x80
#: Magic numbers of leaves and of inner nodes, and the bytes of their headers.
_LEAVES = {0xFBEE: 32, 0x3BEE: 80}
_NODES = {0xFEBE: 16, 0x3EBE: 64}
_MOST_BLOCKS = 1024


class Attribute(NamedTuple):
    """One extended attribute.

    :param name: in full, such as ``security.selinux``.
    :param value: its bytes, unless blocks of their own have them.
    :param block: the first logical block of the value; 0: none.
    :param size: bytes of the value.
    """

    name: str
    value: bytes
    block: int
    size: int


def in_inode(data: bytes) -> Iterator[Attribute]:
    """Give the attributes that fit into an inode.

    :param data: the fork.
    :raises ValueError: they are damaged; the message says how.
    """
    if len(data) < 4:
        return
    place = 4
    for _ in range(data[2]):
        if place + 3 > len(data):
            raise ValueError('a damaged list of attributes')
        length, size, flags = data[place : place + 3]
        start = place + 3 + length
        place = start + size
        if place > len(data):
            raise ValueError('a damaged list of attributes')
        name = data[start - length : start]
        yield from _made(flags, name, data[start:place], 0, size)


def in_blocks(read: Callable[[int], bytes]) -> Iterator[Attribute]:
    """Give the attributes of a fork that has blocks.

    :param read: gives a logical block of the fork.
    :raises ValueError: they are damaged; the message says how.
    """
    number = 0
    for _ in range(_MOST_BLOCKS):
        block = read(number)
        follows, magic = struct.unpack_from('>I4xH', block)
        header = _NODES.get(magic)
        if header:
            # The first entry leads to the first leaf; leaves are chained.
            (number,) = struct.unpack_from('>I', block, header + 4)
            if not number:
                raise ValueError('a damaged tree of attributes')
            continue
        yield from _leaf(block, magic)
        number = follows
        if not number:
            return
    raise ValueError('too many blocks of attributes')


def _leaf(block: bytes, magic: int) -> Iterator[Attribute]:
    header = _LEAVES.get(magic)
    if header is None:
        raise ValueError('a block of attributes without its magic number')
    (count,) = struct.unpack_from('>H', block, 56 if header == 80 else 12)
    if header + count * 8 > len(block):
        raise ValueError('a damaged block of attributes')
    for number in range(count):
        place, flags = struct.unpack_from(
            '>HB', block, header + number * 8 + 4
        )
        if place + (3 if flags & _LOCAL else 9) > len(block):
            raise ValueError('a damaged block of attributes')
        if flags & _LOCAL:
            size, length = struct.unpack_from('>HB', block, place)
            first, start = 0, place + 3
            end = start + length + size
        else:
            first, size, length = struct.unpack_from('>IIB', block, place)
            start = place + 9
            end = start + length
        if end > len(block) or (not flags & _LOCAL and not first):
            raise ValueError('a damaged block of attributes')
        name = block[start : start + length]
        yield from _made(flags, name, block[start + length : end], first, size)


def _made(
    flags: int, name: bytes, value: bytes, block: int, size: int
) -> Iterator[Attribute]:
    # Parent pointers are not attributes to anybody outside; an incomplete
    # one was never there.
    if flags & (_PARENT | _INCOMPLETE):
        return
    prefix = 'user.'
    if flags & _ROOT:
        prefix = 'trusted.'
    elif flags & _SECURE:
        prefix = 'security.'
    yield Attribute(prefix + inodes.text(name), value, block, size)
