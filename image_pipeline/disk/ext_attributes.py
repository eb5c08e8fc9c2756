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

"""Extended attributes of ext file systems.

They lie behind the fields of an inode, and in one block that inodes may
share.  Offsets are those of the kernel's ``fs/ext4/xattr.h``.
"""

import struct
from collections.abc import Iterator
from typing import NamedTuple

from image_pipeline.disk import inodes

MAGIC = struct.pack('<I', 0xEA020000)
#: The attribute in which a small file's content goes on.
INLINE_DATA = 'system.data'
#: Bytes in front of the entries of a block.
_BLOCK_HEADER = 32
#: Name indices of fs/ext4/xattr.h.
_PREFIXES = {
    0: '',
    1: 'user.',
    2: 'system.posix_acl_access',
    3: 'system.posix_acl_default',
    4: 'trusted.',
    6: 'security.',
    7: 'system.',
    8: 'system.richacl',
}


class Attribute(NamedTuple):
    """One extended attribute.

    :param name: in full, such as ``security.selinux``.
    :param value: its bytes, unless an inode has them.
    :param inode: the inode whose content is the value; 0: none.
    :param size: bytes of the value.
    """

    name: str
    value: bytes
    inode: int
    size: int


def of_inode(data: bytes) -> list[Attribute]:
    """Return the attributes that lie in an inode.

    :param data: the inode's bytes, all of them.
    :raises ValueError: they are damaged; the message says how.
    """
    if len(data) < 132:
        return []
    (extra,) = struct.unpack_from('<H', data, 128)
    base = 128 + extra
    if data[base : base + 4] != MAGIC:
        return []
    return list(_entries(data, base + 4, base + 4))


def of_block(data: bytes) -> list[Attribute]:
    """Return the attributes of a block that holds nothing else.

    :param data: the block.
    :raises ValueError: they are damaged; the message says how.
    """
    if data[:4] != MAGIC:
        raise ValueError('a block of extended attributes has no magic number')
    return list(_entries(data, _BLOCK_HEADER, 0))


def _entries(data: bytes, place: int, base: int) -> Iterator[Attribute]:
    """Give the attributes of a list that ends with four zero bytes."""
    while place + 16 <= len(data) and data[place : place + 4] != bytes(4):
        length, index, where, inode, size = struct.unpack_from(
            '<BBHII', data, place
        )
        raw = data[place + 16 : place + 16 + length]
        start = base + where
        if len(raw) < length or (not inode and start + size > len(data)):
            raise ValueError('an extended attribute lies outside of its list')
        yield Attribute(
            _PREFIXES.get(index, f'{index}.') + inodes.text(raw),
            b'' if inode else data[start : start + size],
            inode,
            size,
        )
        place += (16 + length + 3) & ~3
