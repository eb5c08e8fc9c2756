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

"""The entries of a folder of ext file systems.

Hashed folders are read like plain ones: their inner nodes look like blocks
with one empty entry (the kernel's ``Documentation/filesystems/ext4``).
"""

import struct

_ENTRY = struct.Struct('<IHB')
_SELF = frozenset({b'.', b'..'})


def add_names(block: bytes, found: dict[str, int]) -> None:
    """Add the names of one block, and their inodes.

    :param block: of a folder; or what an inode holds of one.
    :param found: is added to; bytes that are not UTF-8 become surrogates.
    :raises ValueError: it is damaged; the message says what.
    """
    place, end = 0, len(block)
    unpack = _ENTRY.unpack_from
    while place + 8 <= end:
        child, step, length = unpack(block, place)
        if step in (0, 65535) and end == 65536:
            # A block of 64 KiB does not fit into the field.
            step = 65536
        if step < 8 or step % 4 or place + step > end:
            if not any(block[place:]):
                return
            raise ValueError('a damaged entry')
        name = block[place + 8 : place + 8 + length]
        place += step
        if child and name and name not in _SELF:
            if b'/' in name or b'\0' in name:
                raise ValueError('a name that cannot be')
            found[name.decode('utf-8', 'surrogateescape')] = child
