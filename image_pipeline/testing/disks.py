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


class MemoryFiles:
    """A file system in memory.

    :param content: by absolute path: bytes, text, a :class:`Link`, or None
        for an empty folder; folders on the way are made.
    """

    def __init__(
        self, content: Mapping[str, bytes | str | Link | None]
    ) -> None:
        self.root = 0
        self._things: list[dict[str, int] | bytes | Link] = [{}]
        for path, thing in content.items():
            self._add(path, thing)

    def stat(self, inode: int) -> files.Stat:
        """Return what is known of an inode."""
        thing = self._things[inode]
        kind = {dict: files.FileType.FOLDER, Link: files.FileType.LINK}.get(
            type(thing), files.FileType.FILE
        )
        return files.Stat(
            inode=inode,
            type=kind,
            mode=0o755 if kind is files.FileType.FOLDER else 0o644,
            uid=0,
            gid=0,
            size=len(thing) if isinstance(thing, bytes) else 0,
            link=thing.target if isinstance(thing, Link) else None,
        )

    def children(self, inode: int) -> Mapping[str, int]:
        """Return a folder's names and inodes."""
        thing = self._things[inode]
        return thing if isinstance(thing, dict) else {}

    def read(self, inode: int, length: int, offset: int = 0) -> bytes:
        """Return bytes of a file."""
        thing = self._things[inode]
        data = thing if isinstance(thing, bytes) else b''
        return data[offset : offset + length]

    def _add(self, path: str, thing: bytes | str | Link | None) -> None:
        folder = self._things[0]
        *parents, name = path.strip('/').split('/')
        for parent in (*parents, *([name] if thing is None else [])):
            if not isinstance(folder, dict):
                raise ValueError(f'{path} leads through a file')
            if parent not in folder:
                folder[parent] = len(self._things)
                self._things.append({})
            folder = self._things[folder[parent]]
        if thing is not None and isinstance(folder, dict):
            folder[name] = len(self._things)
            self._things.append(
                thing.encode() if isinstance(thing, str) else thing
            )


class MemoryView(view.ImageView):
    """An image view with files of one's own.

    :param disk: the disk; tables and superblocks are read from it.
    :param content: see :class:`MemoryFiles`; None: the files cannot be read.
    """

    def __init__(
        self,
        disk: reader.Disk,
        content: Mapping[str, bytes | str | Link | None] | None = None,
    ) -> None:
        super().__init__(disk)
        self._files = (
            'the files cannot be read: there are none'
            if content is None
            else files.FileTree(MemoryFiles(content))
        )
