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

"""Open an image file as the virtual disk that a guest would see, read-only.

Each file is inspected first, see :mod:`image_pipeline.disk.inspection`.
"""

import abc
import contextlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

from image_pipeline import exceptions
from image_pipeline.disk import inspection as disk_inspection
from image_pipeline.disk import sparse

SECTOR = disk_inspection.SECTOR
Inspection = disk_inspection.Inspection
Source = disk_inspection.Source
inspect = disk_inspection.inspect
#: Formats of which parts are read from elsewhere.
REMOTE = frozenset({'raw', 'qcow2'})


class Disk(abc.ABC):
    """A virtual disk, read-only; close it, or use it as a context.

    :param path: the file.
    :param inspection: what :func:`inspect` said of it.
    :param source: where its bytes are; None: in that file.  It stays open.
    """

    #: The image format, as Glance calls it.
    format: str
    #: Bytes that the guest sees.
    size: int
    #: Where the bytes of the file are; None: in the file.
    source: Source | None = None

    def __init__(
        self,
        path: Path,
        inspection: Inspection,
        source: Source | None = None,
    ) -> None:
        self.path = path
        self.inspection = inspection
        self.format = inspection.format
        self.source = source
        self._fd = -1
        if source is not None:
            self.file_size = source.size
            return
        try:
            self._fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError as exc:
            raise disk_inspection.cannot_open(path, exc) from exc
        self.file_size = os.fstat(self._fd).st_size

    @abc.abstractmethod
    def read(self, offset: int, length: int) -> bytes:
        """Return bytes of the disk; fewer at its end, none past it.

        :param offset: where to begin, in bytes.
        :param length: how many bytes.
        :raises ImageUnreadable: the file is damaged there.
        """

    def expect(self, places: Iterable[int]) -> None:  # noqa: B027 - may
        """Hear what will be read next, and get it ready if that saves time.

        Damage is told by the read itself.

        :param places: bytes of the disk.
        """

    def filled(self, start: int, end: int) -> Iterator[tuple[int, int]]:
        """Give the ranges that may hold something; the rest is zeros.

        Known from the file's tables, without reading what is in it.

        :param start: first byte.
        :param end: first byte after.
        :returns: pairs of first byte and first byte after, in order.
        :raises ImageUnreadable: the tables are damaged.
        """
        if start < min(end, self.size):
            yield start, min(end, self.size)

    def close(self) -> None:
        """Let go of the file; may be called again."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _pread(self, length: int, offset: int) -> bytes:
        """Read from the file; short at its end."""
        if offset >= self.file_size:
            # No table may make the system compute with what is not there.
            return b''
        if self.source is not None:
            return self.source.read(offset, length)
        try:
            return os.pread(self._fd, length, offset)
        except OSError as exc:
            raise exceptions.ImageUnreadable(
                f'{self.path}: cannot be read at byte {offset}: {exc.strerror}'
            ) from exc


class RawDisk(Disk):
    """A file that is the disk, byte for byte."""

    def __init__(
        self,
        path: Path,
        inspection: Inspection,
        source: Source | None = None,
    ) -> None:
        super().__init__(path, inspection, source)
        self.size = self.file_size

    def read(self, offset: int, length: int) -> bytes:
        """Return bytes of the disk; see :meth:`Disk.read`."""
        if offset < 0 or length <= 0 or offset >= self.size:
            return b''
        return self._pread(min(length, self.size - offset), offset)

    def expect(self, places: Iterable[int]) -> None:
        """Fetch from elsewhere what is near; see the base class."""
        if self.source is not None:
            # What cannot be had is told by the read itself.
            with contextlib.suppress(exceptions.ImageUnreadable):
                self.source.expect((place, place + 1) for place in places)

    def filled(self, start: int, end: int) -> Iterator[tuple[int, int]]:
        """Give what is no hole; see :meth:`Disk.filled`."""
        if self.source is not None:
            yield from super().filled(start, end)
            return
        try:
            yield from sparse.data(
                self._fd, start=start, end=min(end, self.size)
            )
        except OSError as exc:
            raise exceptions.ImageUnreadable(
                f'{self.path}: cannot be read at byte {start}: {exc.strerror}'
            ) from exc


def open_disk(path: Path | str, source: Source | None = None) -> Disk:
    """Open an image file as a virtual disk, after checking that it is safe.

    :param path: a file of one of the formats of :class:`Inspection`; ours
        or a stranger's.
    :param source: where its bytes are, of a format of :data:`REMOTE`; None:
        in that file.
    :returns: the disk; close it, or use it as a context.
    :raises ImageUnreadable: it cannot or must not be opened.
    """
    path = Path(path)
    inspection = inspect(path, source)
    # Imported here: an audit needs one of them.
    if inspection.format == 'qcow2':
        from image_pipeline.disk import qcow2

        return qcow2.Qcow2Disk(path, inspection, source)
    if source is not None and inspection.format not in REMOTE:
        raise NotRemote(
            f'{path}: {inspection.format} is read from files only',
            hint='download it first',
        )
    if inspection.format == 'vmdk':
        from image_pipeline.disk import vmdk

        return vmdk.VmdkDisk(path, inspection)
    if inspection.format in ('vhd', 'vhdx'):
        from image_pipeline.disk import vhd

        return vhd.VhdDisk(path, inspection)
    if inspection.format == 'vdi':
        from image_pipeline.disk import vdi

        return vdi.VdiDisk(path, inspection)
    return RawDisk(path, inspection, source)


class NotRemote(exceptions.ImageUnreadable):
    """An image is of a format that is read from a file on this host only."""
