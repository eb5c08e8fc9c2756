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

"""The files of XFS, versions 4 and 5, read from the disk's bytes.

The Sleuth Kit does not read XFS.  libfsxfs does, but not one name that is
not UTF-8 (seen with libfsxfs-python 20260901): such a file could be hidden
from every rule.  Here every number is checked and every walk is bounded.
Structures are those of the kernel's ``fs/xfs/libxfs/xfs_format.h``; what an
unclean log holds is not replayed.
"""

import struct
from collections.abc import Iterator

from image_pipeline import exceptions
from image_pipeline.disk import (
    inodes,
    pieces,
    reader,
    signatures,
    xfs,
    xfs_attributes,
    xfs_blocks,
    xfs_folders,
    xfs_inode,
)

KINDS = frozenset({'xfs'})
#: Incompatible features that change nothing of what is read here, or that
#: are read.
_KNOWN = (
    xfs.INCOMPAT_FTYPE
    | xfs.INCOMPAT_SPINODES
    | xfs.INCOMPAT_META_UUID
    | xfs.INCOMPAT_BIGTIME
    | xfs.INCOMPAT_NEEDSREPAIR
    | xfs.INCOMPAT_NREXT64
    | xfs.INCOMPAT_EXCHRANGE
    | xfs.INCOMPAT_PARENT
    | xfs.INCOMPAT_METADIR
)
#: Bits of the version number: folders of version 2, such that ignore case;
#: and of the further features of version 4: types of entries.
_FOLDERS_V2, _NO_CASE, _FTYPE_V4 = 0x2000, 0x4000, 0x200
_MOST_FOLDER, _MOST_ENTRIES = 64 << 20, 200_000
#: XFS_SYMLINK_MAXLEN; XATTR_SIZE_MAX.
_MOST_LINK, _MOST_VALUE = 1024, 65536
#: Headers of blocks of links and of attributes' values, version 5.
_LINK_HEADER, _VALUE_HEADER = 56, 56


class XfsFileSystem:
    """One XFS of an image.

    :param disk: the disk; it must stay open.
    :param start: the file system's first byte.
    :param size: its length in bytes.
    :raises ImageUnreadable: it is damaged, or uses what is not read.
    """

    def __init__(self, disk: reader.Disk, start: int, size: int) -> None:
        self._where = f'{disk.path}: the file system at byte {start}'
        self._part = signatures.Part(disk, start, min(size, disk.size - start))
        self._pieces = pieces.Pieces(self._part)
        data = self._part.read(0, 512)
        if len(data) < 512 or data[:4] != xfs.MAGIC:
            raise self._damaged('there is no superblock')
        (self._block, self._blocks) = struct.unpack_from('>IQ', data, 4)
        (self.root,) = struct.unpack_from('>Q', data, 56)
        self._group_blocks, self._groups = struct.unpack_from('>II', data, 84)
        (version, _, self._inode_size) = struct.unpack_from('>HHH', data, 100)
        self._block_log, _, _, self._per_block_log, self._group_log = data[
            120:125
        ]
        (further,) = struct.unpack_from('>I', data, 200)
        self._is_v5 = version & 0xF == 5
        incompat = 0
        if self._is_v5:
            (incompat,) = struct.unpack_from('>I', data, 216)
            self._has_type = bool(incompat & xfs.INCOMPAT_FTYPE)
        else:
            self._has_type = bool(version & 0x8000 and further & _FTYPE_V4)
        self._folder_block = self._block << min(data[192], 16)
        self._check(version, incompat)

    def _check(self, version: int, incompat: int) -> None:
        if version & 0xF not in (4, 5) or not version & _FOLDERS_V2:
            raise self._not_read(f'it has version {version & 0xF}')
        if incompat & ~_KNOWN:
            raise self._not_read(
                f'it has features that are not known ({incompat:#x})'
            )
        if version & _NO_CASE:
            raise self._not_read('its names ignore case')
        if (
            not 512 <= self._block <= 65536
            or self._block != 1 << self._block_log
            or not 256 <= self._inode_size <= min(self._block, 2048)
            or self._inode_size << self._per_block_log != self._block
            or self._folder_block > 65536
            or not self._groups
            or not 0 < self._group_blocks <= 1 << min(self._group_log, 31)
        ):
            raise self._damaged('its superblock makes no sense')
        if self.stat(self.root).type is not inodes.FileType.FOLDER:
            raise self._damaged('its root is no folder')

    def stat(self, inode: int) -> inodes.Stat:
        """Return what is known of an inode.

        :param inode: its number.
        :raises ImageUnreadable: it is damaged.
        """
        data = self._read_inode(inode)
        link = None
        if xfs_inode.kind(data) is inodes.FileType.LINK:
            link = inodes.text(self._link(inode, data))
        return xfs_inode.stat(data, inode, link)

    def children(self, inode: int) -> dict[str, int]:
        """Return the names in a folder, and their inodes.

        :param inode: the folder's number.
        :raises ImageUnreadable: it is damaged.
        """
        data = self._read_inode(inode)
        fork = xfs_inode.content(data)
        size = xfs_inode.size(data)
        found: dict[str, int] = {}
        try:
            if fork.format == xfs_inode.LOCAL:
                return xfs_folders.in_inode(fork.data[:size], self._has_type)
            for block in self._folder(fork, size):
                xfs_folders.add_names(block, self._has_type, found)
                if len(found) > _MOST_ENTRIES:
                    raise self._not_read(
                        f'folder {inode} has more than {_MOST_ENTRIES} names'
                    )
        except (ValueError, IndexError) as exc:
            raise self._damaged(f'folder {inode} has {exc}') from exc
        return found

    def xattrs(self, inode: int) -> dict[str, bytes]:
        """Return the extended attributes of a file.

        :param inode: its number.
        :raises ImageUnreadable: they are damaged.
        """
        data = self._read_inode(inode)
        fork = xfs_inode.attributes(data)
        if fork is None:
            return {}
        found: dict[str, bytes] = {}
        try:
            if fork.format == xfs_inode.LOCAL:
                listed = xfs_attributes.in_inode(fork.data)
            else:
                listed = xfs_attributes.in_blocks(
                    lambda number: self._content(
                        fork, number * self._block, self._block
                    )
                )
            for one in listed:
                found[one.name] = (
                    self._value(fork, one) if one.block else one.value
                )
        except (ValueError, struct.error) as exc:
            raise self._damaged(f'inode {inode} has {exc}') from exc
        return found

    def read(self, inode: int, length: int, offset: int = 0) -> bytes:
        """Return bytes of a file; fewer at its end.

        :param inode: the file's number.
        :param length: how many bytes.
        :param offset: where to begin.
        :raises ImageUnreadable: it is damaged, or on a realtime device.
        """
        data = self._read_inode(inode)
        length = min(length, xfs_inode.size(data) - offset)
        if length <= 0:
            return b''
        if xfs_inode.is_realtime(data):
            raise self._not_read(f'inode {inode} is on a realtime device')
        try:
            return self._content(xfs_inode.content(data), offset, length)
        except (ValueError, struct.error) as exc:
            raise self._damaged(f'inode {inode} has {exc}') from exc

    def _read_inode(self, inode: int) -> bytes:
        block, within = divmod(inode, 1 << self._per_block_log)
        place = self._place(block, f'inode {inode}')
        size = self._inode_size
        data = self._pieces.read(place + within * size, size)
        wrong = xfs_inode.problem(data, inode)
        if wrong or len(data) < size:
            raise self._damaged(f'inode {inode} {wrong or "is cut short"}')
        return data

    def _place(self, block: int, what: str) -> int:
        """Return where a block is, in bytes of the part."""
        group = block >> self._group_log
        within = block & (1 << self._group_log) - 1
        if group >= self._groups or within >= self._group_blocks:
            raise self._damaged(f'{what} lies outside of it')
        return int((group * self._group_blocks + within) * self._block)

    def _read_block(self, block: int) -> bytes:
        return self._part.read(self._place(block, 'a block'), self._block)

    def _runs(
        self, fork: xfs_inode.Fork, first: int, last: int
    ) -> Iterator[xfs_blocks.Run]:
        """Give the runs of blocks of a fork between two logical ones."""
        walk = xfs_blocks.Walk(self._read_block, self._block, last - first + 1)
        if fork.format == xfs_inode.EXTENTS:
            if fork.extents * 16 > len(fork.data):
                raise ValueError('more extents than there is room for')
            return walk.records(fork.data[: fork.extents * 16], first, last)
        if fork.format == xfs_inode.TREE:
            return walk.tree(fork.data, first, last)
        raise ValueError('a fork without a format')

    def _content(
        self, fork: xfs_inode.Fork, offset: int, length: int
    ) -> bytes:
        """Return bytes of a fork's blocks; what has no block is zero."""
        first = offset // self._block
        last = (offset + length - 1) // self._block
        found = bytearray((last - first + 1) * self._block)
        for logical, physical, count in self._runs(fork, first, last):
            begin = max(logical, first)
            end = min(logical + count, last + 1)
            if begin >= end:
                continue
            physical += begin - logical
            place = self._place(physical, 'an extent')
            # No extent goes beyond its group.
            self._place(physical + end - begin - 1, 'an extent')
            piece = self._part.read(place, (end - begin) * self._block)
            place = (begin - first) * self._block
            found[place : place + len(piece)] = piece
        begin = offset - first * self._block
        return bytes(found[begin : begin + length])

    def _folder(self, fork: xfs_inode.Fork, size: int) -> Iterator[bytes]:
        """Give the blocks of a folder that have entries."""
        if size > min(_MOST_FOLDER, self._part.size):
            raise ValueError(f'{size} bytes')
        step = self._folder_block
        # What is behind the entries is an index.
        last = -(-size // self._block) - 1
        for logical, physical, count in self._runs(fork, 0, last):
            if logical * self._block % step or count * self._block % step:
                # A folder's block in several extents.
                yield from self._folder_slowly(fork, size)
                return
            place = self._place(physical, 'a folder')
            self._place(physical + count - 1, 'a folder')
            many = min(count * self._block, size - logical * self._block)
            for within in range(0, many, step):
                yield self._part.read(place + within, step)

    def _folder_slowly(
        self, fork: xfs_inode.Fork, size: int
    ) -> Iterator[bytes]:
        for offset in range(0, size, self._folder_block):
            yield self._content(fork, offset, self._folder_block)

    def _link(self, inode: int, data: bytes) -> bytes:
        size, fork = xfs_inode.size(data), xfs_inode.content(data)
        if size > _MOST_LINK:
            raise self._damaged(f'link {inode} has {size} bytes')
        if fork.format == xfs_inode.LOCAL:
            return fork.data[:size]
        header = _LINK_HEADER if self._is_v5 else 0
        found = b''
        try:
            for _, physical, count in self._runs(fork, 0, _MOST_LINK):
                place = self._place(physical, 'a link')
                many = min(count * self._block, header + size - len(found))
                raw = self._part.read(place, many)
                if header and raw[:4] != b'XSLM':
                    raise ValueError('a block without its magic number')
                found += raw[header:]
        except (ValueError, struct.error) as exc:
            raise self._damaged(f'link {inode} has {exc}') from exc
        return found[:size]

    def _value(
        self, fork: xfs_inode.Fork, one: xfs_attributes.Attribute
    ) -> bytes:
        """Return the value of an attribute that has blocks of its own."""
        if one.size > _MOST_VALUE:
            raise ValueError(f'an attribute of {one.size} bytes')
        header = _VALUE_HEADER if self._is_v5 else 0
        room = self._block - header
        count = -(-one.size // room)
        raw = self._content(
            fork, one.block * self._block, max(count, 1) * self._block
        )
        found = b''.join(
            raw[start + header : start + self._block]
            for start in range(0, len(raw), self._block)
        )
        return found[: one.size]

    def _damaged(self, why: str) -> exceptions.ImageUnreadable:
        return exceptions.ImageUnreadable(
            f'{self._where} is damaged: {why}',
            hint='check a copy of it, converted to raw, with: xfs_repair -n',
        )

    def _not_read(self, why: str) -> exceptions.ImageUnreadable:
        return exceptions.ImageUnreadable(
            f'{self._where} cannot be read: {why}'
        )
