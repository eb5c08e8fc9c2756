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

"""The entries of an XFS folder.

They lie in the inode, or in blocks of which some also hold an index; the
index is not needed to list them.  Structures are those of the kernel's
``fs/xfs/libxfs/xfs_da_format.h``.
"""

import struct

#: Magic numbers of blocks: with an index at the end, and without; and the
#: bytes of their headers.
_INDEXED = {b'XD2B': 16, b'XDB3': 64}
_PLAIN = {b'XD2D': 16, b'XDD3': 64}
_FREE = 0xFFFF
#: Where the index of a folder begins, in its own bytes (XFS_DIR2_LEAF_OFFSET).
INDEX = 1 << 35


def in_inode(data: bytes, has_type: bool) -> dict[str, int]:
    """Return the names in a folder that fits into its inode.

    :param data: the fork.
    :param has_type: whether each entry says what it is.
    :raises ValueError: it is damaged; the message says what.
    """
    count, wide = data[0], data[1]
    width = 8 if wide else 4
    place = 2 + width
    found: dict[str, int] = {}
    for _ in range(max(count, wide)):
        end = place + 3 + (data[place] if place < len(data) else 0)
        after = end + has_type + width
        if after > len(data):
            raise ValueError('a damaged entry')
        inode = int.from_bytes(data[after - width : after], 'big')
        _add(found, data[place + 3 : end], inode)
        place = after
    return found


def add_names(block: bytes, has_type: bool, found: dict[str, int]) -> None:
    """Add the names of one block, and their inodes.

    :param block: all of it.
    :param has_type: whether each entry says what it is.
    :param found: is added to; bytes that are not UTF-8 become surrogates.
    :raises ValueError: it is damaged; the message says what.
    """
    magic, end = block[:4], len(block)
    place = _PLAIN.get(magic, 0)
    if not place:
        place = _INDEXED.get(magic, 0)
        if not place:
            raise ValueError('a block without its magic number')
        (count,) = struct.unpack_from('>I', block, end - 8)
        end -= 8 + count * 8
    while place < end:
        if place + 8 > end:
            raise ValueError('a damaged entry')
        tag, length = struct.unpack_from('>HH', block, place)
        if tag == _FREE:
            # The least gap has eight bytes, the least entry has sixteen.
            if length < 8 or length % 8:
                raise ValueError('a damaged gap')
            place += length
            continue
        if place + 16 > end:
            raise ValueError('a damaged entry')
        inode, length = struct.unpack_from('>QB', block, place)
        name = block[place + 9 : place + 9 + length]
        place += (9 + length + has_type + 2 + 7) & ~7
        if not length or place > end:
            raise ValueError('a damaged entry')
        if name not in (b'.', b'..'):
            _add(found, name, inode)


def _add(found: dict[str, int], name: bytes, inode: int) -> None:
    if b'/' in name or b'\0' in name or not name:
        raise ValueError('a name that cannot be')
    found[name.decode('utf-8', 'surrogateescape')] = inode
