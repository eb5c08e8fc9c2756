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
from collections.abc import Iterable, Iterator

from image_pipeline import exceptions
from image_pipeline.disk import (
    ext,
    ext_attributes,
    ext_blocks,
    ext_folders,
    inodes,
    pieces,
    reader,
    signatures,
)

KINDS = frozenset({'ext2', 'ext3', 'ext4'})
_ROOT = 2
#: Flags of inodes: include/uapi/linux/fs.h and fs/ext4/ext4.h.
_IMMUTABLE, _ENCRYPTED, _EXTENTS = 0x10, 0x800, 0x80000
_INLINE, _CASEFOLD = 0x10000000, 0x40000000
_SPARSE_SUPER = 0x1
#: Compression, and a journal that is a device of its own.
_NOT_READ = 0x1 | 0x8
#: Bytes and names of a folder that are read.
_MOST_FOLDER, _MOST_ENTRIES = 64 << 20, 200_000
_MOST_LINK = 4096
#: The longest value of an extended attribute (XATTR_SIZE_MAX).
_MOST_VALUE = 65536
#: Bytes of a folder that are read at once.
_FOLDER_STEP = 1 << 20
#: Mode, owner, size, mtime, group, flags, upper halves.
_FIELDS = struct.Struct('<HHI8xi4xH6xI72xI8xHH')
#: The upper four bits of a mode.
_TYPES = {
    0x8000: inodes.FileType.FILE,
    0x4000: inodes.FileType.FOLDER,
    0xA000: inodes.FileType.LINK,
}
_LINK, _OTHER = inodes.FileType.LINK, inodes.FileType.OTHER
_new = tuple.__new__


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
        self._pieces = pieces.Pieces(self._part)
        self._check()

    def stat(self, inode: int) -> inodes.Stat:
        """Return what is known of an inode.

        :param inode: its number.
        :raises ImageUnreadable: it is damaged.
        """
        size = self._inode_size
        data, at = self._find_inode(inode)
        mode, uid, low, mtime, gid, flags, high, uid_high, gid_high = (
            _FIELDS.unpack_from(data, at)
        )
        kind = _TYPES.get(mode & 0xF000, _OTHER)
        link = None
        if kind is _LINK:
            link = inodes.text(self._link(inode, data[at : at + size]))
        if size >= 140 and data[at + 136] & 3 and data[at + 128] >= 12:
            # The epoch in the lowest bits of i_mtime_extra.
            mtime += (data[at + 136] & 3) << 32
        uid, gid = uid | uid_high << 16, gid | gid_high << 16
        length, is_fixed = low | high << 32, flags & _IMMUTABLE != 0
        known = inode, kind, mode & 0o7777, uid, gid, length, link, mtime
        # As Stat(...) does, in a third of the time.
        return _new(inodes.Stat, (*known, is_fixed))

    def expect(self, folders: Iterable[int]) -> None:
        """Have the blocks ready in which folders begin.

        :param folders: those whose children are asked for next.
        """
        places = []
        for inode in folders:
            try:
                data = self._read_inode(inode)
            except exceptions.ImageUnreadable:
                continue
            block = ext_blocks.first(data[40:100], _flags(data) & _EXTENTS)
            if block and not _flags(data) & _INLINE:
                places.append(self._part.start + block * self._block)
        self._part.disk.expect(places)

    def children(self, inode: int) -> dict[str, int]:
        """Return the names in a folder, and their inodes.

        :param inode: the folder's number.
        :raises ImageUnreadable: it is damaged, or its names are encrypted
            or compared without case.
        """
        data = self._read_inode(inode)
        if _flags(data) & _CASEFOLD:
            raise self._not_read(f'folder {inode} ignores case')
        self._check_plain(inode, data)
        size = _size(data)
        if size > min(_MOST_FOLDER, self._part.size):
            raise self._damaged(f'folder {inode} has {size} bytes')
        found: dict[str, int] = {}
        try:
            for piece in self._folder(inode, data, size):
                ext_folders.add_names(piece, found)
                if len(found) > _MOST_ENTRIES:
                    raise self._not_read(
                        f'folder {inode} has more than {_MOST_ENTRIES} names'
                    )
        except ValueError as exc:
            raise self._damaged(f'folder {inode} has {exc}') from exc
        return found

    def xattrs(self, inode: int) -> dict[str, bytes]:
        """Return the extended attributes of a file.

        :param inode: its number.
        :raises ImageUnreadable: they are damaged.
        """
        data = self._read_inode(inode)
        (block,) = struct.unpack_from('<I', data, 104)
        (high,) = struct.unpack_from('<H', data, 118)
        if self._incompat & ext.INCOMPAT_64BIT:
            block |= high << 32
        try:
            found = ext_attributes.of_inode(data)
            if block:
                found += ext_attributes.of_block(self._read_block(block))
        except ValueError as exc:
            raise self._damaged(f'inode {inode}: {exc}') from exc
        return {
            one.name: self.read(one.inode, min(one.size, _MOST_VALUE))
            if one.inode
            else one.value
            for one in found
            if one.name != ext_attributes.INLINE_DATA
        }

    def read(self, inode: int, length: int, offset: int = 0) -> bytes:
        """Return bytes of a file; fewer at its end.

        :param inode: the file's number.
        :param length: how many bytes.
        :param offset: where to begin.
        :raises ImageUnreadable: it is damaged, or encrypted.
        """
        data = self._read_inode(inode)
        length = min(length, _size(data) - offset)
        if length <= 0:
            return b''
        self._check_plain(inode, data)
        if _flags(data) & _INLINE:
            return self._inline(inode, data)[offset : offset + length]
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

    def _check_plain(self, inode: int, data: bytes) -> None:
        if _flags(data) & _ENCRYPTED:
            raise self._not_read(f'inode {inode} is encrypted')

    def _read_inode(self, inode: int) -> bytes:
        data, at = self._find_inode(inode)
        return data[at : at + self._inode_size]

    def _find_inode(self, inode: int) -> tuple[bytes, int]:
        """Return bytes with an inode in them, and where it begins."""
        if not 1 <= inode <= self._inodes:
            raise self._damaged(f'there is no inode {inode}')
        group, index = divmod(inode - 1, self._group_inodes)
        table = self._tables.get(group)
        if table is None:
            table = self._inode_table(group)
        size = self._inode_size
        data, at = self._pieces.find(table + index * size, size)
        if len(data) < at + size:
            raise self._damaged(f'inode {inode} lies outside of it')
        return data, at

    def _inode_table(self, group: int) -> int:
        """Return where a group's inodes begin, in bytes."""
        data = self._part.read(self._descriptor(group), self._desc_size)
        if len(data) < self._desc_size:
            raise self._damaged(f'group {group} lies outside of it')
        (table,) = struct.unpack_from('<I', data, 8)
        if self._desc_size >= 64:
            (high,) = struct.unpack_from('<I', data, 40)
            table |= high << 32
        self._tables[group] = int(table) * self._block
        return self._tables[group]

    def _descriptor(self, group: int) -> int:
        """Return where a group's descriptor is, in bytes."""
        per_block = self._block // self._desc_size
        block, index = divmod(group, per_block)
        # The superblock's own block: with clusters of several blocks it is
        # not the first one, even where blocks have 1 KiB.
        here = (self._block == ext.SUPERBLOCK) + 1 + block
        if self._incompat & ext.INCOMPAT_META_BG and block >= self._first_meta:
            # Each meta group keeps its own, in its first group.
            first = block * per_block
            here = self._first + first * self._per_group
            here += self._has_superblock(first)
            if not first and not self._first:
                here += self._block == ext.SUPERBLOCK
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
        flags = _flags(data)
        if flags & _ENCRYPTED:
            # Where it leads is not known; that it is there is.
            return b''
        if flags & _INLINE:
            return self._inline(inode, data)[:size]
        if size < 60 and not flags & _EXTENTS:
            return data[40 : 40 + size]
        return self._content(inode, data, 0, size)

    def _inline(self, inode: int, data: bytes) -> bytes:
        """Return what an inode holds in itself: 60 bytes and an attribute."""
        content = data[40:100]
        try:
            for one in ext_attributes.of_inode(data):
                if one.name == ext_attributes.INLINE_DATA:
                    return content + one.value
        except ValueError as exc:
            raise self._damaged(f'inode {inode}: {exc}') from exc
        return content

    def _read_block(self, block: int) -> bytes:
        return self._part.read(block * self._block, self._block)

    def _content(
        self, inode: int, data: bytes, offset: int, length: int
    ) -> bytes:
        """Return bytes of a file's blocks; what has no block is zero."""
        first = offset // self._block
        last = (offset + length - 1) // self._block
        walk = ext_blocks.Walk(self._read_block, self._block, last - first + 1)
        look = walk.extents if _flags(data) & _EXTENTS else walk.pointers
        found: bytearray | None = None
        try:
            for logical, physical, count in look(data[40:100], first, last):
                begin = max(logical, first)
                end = min(logical + count, last + 1)
                if begin >= end:
                    continue
                physical += begin - logical
                if physical + end - begin > self._blocks:
                    raise ext_blocks.Damaged('blocks outside of it')
                piece = self._part.read(
                    physical * self._block, (end - begin) * self._block
                )
                if begin == first and end > last:
                    # All of it in one run: nothing to be put together.
                    within = offset - first * self._block
                    piece = piece[within : within + length]
                    return piece + bytes(length - len(piece))
                if found is None:
                    found = bytearray((last - first + 1) * self._block)
                place = (begin - first) * self._block
                found[place : place + len(piece)] = piece
        except ext_blocks.Damaged as exc:
            raise self._damaged(f'inode {inode} has {exc}') from exc
        if found is None:
            return bytes(length)
        begin = offset - first * self._block
        return bytes(found[begin : begin + length])

    def _folder(self, inode: int, data: bytes, size: int) -> Iterator[bytes]:
        """Give the pieces of a folder in which entries lie."""
        if _flags(data) & _INLINE:
            content = self._inline(inode, data)
            # The parent's number comes first, then entries; those that do
            # not fit go on in an extended attribute.
            yield content[4:60]
            yield content[60:]
            return
        block = self._block
        for place in range(0, size, _FOLDER_STEP):
            many = self._content(
                inode, data, place, min(_FOLDER_STEP, size - place)
            )
            if len(many) <= block:
                yield many
                continue
            for start in range(0, len(many), block):
                yield many[start : start + block]

    def _damaged(self, why: str) -> exceptions.ImageUnreadable:
        return exceptions.ImageUnreadable(
            f'{self._where} is damaged: {why}',
            hint='check a copy of it, converted to raw, with: e2fsck -fn',
        )

    def _not_read(self, why: str) -> exceptions.ImageUnreadable:
        return exceptions.ImageUnreadable(
            f'{self._where} cannot be read: {why}'
        )


def _flags(data: bytes) -> int:
    (flags,) = struct.unpack_from('<I', data, 32)
    return int(flags)


def _size(data: bytes) -> int:
    (low,) = struct.unpack_from('<I', data, 4)
    (high,) = struct.unpack_from('<I', data, 108)
    return int(low | high << 32)
