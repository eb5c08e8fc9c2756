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

"""Read the virtual disk in a VHD or VHDX file, with libvhdi.

Fixed and dynamic ones.  The formats are Microsoft's "Virtual Hard Disk Image
Format Specification" and MS-VHDX.
"""

import struct
from typing import Any

from image_pipeline import exceptions
from image_pipeline.disk import checksums, libyal

_FOOTER = 512
_COOKIE = b'conectix'
_FIXED = 2
#: pyvhdi.disk_types: fixed and dynamic; 4 needs a parent.
_READ = (2, 3)
#: Where a VHDX file has its two headers, and the bytes that are summed.
_HEADERS, _SUMMED = (64 << 10, 128 << 10), 4096


def is_fixed(footer: bytes, size: int) -> bool:
    """Tell whether a file is a fixed VHD: a plain disk and a footer.

    :param footer: its last 512 bytes.
    :param size: its length in bytes.
    """
    if len(footer) < _FOOTER or footer[:8] != _COOKIE:
        return False
    (length,) = struct.unpack_from('>Q', footer, 48)
    kind, stored = struct.unpack_from('>II', footer, 60)
    found = ~(sum(footer) - sum(footer[64:68])) & 0xFFFFFFFF
    return bool(
        kind == _FIXED and stored == found and length + _FOOTER == size
    )


class VhdDisk(libyal.LibraryDisk):
    """The virtual disk in a VHD or VHDX file; see the base class."""

    def _open(self) -> Any:
        # Imported here: few audits need it.  It has no type information.
        import pyvhdi  # type: ignore[import-not-found,unused-ignore]

        if self.format == 'vhdx':
            self._check_log()
        handle = pyvhdi.file()
        handle.open_file_object(self._file())
        if handle.disk_type not in _READ:
            raise exceptions.ImageUnreadable(
                f'{self.path}: is not safe to open: it needs a parent',
                hint='make one file of it, on a host that you trust: '
                f'qemu-img convert -f {self._name} -O qcow2 IN OUT',
            )
        return handle

    @property
    def _name(self) -> str:
        """The format, as qemu-img calls it."""
        return 'vhdx' if self.format == 'vhdx' else 'vpc'

    def _check_log(self) -> None:
        """See that no log is to be replayed; MS-VHDX, section 2.2.2."""
        newest: tuple[int, bytes] | None = None
        for place in _HEADERS:
            data = self._pread(_SUMMED, place)
            if len(data) < _SUMMED or data[:4] != b'head':
                continue
            stored, sequence = struct.unpack_from('<IQ', data, 4)
            blank = data[:4] + bytes(4) + data[8:]
            if checksums.crc32c(0xFFFFFFFF, blank) ^ 0xFFFFFFFF != stored:
                continue
            newest = max(newest or (-1, b''), (sequence, data[48:64]))
        if newest is None:
            raise self._damaged('none of its headers is whole')
        if any(newest[1]):
            raise exceptions.ImageUnreadable(
                f'{self.path}: its log is not empty: it was not closed',
                hint='mend a copy of it: qemu-img check -r all -f vhdx COPY',
            )
