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

"""A file system in an image, read by The Sleuth Kit without mounting it.

This is the only module that knows pytsk3.  It is given nothing but inode
numbers: names and symbolic links are resolved by
:mod:`image_pipeline.disk.files`, for The Sleuth Kit follows no links, finds
deleted names, and adds a folder of orphans that takes minutes to walk.
"""

from typing import Any

from image_pipeline import exceptions
from image_pipeline.disk import inodes, reader

#: File systems that are read with it; ext has a reader of our own,
#: :mod:`image_pipeline.disk.ext_files`, which says why.
KINDS = frozenset({'vfat'})
#: Names that The Sleuth Kit adds by itself.
_INVENTED = b'$'
_ALLOCATED = 1
#: Entries of a folder that are read at most.
_MOST_ENTRIES = 1_000_000


#: TSK_FS_META_TYPE_REG, _DIR and _LNK.
_TYPES = {
    1: inodes.FileType.FILE,
    2: inodes.FileType.FOLDER,
    6: inodes.FileType.LINK,
}


class FileSystem:
    """One file system of an image.

    :param disk: the disk; it must stay open.
    :param start: the file system's first byte.
    :param size: its length in bytes.
    :raises ImageUnreadable: it is damaged, or of a kind that is not read.
    """

    def __init__(self, disk: reader.Disk, start: int, size: int) -> None:
        # Imported here: not every audit opens a file system.
        # It has no type information.
        import pytsk3  # type: ignore[import-not-found,unused-ignore]

        self._where = f'{disk.path}: the file system at byte {start}'
        part_size = min(size, disk.size - start)
        #: What reading the disk raised: pytsk3 would hide it.
        self._failure: exceptions.ImageUnreadable | None = None
        outer = self

        class _Image(pytsk3.Img_Info):  # type: ignore[misc,unused-ignore]
            # Offsets are the file system's own, so that a damaged one
            # cannot make us read its neighbour.
            def __init__(self) -> None:
                super().__init__(url='')

            def close(self) -> None:
                pass

            def read(self, offset: int, length: int) -> bytes:
                if offset < 0 or offset >= part_size:
                    return b''
                try:
                    return disk.read(
                        start + offset, min(length, part_size - offset)
                    )
                except exceptions.ImageUnreadable as exc:
                    outer._failure = exc
                    return b''

            def get_size(self) -> int:
                return part_size

        self._image = _Image()
        self._fs = self._call(lambda: pytsk3.FS_Info(self._image))
        self.root: int = int(self._fs.info.root_inum)

    def stat(self, inode: int) -> inodes.Stat:
        """Return what is known of an inode.

        :param inode: its number.
        :raises ImageUnreadable: it is damaged.
        """
        found: inodes.Stat = self._call(lambda: self._stat(inode))
        return found

    def _stat(self, inode: int) -> inodes.Stat:
        meta = self._fs.open_meta(inode=inode).info.meta
        if meta is None:
            raise self._damaged(f'inode {inode} is empty')
        kind = _TYPES.get(int(meta.type), inodes.FileType.OTHER)
        link = None
        if kind is inodes.FileType.LINK:
            link = inodes.text(meta.link or b'')
        return inodes.Stat(
            inode=inode,
            type=kind,
            mode=int(meta.mode) & 0o7777,
            uid=int(meta.uid),
            gid=int(meta.gid),
            size=int(meta.size),
            link=link,
        )

    def children(self, inode: int) -> dict[str, int]:
        """Return the names in a folder, and their inodes.

        Bytes that are not UTF-8 become surrogates.  Deleted names and those
        that The Sleuth Kit invents are left out.

        :param inode: the folder's number.
        :raises ImageUnreadable: it is damaged.
        """
        found: dict[str, int] = self._call(lambda: self._list(inode))
        return found

    def _list(self, inode: int) -> dict[str, int]:
        found: dict[str, int] = {}
        for entry in self._fs.open_dir(inode=inode):
            name = entry.info.name
            raw = bytes(name.name)
            if raw in (b'.', b'..') or not int(name.flags) & _ALLOCATED:
                continue
            if raw.startswith(_INVENTED) and int(name.type) >= 10:
                continue
            found[inodes.text(raw)] = int(name.meta_addr)
            if len(found) > _MOST_ENTRIES:
                raise self._damaged(f'folder {inode} has too many entries')
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
        found: bytes = self._call(lambda: self._read(inode, length, offset))
        return found

    def _read(self, inode: int, length: int, offset: int) -> bytes:
        handle = self._fs.open_meta(inode=inode)
        length = min(length, int(handle.info.meta.size) - offset)
        if length <= 0:
            return b''
        return bytes(handle.read_random(offset, length))

    def _call(self, work: Any) -> Any:
        """Run something of pytsk3 and translate what it raises."""
        self._failure = None
        try:
            done = work()
        except exceptions.ImageUnreadable:
            raise
        except Exception as exc:
            # It meets damaged structures: whatever is raised is about them
            # (OSError mostly, but not only).
            if self._failure is not None:
                raise self._failure from exc
            why = ' '.join(str(exc).split()) or type(exc).__name__
            raise self._damaged(why) from exc
        if self._failure is not None:
            # Something was answered, without the bytes that it needs.
            raise self._failure
        return done

    def _damaged(self, why: str) -> exceptions.ImageUnreadable:
        return exceptions.ImageUnreadable(
            f'{self._where} is damaged: {why}',
            hint='check a copy of it, converted to raw, with: fsck.vfat -n',
        )
