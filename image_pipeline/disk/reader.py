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

Nothing else may touch a file before :func:`inspect` has: a qcow2 may name a
host file as its backing or data file, and the wrong reader would hand that
file's content out (CVE-2024-32498, CVE-2022-47951).  The inspector is
oslo.utils', the same code that Glance and Nova run.
"""

import abc
import dataclasses
import os
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

from image_pipeline import exceptions
from image_pipeline.disk import sparse

#: The least that can hold a boot sector.
SECTOR = 512
#: Formats of oslo.utils that are a plain copy of the disk.
_PLAIN = frozenset({'raw', 'gpt', 'iso', 'luks'})
#: Formats of oslo.utils that are read, beside plain ones.
_READ = frozenset({'qcow2', 'vhd', 'vhdx', 'vmdk', 'vdi'})
#: What qemu-img calls a format, where that is not oslo.utils' word.
_QEMU_NAMES = {'vhd': 'vpc'}
#: What an inspector's failed check means for a person, by its name.
_UNSAFE = {
    'backing_file': 'it needs a backing file',
    'data_file': 'it keeps its data in another file',
    'unknown_features': 'it uses features that are not known',
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Inspection:
    """What the inspector said of a file.

    :param format: ``raw``, ``qcow2``, ``vmdk``, ``vhd``, ``vhdx`` or
        ``vdi``.
    :param detected: the inspector's own word; it calls a raw disk with a
        boot record ``gpt``, whichever table that holds, and takes a fixed
        VHD and a VMDK's descriptor for raw disks.
    :param findings: checks that failed without making the file unsafe to
        read, by the inspector's name of the check: Glance refuses these.
    """

    format: str
    detected: str
    findings: tuple[tuple[str, str], ...] = ()


class Disk(abc.ABC):
    """A virtual disk, read-only; close it, or use it as a context.

    :param path: the file.
    :param inspection: what :func:`inspect` said of it.
    """

    #: The image format, as Glance calls it.
    format: str
    #: Bytes that the guest sees.
    size: int

    def __init__(self, path: Path, inspection: Inspection) -> None:
        self.path = path
        self.inspection = inspection
        self.format = inspection.format
        try:
            self._fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError as exc:
            raise _cannot_open(path, exc) from exc
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
        try:
            return os.pread(self._fd, length, offset)
        except OSError as exc:
            raise exceptions.ImageUnreadable(
                f'{self.path}: cannot be read at byte {offset}: {exc.strerror}'
            ) from exc


class RawDisk(Disk):
    """A file that is the disk, byte for byte."""

    def __init__(self, path: Path, inspection: Inspection) -> None:
        super().__init__(path, inspection)
        self.size = self.file_size

    def read(self, offset: int, length: int) -> bytes:
        """Return bytes of the disk; see :meth:`Disk.read`."""
        if offset < 0 or length <= 0 or offset >= self.size:
            return b''
        return self._pread(min(length, self.size - offset), offset)

    def filled(self, start: int, end: int) -> Iterator[tuple[int, int]]:
        """Give what is no hole; see :meth:`Disk.filled`."""
        try:
            yield from sparse.data(
                self._fd, start=start, end=min(end, self.size)
            )
        except OSError as exc:
            raise exceptions.ImageUnreadable(
                f'{self.path}: cannot be read at byte {start}: {exc.strerror}'
            ) from exc


def inspect(path: Path) -> Inspection:
    """Tell what a file is, and that it is safe to open.

    :param path: the file.
    :raises ImageUnreadable: it is missing, not a file, too short, of a
        format that is not read, or not safe.
    """
    _check_file(path)
    plain = _plain(path)
    if plain == 'vmdk':
        # Only its reader knows whether what it names lies beside it; the
        # inspector takes most of them for raw disks.
        return Inspection(
            format='vmdk',
            detected='vmdk',
            findings=(('descriptor', 'its disk is in further files'),),
        )
    # Imported here: `--help` must not pay for it.
    from oslo_utils.imageutils import format_inspector

    try:
        found = format_inspector.detect_file_format(str(path))
    except OSError as exc:
        raise _cannot_open(path, exc) from exc
    except Exception as exc:
        # The inspector meets hostile bytes: whatever it raises is about them.
        return _ambiguous(path, exc)
    detected = str(found) if found is not None else 'raw'
    if detected not in _PLAIN and detected not in _READ:
        raise exceptions.ImageUnreadable(
            f'{path}: images of the format {detected} are not read',
            hint=f'convert it first: qemu-img convert -f {detected} '
            '-O qcow2 IN OUT',
        )
    failures: dict[str, str] = {}
    try:
        if found is not None:
            found.safety_check()
    except format_inspector.SafetyCheckFailed as exc:
        failures = {name: str(why) for name, why in exc.failures.items()}
    except Exception as exc:
        raise exceptions.ImageUnreadable(
            f'{path}: is damaged or cut short: {exc}',
            hint='compare it with its checksum',
        ) from exc
    if detected in _READ and failures:
        reasons = ', '.join(
            _UNSAFE.get(name, f'{name}: {why}')
            for name, why in failures.items()
        )
        qemu_name = _QEMU_NAMES.get(detected, detected)
        raise exceptions.ImageUnreadable(
            f'{path}: is not safe to open: {reasons}',
            hint='make a file of its own, on a host that you trust: '
            f'qemu-img convert -f {qemu_name} -O qcow2 IN OUT',
        )
    return Inspection(
        format=detected if detected in _READ else plain,
        detected=detected,
        findings=tuple(failures.items()),
    )


def open_disk(path: Path | str) -> Disk:
    """Open an image file as a virtual disk, after checking that it is safe.

    :param path: a file of one of the formats of :class:`Inspection`; ours
        or a stranger's.
    :returns: the disk; close it, or use it as a context.
    :raises ImageUnreadable: it cannot or must not be opened.
    """
    path = Path(path)
    inspection = inspect(path)
    # Imported here: an audit needs one of them.
    if inspection.format == 'qcow2':
        from image_pipeline.disk import qcow2

        return qcow2.Qcow2Disk(path, inspection)
    if inspection.format == 'vmdk':
        from image_pipeline.disk import vmdk

        return vmdk.VmdkDisk(path, inspection)
    if inspection.format in ('vhd', 'vhdx'):
        from image_pipeline.disk import vhd

        return vhd.VhdDisk(path, inspection)
    if inspection.format == 'vdi':
        from image_pipeline.disk import vdi

        return vdi.VdiDisk(path, inspection)
    return RawDisk(path, inspection)


def _plain(path: Path) -> str:
    """Return the format of what the inspector takes for a plain disk.

    It looks at the beginning only, and at descriptors of a megabyte only.
    """
    from image_pipeline.disk import vhd, vmdk

    try:
        with path.open('rb') as file:
            if vmdk.is_descriptor(file.read(SECTOR)):
                return 'vmdk'
            size = file.seek(0, os.SEEK_END)
            file.seek(max(size - SECTOR, 0))
            return 'vhd' if vhd.is_fixed(file.read(SECTOR), size) else 'raw'
    except OSError as exc:
        raise _cannot_open(path, exc) from exc


def _ambiguous(path: Path, exc: Exception) -> Inspection:
    """Judge a file in which the inspector saw several formats.

    A hybrid ISO is both an ISO and a disk, which is harmless; anything else
    may hide one image in another.
    """
    formats = set(str(exc).rpartition(': ')[2].split(','))
    if formats == {'iso', 'gpt'}:
        return Inspection(format='raw', detected='iso')
    raise exceptions.ImageUnreadable(
        f'{path}: its format cannot be told: {exc}'
    ) from exc


def _check_file(path: Path) -> None:
    try:
        status = path.stat()
    except OSError as exc:
        raise _cannot_open(path, exc) from exc
    except ValueError as exc:
        raise exceptions.ImageUnreadable(
            f'{str(path)!r} is not a path: {exc}'
        ) from exc
    if stat.S_ISDIR(status.st_mode):
        raise exceptions.ImageUnreadable(
            f'{path}: is a directory, not an image file',
            hint='name the file itself',
        )
    if not stat.S_ISREG(status.st_mode):
        raise exceptions.ImageUnreadable(
            f'{path}: is a device or a pipe, not an image file',
            hint='copy it into a file first',
        )
    if status.st_size == 0:
        raise exceptions.ImageUnreadable(f'{path}: is empty')
    # A descriptor of a VMDK may be as short as that.
    if status.st_size < SECTOR and _plain(path) == 'raw':
        raise exceptions.ImageUnreadable(
            f'{path}: is too short for an image ({status.st_size} bytes)'
        )


def _cannot_open(path: Path, exc: OSError) -> exceptions.ImageUnreadable:
    if isinstance(exc, FileNotFoundError):
        return exceptions.ImageUnreadable(f'{path}: there is no such file')
    return exceptions.ImageUnreadable(
        f'{path}: cannot be opened: {exc.strerror}'
    )
