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

"""What Glance and Nova would say of an image file, without opening it.

The checks are oslo.utils', the same code that they run, and a few that they
leave to QEMU: internal snapshots and encryption.
"""

import dataclasses
import struct
from pathlib import Path
from typing import IO, cast

from image_pipeline import exceptions
from image_pipeline.disk import inspection

_HEADER = 112
_MAGIC = b'QFI\xfb'
#: Of docs/interop/qcow2.rst: where the extensions of a header end, and the
#: one that names a data file.
_END, _DATA_FILE = 0, 0x44415441
_MOST_EXTENSIONS = 4096
_CRYPT = {1: 'AES', 2: 'LUKS'}
_STEP = 65536


@dataclasses.dataclass(frozen=True, kw_only=True)
class Safety:
    """What was seen in a file.

    :param formats: every format that it could be, by oslo.utils' names:
        ``qcow2``, ``vmdk``, ``gpt`` for a raw disk with a boot record …
    :param failures: why it is refused, by a short name of the check.
    """

    formats: tuple[str, ...]
    failures: tuple[tuple[str, str], ...] = ()


def judge(path: Path, source: inspection.Source | None = None) -> Safety:
    """Look at a file as Glance does when it is uploaded.

    :param path: the file.
    :param source: where its bytes are; None: in that file.
    :raises ImageUnreadable: it cannot be read.
    """
    # Imported here: `--help` must not pay for it.
    from oslo_utils.imageutils import format_inspector

    found = []
    failures: dict[str, str] = {}
    try:
        with _opened(path, source) as file:
            wrapper = format_inspector.InspectWrapper(file)
            while wrapper.read(_STEP):
                if wrapper.formats:
                    break
            wrapper.close()
            found = wrapper.formats or []
            head = _read(path, source, 0, _HEADER)
        for inspector in found:
            try:
                inspector.safety_check()
            except format_inspector.SafetyCheckFailed as exc:
                failures |= {n: str(why) for n, why in exc.failures.items()}
        if head[:4] == _MAGIC:
            failures |= _qcow2(path, source, head)
    except exceptions.ImageUnreadable:
        raise
    except OSError as exc:
        raise exceptions.ImageUnreadable(
            f'{path}: cannot be read: {exc.strerror}'
        ) from exc
    except Exception as exc:
        # The inspectors meet hostile bytes: whatever they raise is about
        # these.
        raise exceptions.ImageUnreadable(
            f'{path}: is damaged or cut short: {exc}'
        ) from exc
    return Safety(
        formats=tuple(sorted(str(one) for one in found)),
        failures=tuple(sorted(failures.items())),
    )


def _qcow2(
    path: Path, source: inspection.Source | None, head: bytes
) -> dict[str, str]:
    """Return what oslo.utils does not look at."""
    found = {}
    version, _, _, bits, _, crypt = struct.unpack_from('>IQIIQI', head, 4)
    (snapshots,) = struct.unpack_from('>I', head, 60)
    if snapshots:
        found['snapshots'] = f'it has {snapshots} internal snapshots'
    if crypt:
        name = _CRYPT.get(crypt, f'method {crypt}')
        found['encryption'] = f'its content is encrypted ({name})'
    if version >= 3 and 9 <= bits <= 21:
        (place,) = struct.unpack_from('>I', head, 100)
        # The extensions lie in the first cluster.
        for _ in range(_MOST_EXTENSIONS):
            entry = _read(path, source, place, 8)
            if len(entry) < 8 or place + 8 > 1 << bits:
                break
            kind, length = struct.unpack('>II', entry)
            if kind == _END:
                break
            if kind == _DATA_FILE:
                found['data_file'] = 'it names a data file'
            place += 8 + (length + 7 & ~7)
    return found


def _opened(path: Path, source: inspection.Source | None) -> IO[bytes]:
    if source is None:
        return path.open('rb')
    return cast(IO[bytes], inspection.Stream(source))


def _read(
    path: Path, source: inspection.Source | None, offset: int, length: int
) -> bytes:
    if source is not None:
        return source.read(offset, length)
    with path.open('rb') as file:
        file.seek(offset)
        return file.read(length)
