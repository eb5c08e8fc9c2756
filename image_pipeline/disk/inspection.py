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


"""Tell what an image file is, and whether it is safe to open.

Nothing else may touch a file before :func:`inspect` has: a qcow2 may name a
host file as its backing or data file, and the wrong reader would hand that
file's content out (CVE-2024-32498, CVE-2022-47951).  The inspector is
oslo.utils', the same code that Glance and Nova run.
"""

import dataclasses
import os
import stat
from collections.abc import Iterable
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Protocol, Self, cast

from image_pipeline import exceptions

if TYPE_CHECKING:
    from oslo_utils.imageutils import format_inspector

#: The least that can hold a boot sector.
SECTOR = 512
#: Formats of oslo.utils that are a plain copy of the disk.
_PLAIN = frozenset({'raw', 'gpt', 'iso', 'luks'})
#: Formats of oslo.utils that are read, beside plain ones.
_READ = frozenset({'qcow2', 'vhd', 'vhdx', 'vmdk', 'vdi'})
#: Bytes that the inspector gets at once.
_STEP = 4096
#: What qemu-img calls a format, where that is not oslo.utils' word.
_QEMU_NAMES = {'vhd': 'vpc'}
#: What an inspector's failed check means for a person, by its name.
_UNSAFE = {
    'backing_file': 'it needs a backing file',
    'data_file': 'it keeps its data in another file',
    'unknown_features': 'it uses features that are not known',
}


class Source(Protocol):
    """Where the bytes of an image are, if they are in no file here."""

    size: int

    def read(self, offset: int, length: int) -> bytes:
        """Return bytes; fewer at the end.

        :param offset: where to begin.
        :param length: how many.
        :raises ImageUnreadable: they cannot be had.
        """

    def expect(self, ranges: Iterable[tuple[int, int]]) -> None:
        """Get what will be read.

        :param ranges: pairs of first byte and first byte after.
        :raises ImageUnreadable: they cannot be had.
        """


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


def inspect(path: Path, source: Source | None = None) -> Inspection:
    """Tell what a file is, and that it is safe to open.

    :param path: the file.
    :param source: where its bytes are; None: in that file.
    :raises ImageUnreadable: it is missing, not a file, too short, of a
        format that is not read, or not safe.
    """
    _check_file(path, source)
    plain = _plain(path, source)
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
        found = _detected(path, source)
    except exceptions.ImageUnreadable:
        raise
    except OSError as exc:
        raise cannot_open(path, exc) from exc
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


class Stream:
    """A source, as what the inspector reads.

    :param source: stays open.
    """

    def __init__(self, source: Source) -> None:
        self._source = source
        self._place = 0

    def read(self, length: int) -> bytes:
        """Return the next bytes.

        :param length: how many.
        """
        data = self._source.read(self._place, length)
        self._place += len(data)
        return data

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        """Leave it open."""


def _detected(
    path: Path, source: Source | None
) -> 'format_inspector.FileInspector | None':
    from oslo_utils.imageutils import format_inspector

    if source is None:
        return format_inspector.detect_file_format(str(path))
    # As detect_file_format does with a file.
    wrapper: Any = format_inspector.InspectWrapper(
        cast(IO[bytes], Stream(source))
    )
    try:
        while wrapper.read(_STEP) and wrapper.format is None:
            pass
    finally:
        wrapper.close()
    found: format_inspector.FileInspector | None = wrapper.format
    return found


def _plain(path: Path, source: Source | None = None) -> str:
    """Return the format of what the inspector takes for a plain disk.

    It looks at the beginning only, and at descriptors of a megabyte only.
    """
    from image_pipeline.disk import vhd, vmdk

    if source is not None:
        if vmdk.is_descriptor(source.read(0, SECTOR)):
            return 'vmdk'
        footer = source.read(source.size - SECTOR, SECTOR)
        return 'vhd' if vhd.is_fixed(footer, source.size) else 'raw'
    try:
        with path.open('rb') as file:
            if vmdk.is_descriptor(file.read(SECTOR)):
                return 'vmdk'
            size = file.seek(0, os.SEEK_END)
            file.seek(max(size - SECTOR, 0))
            return 'vhd' if vhd.is_fixed(file.read(SECTOR), size) else 'raw'
    except OSError as exc:
        raise cannot_open(path, exc) from exc


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


def _check_file(path: Path, source: Source | None) -> None:
    if source is not None:
        if source.size < SECTOR:
            raise _too_short(path, source.size)
        return
    try:
        status = path.stat()
    except OSError as exc:
        raise cannot_open(path, exc) from exc
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
        raise _too_short(path, status.st_size)


def _too_short(path: Path, size: int) -> exceptions.ImageUnreadable:
    return exceptions.ImageUnreadable(
        f'{path}: is too short for an image ({size} bytes)'
    )


def cannot_open(path: Path, exc: OSError) -> exceptions.ImageUnreadable:
    """Return what to raise where a file cannot be opened.

    :param path: the file.
    :param exc: why not.
    """
    if isinstance(exc, FileNotFoundError):
        return exceptions.ImageUnreadable(f'{path}: there is no such file')
    return exceptions.ImageUnreadable(
        f'{path}: cannot be opened: {exc.strerror}'
    )
