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

"""Read the virtual disk in a VDI file.

Fixed and dynamic ones; no kept library reads them.  The format is that of
QEMU's ``block/vdi.c`` and VirtualBox's ``VDICore.h``.
"""

import array
import struct
import sys
from collections.abc import Iterator
from pathlib import Path

from image_pipeline import exceptions
from image_pipeline.disk import reader

_MAGIC = 0xBEDA107F
_VERSION = 0x00010001
_DYNAMIC, _FIXED = 1, 2
#: Blocks that were never written, and such that were discarded, begin here.
_NONE = 0xFFFFFFFE
#: The most bytes of a block map that are read: 16 TiB in blocks of 1 MiB.
_MOST_MAP = 64 << 20
_LEAST_BLOCK, _MOST_BLOCK = 4096, 256 << 20


class VdiDisk(reader.Disk):
    """The virtual disk in a VDI file; see the base class."""

    def __init__(self, path: Path, inspection: reader.Inspection) -> None:
        super().__init__(path, inspection)
        try:
            self._read_header()
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
            number, within = divmod(offset, self._block)
            count = min(length, self._block - within)
            entry = self._map[number]
            if entry >= _NONE:
                parts.append(bytes(count))
            else:
                place = self._data + entry * self._block
                data = self._pread(count, place + within)
                # What is missing of the last block is zeros, as for QEMU.
                parts.append(data + bytes(count - len(data)))
            offset += count
            length -= count
        return parts[0] if len(parts) == 1 else b''.join(parts)

    def filled(self, start: int, end: int) -> Iterator[tuple[int, int]]:
        """Give the ranges that may hold something; see the base class."""
        end = min(end, self.size)
        place = start
        while place < end:
            number = place // self._block
            after = min((number + 1) * self._block, end)
            if self._map[number] < _NONE:
                yield place, after
            place = after

    def _read_header(self) -> None:
        data = self._pread(512, 0)
        if len(data) < 512:
            raise self._damaged('its header is cut short')
        magic, version = struct.unpack_from('<II', data, 0x40)
        if magic != _MAGIC or version != _VERSION:
            raise self._damaged(f'version {version:#x} is not known')
        (kind,) = struct.unpack_from('<I', data, 0x4C)
        if kind not in (_DYNAMIC, _FIXED) or any(data[0x1A8:0x1C8]):
            raise exceptions.ImageUnreadable(
                f'{self.path}: is not safe to open: it needs a parent',
                hint='make one file of it, on a host that you trust: '
                'VBoxManage clonemedium IN OUT',
            )
        map_place, self._data = struct.unpack_from('<II', data, 0x154)
        (sector,) = struct.unpack_from('<I', data, 0x168)
        self.size, self._block, extra, count = struct.unpack_from(
            '<QIII', data, 0x170
        )
        if (
            sector != 512
            or extra
            or not _LEAST_BLOCK <= self._block <= _MOST_BLOCK
            or self._block % 512
        ):
            raise self._damaged('its blocks make no sense')
        if count * 4 > _MOST_MAP or not 0 < self.size <= count * self._block:
            raise self._damaged('its block map does not fit its size')
        raw = self._pread(count * 4, map_place)
        if len(raw) < count * 4:
            raise self._cut_short(map_place + count * 4)
        self._map = array.array('I', raw)
        if sys.byteorder == 'big':
            self._map.byteswap()
        last = max((entry for entry in self._map if entry < _NONE), default=-1)
        if self._data + last * self._block >= self.file_size and last >= 0:
            raise self._cut_short(self._data + last * self._block)

    def _damaged(self, why: str) -> exceptions.ImageUnreadable:
        return exceptions.ImageUnreadable(
            f'{self.path}: is damaged: {why}',
            hint='look at it with: qemu-img check -f vdi FILE',
        )

    def _cut_short(self, offset: int) -> exceptions.ImageUnreadable:
        return exceptions.ImageUnreadable(
            f'{self.path}: is cut short: it has {self.file_size} bytes, and '
            f'its block map names byte {offset}',
            hint='fetch or convert it again, and compare its checksum',
        )
