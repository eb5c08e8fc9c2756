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

"""Virtual disks that are read by a library of the libyal project.

Their Python bindings (LGPL-3.0-or-later, with wheels for every platform) are
given open files, never a name: a library must not open a file because an
image names it.
"""

import abc
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from image_pipeline import exceptions
from image_pipeline.disk import reader

#: The largest disk that is believed, as for qcow2.
_MOST_SIZE = 1 << 56


class File:
    """An open file as the libraries want it, with a position of its own.

    Not Python's: several of them may be on one descriptor.

    :param fd: the descriptor; it is not closed.
    """

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._size = os.fstat(fd).st_size
        self._place = 0

    def read(self, length: int) -> bytes:
        """Return bytes from the position on; fewer at the end."""
        if not 0 <= self._place < self._size:
            return b''
        data = os.pread(self._fd, min(length, self._size), self._place)
        self._place += len(data)
        return data

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move the position, and return it."""
        base = {os.SEEK_CUR: self._place, os.SEEK_END: self._size}
        self._place = base.get(whence, 0) + offset
        return self._place

    def tell(self) -> int:
        """Return the position."""
        return self._place

    def get_size(self) -> int:
        """Return the bytes of the file."""
        return self._size


class LibraryDisk(reader.Disk):
    """A virtual disk that a library reads; see the base class.

    :raises ImageUnreadable: it is damaged, or of a kind that is not read.
    """

    def __init__(self, path: Path, inspection: reader.Inspection) -> None:
        super().__init__(path, inspection)
        self._fds: list[int] = []
        self._handle: Any = None
        try:
            self._handle = self._call(self._open)
            self.size = self._call(lambda: int(self._handle.media_size))
            if not 0 < self.size <= _MOST_SIZE:
                raise self._damaged(f'a size of {self.size} is not possible')
        except BaseException:
            self.close()
            raise

    def read(self, offset: int, length: int) -> bytes:
        """Return bytes of the disk; see :meth:`reader.Disk.read`."""
        if offset < 0 or length <= 0 or offset >= self.size:
            return b''
        length = min(length, self.size - offset)
        parts = []
        while length:
            data: bytes = self._call(
                self._handle.read_buffer_at_offset, length, offset
            )
            if not data:
                raise self._damaged(f'nothing can be read at byte {offset}')
            parts.append(data)
            offset += len(data)
            length -= len(data)
        return parts[0] if len(parts) == 1 else b''.join(parts)

    def close(self) -> None:
        """Let go of the files; may be called again."""
        self._handle = None
        while self._fds:
            os.close(self._fds.pop())
        super().close()

    @abc.abstractmethod
    def _open(self) -> Any:
        """Return the library's handle of the disk."""

    def _file(self, fd: int | None = None) -> 'File':
        """Return an open file for the library.

        :param fd: is taken over; None: the image file itself.
        """
        if fd is None:
            return File(self._fd)
        self._fds.append(fd)
        return File(fd)

    def _call(self, work: Callable[..., Any], *arguments: Any) -> Any:
        """Run something of the library and translate what it raises."""
        try:
            return work(*arguments)
        except exceptions.ImageUnreadable:
            raise
        except Exception as exc:
            # It meets damaged structures: whatever it raises is about them
            # (OSError mostly, MemoryError where a size is nonsense).
            raise self._damaged(_reason(exc)) from exc

    def _damaged(self, why: str) -> exceptions.ImageUnreadable:
        return exceptions.ImageUnreadable(
            f'{self.path}: is damaged or cut short: {why}',
            hint='compare it with its checksum, or look at it with: '
            f'qemu-img info {self.path.name}',
        )


def _reason(exc: Exception) -> str:
    """Return the innermost of the messages that a library chains."""
    text = ' '.join(str(exc).split())
    # pyvmdk_handle_open: unable to open. libvmdk_…: unsupported version.
    last = text.rstrip('.').rpartition('. ')[2]
    return last.rpartition(': ')[2] or type(exc).__name__
