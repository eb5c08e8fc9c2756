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

"""Disks, files and image views in memory, for tests of rules and readers."""

import dataclasses
import struct
import uuid
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path

from image_pipeline import exceptions
from image_pipeline.audit import view
from image_pipeline.disk import files, partitions, reader

_NAMESPACE = uuid.UUID('6f1c1f5e-6b0a-4a57-9a0e-0d8b3c8f4c0b')
MIB = 1 << 20


class MemoryDisk(reader.Disk):
    """A raw disk in memory.

    :param data: its bytes.
    :param size: its length; what ``data`` lacks is zero.
    """

    def __init__(
        self, data: bytes | bytearray = b'', size: int | None = None
    ) -> None:
        # No file is opened: the base class's constructor is not called.
        self.path = Path('memory.raw')
        self.inspection = reader.Inspection(format='raw', detected='raw')
        self.format = 'raw'
        self.data = data
        self.size = self.file_size = len(data) if size is None else size
        self._fd = -1

    def read(self, offset: int, length: int) -> bytes:
        """Return bytes of the disk; see the base class."""
        if offset < 0 or length <= 0 or offset >= self.size:
            return b''
        length = min(length, self.size - offset)
        found = bytes(self.data[offset : offset + length])
        return found + bytes(length - len(found))


class BrokenDisk(MemoryDisk):
    """A disk that cannot be read at all."""

    def read(self, offset: int, length: int) -> bytes:
        """Raise what a damaged file raises."""
        raise exceptions.ImageUnreadable(f'{self.path}: is damaged')


@dataclasses.dataclass(frozen=True, kw_only=True)
class Slot:
    """A partition to be written.

    :param start: first byte.
    :param size: length in bytes.
    :param type: GUID for a GPT, ``0x83`` and the like for an MBR.
    :param content: what lies at its beginning.
    """

    start: int
    size: int
    type: str = partitions.LINUX
    content: bytes = b''


def gpt_disk(
    slots: Sequence[Slot], size: int = 16 * MIB, sector: int = 512
) -> bytearray:
    """Return a disk with a sound GUID partition table.

    :param slots: the partitions, in the order of their numbers.
    :param size: bytes of the disk.
    :param sector: bytes in a sector.
    """
    disk = bytearray(size)
    last = size // sector - 1
    disk[446:462] = struct.pack(
        '<B3sB3sII', 0, b'\0\2\0', 0xEE, b'\xff' * 3, 1, min(last, 0xFFFFFFFF)
    )
    disk[510:512] = b'\x55\xaa'
    entries = bytearray(128 * 128)
    for index, slot in enumerate(slots):
        struct.pack_into(
            '<16s16sQQQ72s', entries, index * 128,
            uuid.UUID(slot.type).bytes_le,
            uuid.uuid5(_NAMESPACE, str(index)).bytes_le,
            slot.start // sector, (slot.start + slot.size) // sector - 1, 0,
            f'part{index + 1}'.encode('utf-16-le'),
        )  # fmt: skip
        disk[slot.start : slot.start + len(slot.content)] = slot.content
    blocks = -(-len(entries) // sector)
    for mine, other, where in ((1, last, 2), (last, 1, last - blocks)):
        disk[where * sector : where * sector + len(entries)] = entries
        header = struct.pack(
            '<8sIIIIQQQQ16sQIII', b'EFI PART', 0x10000, 92, 0, 0, mine, other,
            2 + blocks, last - blocks - 1,
            uuid.uuid5(_NAMESPACE, 'disk').bytes_le, where, 128, 128,
            zlib.crc32(entries),
        )  # fmt: skip
        crc = struct.pack('<I', zlib.crc32(header))
        header = header[:16] + crc + header[20:]
        disk[mine * sector : mine * sector + len(header)] = header
    return disk


def mbr_disk(slots: Sequence[Slot], size: int = 16 * MIB) -> bytearray:
    """Return a disk with a DOS partition table of up to four partitions.

    :param slots: the partitions, in the order of their numbers.
    :param size: bytes of the disk.
    """
    disk = bytearray(size)
    disk[440:444] = b'\x78\x56\x34\x12'
    for index, slot in enumerate(slots):
        disk[446 + 16 * index : 462 + 16 * index] = struct.pack(
            '<B3sB3sII',
            0,
            b'\0\2\0',
            int(slot.type, 16),
            b'\xff' * 3,
            slot.start // 512,
            slot.size // 512,
        )
        disk[slot.start : slot.start + len(slot.content)] = slot.content
    disk[510:512] = b'\x55\xaa'
    return disk


@dataclasses.dataclass(frozen=True)
class Link:
    """A symbolic link.

    :param target: where it points.
    """

    target: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class Folder:
    """An empty folder, or one that others are in, with its metadata.

    :param mode: permission bits.
    :param uid: owner.
    :param gid: group.
    """

    mode: int = 0o755
    uid: int = 0
    gid: int = 0


@dataclasses.dataclass(frozen=True)
class File:
    """A file and its metadata.

    :param content: what is in it.
    :param mode: permission bits.
    :param uid: owner.
    :param gid: group.
    :param mtime: when it was changed, in seconds since 1970; 0: unknown.
    :param xattrs: extended attributes, by their full names.
    """

    content: bytes | str = b''
    mode: int = 0o644
    uid: int = 0
    gid: int = 0
    mtime: int = 0
    xattrs: Mapping[str, bytes] = dataclasses.field(default_factory=dict)


#: What may stand for a file of a tree; None is an empty folder.
Content = bytes | str | Link | File | Folder | None


class MemoryFiles:
    """A file system in memory.

    :param content: by absolute path: bytes, text, a :class:`File`, a
        :class:`Link`, a :class:`Folder`, or None for an empty folder;
        folders on the way are made.
    """

    def __init__(self, content: Mapping[str, Content]) -> None:
        self.root = 0
        self._things: list[File | Folder | Link] = [Folder()]
        self._names: dict[int, dict[str, int]] = {0: {}}
        for path, thing in content.items():
            self._add(path, thing)

    def stat(self, inode: int) -> files.Stat:
        """Return what is known of an inode."""
        thing = self._things[inode]
        if isinstance(thing, Link):
            return files.Stat(
                inode=inode,
                type=files.FileType.LINK,
                mode=0o777,
                uid=0,
                gid=0,
                size=len(thing.target),
                link=thing.target,
            )
        is_file = isinstance(thing, File)
        return files.Stat(
            inode=inode,
            type=files.FileType.FILE if is_file else files.FileType.FOLDER,
            mode=thing.mode,
            uid=thing.uid,
            gid=thing.gid,
            size=len(self._data(inode)),
            mtime=thing.mtime if isinstance(thing, File) else 0,
        )

    def children(self, inode: int) -> Mapping[str, int]:
        """Return a folder's names and inodes."""
        return self._names.get(inode, {})

    def read(self, inode: int, length: int, offset: int = 0) -> bytes:
        """Return bytes of a file."""
        return self._data(inode)[offset : offset + length]

    def xattrs(self, inode: int) -> Mapping[str, bytes]:
        """Return the extended attributes of a file."""
        thing = self._things[inode]
        return thing.xattrs if isinstance(thing, File) else {}

    def _data(self, inode: int) -> bytes:
        thing = self._things[inode]
        data = thing.content if isinstance(thing, File) else b''
        return data.encode() if isinstance(data, str) else data

    def _add(self, path: str, content: Content) -> None:
        thing = (
            Folder()
            if content is None
            else File(content)
            if isinstance(content, str | bytes)
            else content
        )
        folder = 0
        *parents, name = path.strip('/').split('/')
        for parent in parents:
            folder = self._folder(folder, parent, path)
        if isinstance(thing, Folder):
            if name:
                self._things[self._folder(folder, name, path)] = thing
            return
        self._names[folder][name] = len(self._things)
        self._things.append(thing)

    def _folder(self, parent: int, name: str, path: str) -> int:
        found = self._names[parent].get(name)
        if found is None:
            found = self._names[parent][name] = len(self._things)
            self._things.append(Folder())
            self._names[found] = {}
        if found not in self._names:
            raise ValueError(f'{path} leads through a file')
        return found


class MemoryView(view.ImageView):
    """An image view with files of one's own.

    :param disk: the disk; tables and superblocks are read from it.
    :param content: see :class:`MemoryFiles`; None: the files cannot be read.
    """

    def __init__(
        self,
        disk: reader.Disk,
        content: Mapping[str, Content] | None = None,
    ) -> None:
        super().__init__(disk)
        self._files = (
            'the files cannot be read: there are none'
            if content is None
            else files.FileTree(MemoryFiles(content))
        )
