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

"""The files of ext2, ext3 and ext4, read from the disk's bytes.

The Sleuth Kit reads ext too, but loops without end in C where the size of a
symbolic link is damaged (seen with pytsk3 20260715, found by flipping bits),
and takes hundreds of bytes for each name of a folder.  Here every number is
checked and every walk is bounded.  The format is the kernel's
``Documentation/filesystems/ext4``.
"""

import struct
from collections.abc import Iterator

from image_pipeline import exceptions
from image_pipeline.disk import ext, inodes, reader, signatures

KINDS = frozenset({'ext2', 'ext3', 'ext4'})
_ROOT = 2
_EXTENTS, _INLINE = 0x80000, 0x10000000
_SPARSE_SUPER = 0x1
#: Compression, and a journal that is a device of its own.
_NOT_READ = 0x1 | 0x8
_EXTENT_MAGIC = 0xF30A
_XATTR_MAGIC = 0xEA020000
#: Index blocks that one look at a file may take; 340 entries a block map
#: terabytes.
_MOST_NODES = 4096
#: Bytes and names of a folder that are read.
_MOST_FOLDER, _MOST_ENTRIES = 256 << 20, 1_000_000
_MOST_LINK = 4096
#: The upper four bits of a mode.
_TYPES = {
    0x8000: inodes.FileType.FILE,
    0x4000: inodes.FileType.FOLDER,
    0xA000: inodes.FileType.LINK,
}


class ExtFileSystem:
    """One ext file system of an image.

    :param disk: the disk; it must stay open.
    :param start: the file system's first byte.
    :param size: its length in bytes.
    :raises ImageUnreadable: it is damaged, or uses what is not read.
    """

    root = _ROOT

    def __init__(self, disk: reader.Disk, start: int, size: int) -> None:
        self._where = f'{disk.path}: the file system at byte {start}'
        self._part = signatures.Part(disk, start, min(size, disk.size - start))
        data = self._part.read(ext.SUPERBLOCK, 1024)
        if len(data) < 1024 or data[56:58] != b'\x53\xef':
            raise self._damaged('there is no superblock')
        self._inodes, blocks = struct.unpack_from('<II', data)
        self._first, log_size = struct.unpack_from('<II', data, 20)
        self._per_group, _, self._group_inodes = struct.unpack_from(
            '<III', data, 32
        )
        (revision,) = struct.unpack_from('<I', data, 76)
        self._inode_size = 128
        if revision:
            (self._inode_size,) = struct.unpack_from('<H', data, 88)
        self._incompat, self._ro_compat = struct.unpack_from('<II', data, 96)
        (self._first_meta,) = struct.unpack_from('<I', data, 260)
        self._desc_size = 32
        if self._incompat & ext.INCOMPAT_64BIT:
            (self._desc_size,) = struct.unpack_from('<H', data, 254)
            (high,) = struct.unpack_from('<I', data, 0x150)
            blocks |= high << 32
        if log_size > 6:
            raise self._damaged('its blocks are too large')
        self._block = 1024 << log_size
        self._blocks = blocks
        self._tables: dict[int, int] = {}
        self._check()

    def stat(self, inode: int) -> inodes.Stat:
        """Return what is known of an inode.

        :param inode: its number.
        :raises ImageUnreadable: it is damaged.
        """
        data = self._read_inode(inode)
        mode, uid = struct.unpack_from('<HH', data)
        (gid,) = struct.unpack_from('<H', data, 24)
        uid_high, gid_high = struct.unpack_from('<HH', data, 120)
        kind = _TYPES.get(mode & 0xF000, inodes.FileType.OTHER)
        link = None
        if kind is inodes.FileType.LINK:
            link = inodes.text(self._link(inode, data))
        return inodes.Stat(
            inode=inode,
            type=kind,
            mode=mode & 0o7777,
            uid=uid | uid_high << 16,
            gid=gid | gid_high << 16,
            size=_size(data),
            link=link,
        )

    def children(self, inode: int) -> dict[str, int]:
        """Return the names in a folder, and their inodes.

        :param inode: the folder's number.
        :raises ImageUnreadable: it is damaged.
        """
        data = self._read_inode(inode)
        size = _size(data)
        if size > min(_MOST_FOLDER, self._part.size):
            raise self._damaged(f'folder {inode} has {size} bytes')
        found: dict[str, int] = {}
        if _flags(data) & _INLINE:
            content = self._inline(data)
            # The parent's number comes first, then entries; those that do
            # not fit go on in an extended attribute.
            pieces = [content[4:60], content[60:]]
        else:
            pieces = [
                self._content(inode, data, place, self._block)
                for place in range(0, size, self._block)
            ]
        for piece in pieces:
            self._entries(inode, piece, found)
        return found

    def xattrs(self, inode: int) -> dict[str, bytes]:
        """Return no extended attributes: they are not read."""
        return {}

    def read(self, inode: int, length: int, offset: int = 0) -> bytes:
        """Return bytes of a file; fewer at its end.

        :param inode: the file's number.
        :param length: how many bytes.
        :param offset: where to begin.
        :raises ImageUnreadable: it is damaged.
        """
        data = self._read_inode(inode)
        length = min(length, _size(data) - offset)
        if length <= 0:
            return b''
        if _flags(data) & _INLINE:
            return self._inline(data)[offset : offset + length]
        return self._content(inode, data, offset, length)

    def _check(self) -> None:
        if self._incompat & _NOT_READ:
            raise self._damaged(
                f'it has features that are not read ({self._incompat:#x})'
            )
        if not 128 <= self._inode_size <= self._block:
            raise self._damaged(f'inodes of {self._inode_size} bytes')
        if not 32 <= self._desc_size <= self._block:
            raise self._damaged(f'descriptors of {self._desc_size} bytes')
        if not self._per_group or not self._group_inodes:
            raise self._damaged('its groups are empty')
        if not self._inodes or self._first > 1:
            raise self._damaged('its superblock makes no sense')
        if self.stat(_ROOT).type is not inodes.FileType.FOLDER:
            raise self._damaged('its root is no folder')

    def _read_inode(self, inode: int) -> bytes:
        if not 1 <= inode <= self._inodes:
            raise self._damaged(f'there is no inode {inode}')
        group, index = divmod(inode - 1, self._group_inodes)
        place = self._inode_table(group) * self._block
        data = self._part.read(
            place + index * self._inode_size, self._inode_size
        )
        if len(data) < self._inode_size:
            raise self._damaged(f'inode {inode} lies outside of it')
        return data

    def _inode_table(self, group: int) -> int:
        table = self._tables.get(group)
        if table is None:
            place = self._descriptor(group)
            data = self._part.read(place, self._desc_size)
            if len(data) < self._desc_size:
                raise self._damaged(f'group {group} lies outside of it')
            (table,) = struct.unpack_from('<I', data, 8)
            if self._desc_size >= 64:
                (high,) = struct.unpack_from('<I', data, 40)
                table |= high << 32
            self._tables[group] = table
        return int(table)

    def _descriptor(self, group: int) -> int:
        """Return where a group's descriptor is, in bytes."""
        per_block = self._block // self._desc_size
        block, index = divmod(group, per_block)
        here = self._first + 1 + block
        if self._incompat & ext.INCOMPAT_META_BG and block >= self._first_meta:
            # Each meta group keeps its own, in its first group.
            first = block * per_block
            here = self._first + first * self._per_group
            here += self._has_superblock(first)
        return int(here * self._block + index * self._desc_size)

    def _has_superblock(self, group: int) -> bool:
        if group <= 1 or not self._ro_compat & _SPARSE_SUPER:
            return True
        for base in (3, 5, 7):
            power = base
            while power < group:
                power *= base
            if power == group:
                return True
        return False

    def _link(self, inode: int, data: bytes) -> bytes:
        size = _size(data)
        if size > _MOST_LINK:
            raise self._damaged(f'link {inode} has {size} bytes')
        if _flags(data) & _INLINE:
            return self._inline(data)[:size]
        if size < 60 and not _flags(data) & _EXTENTS:
            return data[40 : 40 + size]
        return self._content(inode, data, 0, size)

    def _inline(self, data: bytes) -> bytes:
        """Return what an inode holds in itself: 60 bytes and an attribute."""
        content = data[40:100]
        if self._inode_size < 132:
            return content
        (extra,) = struct.unpack_from('<H', data, 128)
        base = 128 + extra
        if data[base : base + 4] != struct.pack('<I', _XATTR_MAGIC):
            return content
        place = first = base + 4
        while place + 16 <= len(data) and data[place]:
            name_length, index, where = struct.unpack_from('<BBH', data, place)
            (size,) = struct.unpack_from('<I', data, place + 8)
            name = data[place + 16 : place + 16 + name_length]
            if index == 7 and name == b'data':
                return content + data[first + where : first + where + size]
            place += (16 + name_length + 3) & ~3
        return content

    def _content(
        self, inode: int, data: bytes, offset: int, length: int
    ) -> bytes:
        """Return bytes of a file's blocks; what has no block is zero."""
        first = offset // self._block
        last = (offset + length - 1) // self._block
        found = bytearray((last - first + 1) * self._block)
        nodes = [_MOST_NODES]
        if _flags(data) & _EXTENTS:
            runs = self._extents(inode, data[40:100], first, last, 6, nodes)
        else:
            runs = self._pointers(inode, data[40:100], first, last, nodes)
        for logical, physical, count in runs:
            begin = max(logical, first)
            end = min(logical + count, last + 1)
            if begin >= end:
                continue
            physical += begin - logical
            if physical + end - begin > self._blocks:
                raise self._damaged(f'inode {inode} has blocks outside of it')
            piece = self._part.read(
                physical * self._block, (end - begin) * self._block
            )
            place = (begin - first) * self._block
            found[place : place + len(piece)] = piece
        begin = offset - first * self._block
        return bytes(found[begin : begin + length])

    def _extents(
        self,
        inode: int,
        node: bytes,
        first: int,
        last: int,
        above: int,
        nodes: list[int],
    ) -> Iterator[tuple[int, int, int]]:
        """Give the runs of blocks between two logical ones."""
        magic, count, _, depth = struct.unpack_from('<HHHH', node)
        nodes[0] -= 1
        if (
            magic != _EXTENT_MAGIC
            or depth >= above
            or 12 + count * 12 > len(node)
            or nodes[0] < 0
        ):
            raise self._damaged(f'inode {inode} has a damaged extent tree')
        for index in range(count):
            place = 12 + index * 12
            if not depth:
                logical, length, high, low = struct.unpack_from(
                    '<IHHI', node, place
                )
                # Longer than that means: reserved, and reads as zeros.
                if length <= 32768:
                    yield logical, high << 32 | low, length
                continue
            logical, low, high = struct.unpack_from('<IIH', node, place)
            after = None
            if index + 1 < count:
                (after,) = struct.unpack_from('<I', node, place + 12)
            if logical > last or (after is not None and after <= first):
                continue
            child = self._part.read(
                (high << 32 | low) * self._block, self._block
            )
            if len(child) < self._block:
                raise self._damaged(f'inode {inode} has a damaged extent tree')
            yield from self._extents(inode, child, first, last, depth, nodes)

    def _pointers(
        self, inode: int, raw: bytes, first: int, last: int, nodes: list[int]
    ) -> Iterator[tuple[int, int, int]]:
        """Give single blocks by the pointers of ext2 and ext3."""
        pointers = struct.unpack('<15I', raw)
        for logical in range(first, min(last + 1, 12)):
            if pointers[logical]:
                yield logical, pointers[logical], 1
        base = 12
        for level in (1, 2, 3):
            yield from self._indirect(
                inode, pointers[11 + level], level, base, first, last, nodes
            )
            base += (self._block // 4) ** level

    def _indirect(
        self,
        inode: int,
        block: int,
        level: int,
        base: int,
        first: int,
        last: int,
        nodes: list[int],
    ) -> Iterator[tuple[int, int, int]]:
        each = (self._block // 4) ** (level - 1)
        if not block or base > last or base + each * self._block // 4 <= first:
            return
        nodes[0] -= 1
        data = self._part.read(block * self._block, self._block)
        if len(data) < self._block or nodes[0] < 0:
            raise self._damaged(f'inode {inode} has damaged block pointers')
        begin = max((first - base) // each, 0)
        end = min((last - base) // each + 1, self._block // 4)
        for index in range(begin, end):
            (pointer,) = struct.unpack_from('<I', data, index * 4)
            here = base + index * each
            if level == 1 and pointer:
                yield here, pointer, 1
            elif level > 1:
                yield from self._indirect(
                    inode, pointer, level - 1, here, first, last, nodes
                )

    def _entries(self, inode: int, data: bytes, found: dict[str, int]) -> None:
        """Add the names of one block of a folder."""
        place = 0
        while place + 8 <= len(data):
            child, step, length = struct.unpack_from('<IHB', data, place)
            if step in (0, 65535) and len(data) == 65536:
                # A block of 64 KiB does not fit into the field.
                step = 65536
            if step < 8 or step % 4 or place + step > len(data):
                if not any(data[place:]):
                    return
                raise self._damaged(f'folder {inode} has a damaged entry')
            name = data[place + 8 : place + 8 + length]
            if child and name not in (b'', b'.', b'..'):
                found[inodes.text(name)] = child
                if len(found) > _MOST_ENTRIES:
                    raise self._damaged(f'folder {inode} has too many names')
            place += step

    def _damaged(self, why: str) -> exceptions.ImageUnreadable:
        return exceptions.ImageUnreadable(
            f'{self._where} is damaged: {why}',
            hint='check a copy of it, converted to raw, with: e2fsck -fn',
        )


def _flags(data: bytes) -> int:
    (flags,) = struct.unpack_from('<I', data, 32)
    return int(flags)


def _size(data: bytes) -> int:
    (low,) = struct.unpack_from('<I', data, 4)
    (high,) = struct.unpack_from('<I', data, 108)
    return int(low | high << 32)
