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

"""Read the virtual disk in a qcow2 file.

Versions 2 and 3, any cluster size, plain, zero, zlib and zstd clusters.  The
format is QEMU's ``docs/interop/qcow2.txt``.  Memory is bounded whatever the
image's size: tables and clusters are kept in caches of a fixed number of
bytes.  Every number of the file is distrusted.
"""

import array
import contextlib
import dataclasses
import struct
import sys
import threading
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from image_pipeline import exceptions
from image_pipeline.disk import kept, parallel, qcow2_header, reader

_COPIED = 1 << 63
_COMPRESSED = 1 << 62
_ZERO = 1
_OFFSET = 0x00FFFFFFFFFFFE00
#: The most bytes of an L1 table that QEMU itself reads (32 MiB).
_L1_LIMIT = 32 << 20
#: Bytes of second-level tables and of clusters that are kept.
_TABLES_KEPT = 8 << 20
_CLUSTERS_KEPT = 24 << 20
#: Bytes of second-level tables that are looked through when a file is
#: opened, to see that it is whole; an image of 256 GiB has 32 MiB.
_CHECKED = 32 << 20
_ZSTD, _ZLIB = 1, 0


@dataclasses.dataclass(frozen=True, kw_only=True)
class Allocation:
    """The clusters that hold something.

    :param plain: those that are stored as they are.
    :param compressed: those that are compressed.
    """

    plain: int
    compressed: int


class Qcow2Disk(reader.Disk):
    """The virtual disk in a qcow2 file."""

    def __init__(
        self,
        path: Path,
        inspection: reader.Inspection,
        source: reader.Source | None = None,
    ) -> None:
        super().__init__(path, inspection, source)
        try:
            self.header = self._read_header()
            self.size = self.header.size
            self._l1 = self._read_l1()
            self._l2_entries = self.header.cluster_size // 8
            self._tables = kept.Kept(_TABLES_KEPT)
            self._clusters = kept.Kept(_CLUSTERS_KEPT)
            # A decompressor serves one thread.
            self._local = threading.local()
            if not self.header.crypt_method:
                self._check_whole()
        except BaseException:
            self.close()
            raise

    def read(self, offset: int, length: int) -> bytes:
        """Return bytes of the disk; see :meth:`reader.Disk.read`."""
        if offset < 0 or length <= 0 or offset >= self.size:
            return b''
        if self.header.crypt_method:
            raise exceptions.ImageUnreadable(
                f'{self.path}: its content is encrypted'
            )
        length = min(length, self.size - offset)
        bits, size = self.header.cluster_bits, self.header.cluster_size
        parts = []
        while length:
            within = offset & (size - 1)
            count = min(length, size - within)
            parts.append(self._read_cluster(offset >> bits, within, count))
            offset += count
            length -= count
        return parts[0] if len(parts) == 1 else b''.join(parts)

    def expect(self, places: Iterable[int]) -> None:
        """Unpack clusters, several at once; see the base class."""
        if self.header.crypt_method:
            return
        wanted = {}
        for place in places:
            cluster = place >> self.header.cluster_bits
            if 0 <= place < self.size and cluster not in self._clusters:
                entry = self._entry(cluster)
                if entry & _COMPRESSED:
                    wanted[cluster] = entry
        # No more than are kept until they are read.
        most = _CLUSTERS_KEPT // 2 >> self.header.cluster_bits
        chosen = list(wanted.items())[:most]
        entries = [entry for _, entry in chosen]
        if self.source is not None:
            mask = self._compressed_mask
            with contextlib.suppress(exceptions.ImageUnreadable):
                self.source.expect(
                    (entry & mask, self._compressed_end(entry))
                    for entry in entries
                )
        for (cluster, _), data in zip(
            chosen, parallel.each(self._unpacked, entries), strict=True
        ):
            if data is not None:
                self._clusters.put(cluster, data, len(data))

    def filled(self, start: int, end: int) -> Iterator[tuple[int, int]]:
        """Give the clusters that are not zeros; see the base class."""
        size, end = self.header.cluster_size, min(end, self.size)
        covered = size * self._l2_entries
        place = start
        first: int | None = None
        while place < end:
            if not self._l1[place // covered] & _OFFSET:
                after, is_filled = (place // covered + 1) * covered, False
            else:
                after = (place // size + 1) * size
                is_filled = self._is_filled(self._entry(place // size))
            if is_filled and first is None:
                first = place
            elif not is_filled and first is not None:
                yield first, place
                first = None
            place = after
        if first is not None:
            yield first, end

    def allocation(self) -> Allocation:
        """Return how many clusters there are of each kind.

        :raises ImageUnreadable: a table is damaged.
        """
        plain = compressed = 0
        for entry in self._l1:
            if entry & _OFFSET:
                filled = [
                    e
                    for e in self._read_table(entry & _OFFSET)
                    if self._is_filled(e)
                ]
                packed = sum(1 for e in filled if e & _COMPRESSED)
                compressed += packed
                plain += len(filled) - packed
        return Allocation(plain=plain, compressed=compressed)

    def _is_filled(self, entry: int) -> bool:
        if entry & _COMPRESSED:
            return True
        zero = self.header.version >= 3 and entry & _ZERO
        return bool(entry & _OFFSET) and not zero

    def _read_header(self) -> qcow2_header.Header:
        data = self._pread(112, 0)
        if len(data) < 72:
            raise self._damaged('its header is cut short')
        (version, _, _, bits, size, crypt, l1_entries, l1_offset, _, _,
         snapshots) = struct.unpack_from('>IQIIQIIQQII', data, 4)  # fmt: skip
        incompatible = compression = 0
        if version >= 3:
            if len(data) < 104:
                raise self._damaged('its header is cut short')
            (incompatible,) = struct.unpack_from('>Q', data, 72)
            (header_length,) = struct.unpack_from('>I', data, 100)
            if header_length >= 105 and len(data) > 104:
                compression = data[104]
        header = qcow2_header.Header(
            version=version,
            cluster_bits=bits,
            size=size,
            crypt_method=crypt,
            l1_entries=l1_entries,
            l1_offset=l1_offset,
            snapshots=snapshots,
            incompatible=incompatible,
            compression=compression,
        )
        self._check_header(header)
        return header

    def _check_header(self, header: qcow2_header.Header) -> None:
        known = (
            qcow2_header.DIRTY
            | qcow2_header.CORRUPT
            | qcow2_header.COMPRESSION
        )
        if header.version not in (2, 3):
            raise self._damaged(f'version {header.version} is not known')
        if header.incompatible & ~known:
            raise self._damaged('it uses features that are not known')
        if not 9 <= header.cluster_bits <= 21:
            raise self._damaged(
                f'clusters of 2^{header.cluster_bits} bytes are not allowed'
            )
        if header.compression not in (_ZLIB, _ZSTD):
            raise self._damaged(
                f'compression type {header.compression} is not known'
            )
        if header.size > 1 << 56:
            raise self._damaged(f'a size of {header.size} is not possible')
        if header.l1_offset % header.cluster_size:
            raise self._damaged('its first-level table is not aligned')

    def _read_l1(self) -> 'array.array[int]':
        header = self.header
        covered = header.cluster_size // 8 * header.cluster_size
        needed = -(-header.size // covered)
        if needed * 8 > _L1_LIMIT or header.l1_entries * 8 > _L1_LIMIT:
            raise self._damaged('its first-level table is too large')
        if header.l1_entries < needed:
            raise self._damaged(
                'its first-level table is smaller than its size says'
            )
        data = self._pread(needed * 8, header.l1_offset)
        if len(data) < needed * 8:
            raise self._cut_short(header.l1_offset + len(data))
        return _big_endian(data)

    def _check_whole(self) -> None:
        """See that what the tables name lies in the file.

        A download that was broken off is told at once, not by the first
        rule that meets a hole.
        """
        budget = _CHECKED
        for entry in self._l1:
            start = entry & _OFFSET
            if not start:
                continue
            if start >= self.file_size:
                raise self._cut_short(start)
            budget -= self.header.cluster_size
            if budget >= 0:
                self._check_table(self._read_table(start))

    def _check_table(self, table: 'array.array[int]') -> None:
        # Plain maxima first: per-entry work only where one is too large.
        mask = self._compressed_mask
        plain = max(
            (e & _OFFSET for e in table if not e & _COMPRESSED), default=0
        )
        last = max((e & mask for e in table if e & _COMPRESSED), default=0)
        for offset in (plain, last):
            if offset >= self.file_size:
                raise self._cut_short(offset)
        if not last:
            return
        for entry in table:
            if entry & _COMPRESSED and entry & mask == last:
                # The stream ends somewhere in its last sector: if the file
                # does too, only unpacking tells whether it is whole.
                end = self._compressed_end(entry)
                if end - 512 >= self.file_size:
                    raise self._cut_short(end - 512)
                if end > self.file_size:
                    self._unpack_last(entry)

    def _unpack_last(self, entry: int) -> None:
        try:
            self._decompress(entry)
        except exceptions.ImageUnreadable as exc:
            raise self._cut_short(self.file_size) from exc

    @property
    def _compressed_mask(self) -> int:
        return (1 << (62 - (self.header.cluster_bits - 8))) - 1

    def _compressed_end(self, entry: int) -> int:
        shift = 62 - (self.header.cluster_bits - 8)
        start = entry & ((1 << shift) - 1)
        sectors = (entry & (_COMPRESSED - 1)) >> shift
        return (start & ~511) + (sectors + 1) * 512

    def _read_table(self, start: int) -> 'array.array[int]':
        data = self._pread(self.header.cluster_size, start)
        if len(data) < self.header.cluster_size:
            raise self._cut_short(start + len(data))
        return _big_endian(data)

    def _entry(self, cluster: int) -> int:
        index = cluster // self._l2_entries
        start = self._l1[index] & _OFFSET
        if not start:
            return 0
        table = self._tables.get(start)
        if table is None:
            table = self._read_table(start)
            self._tables.put(start, table, self.header.cluster_size)
        return int(table[cluster % self._l2_entries])

    def _read_cluster(self, cluster: int, within: int, count: int) -> bytes:
        entry = self._entry(cluster)
        if entry & _COMPRESSED:
            data = self._clusters.get(cluster)
            if data is None:
                data = self._decompress(entry)
                self._clusters.put(cluster, data, len(data))
            return bytes(data[within : within + count])
        start = entry & _OFFSET
        if not start or (self.header.version >= 3 and entry & _ZERO):
            return bytes(count)
        if start >= self.file_size:
            raise self._cut_short(start)
        data = self._pread(count, start + within)
        # QEMU takes what is missing of the last cluster as zeros.
        return data + bytes(count - len(data))

    def _unpacked(self, entry: int) -> bytes | None:
        try:
            return self._decompress(entry)
        except exceptions.ImageUnreadable:
            return None

    def _decompress(self, entry: int) -> bytes:
        start = entry & self._compressed_mask
        packed = self._pread(self._compressed_end(entry) - start, start)
        size = self.header.cluster_size
        try:
            if self.header.compression == _ZSTD:
                data = self._unzstd(packed, size)
            else:
                data = zlib.decompressobj(-15).decompress(packed, size)
        except Exception as exc:
            # zlib.error, zstandard.ZstdError: never more than the bytes.
            raise self._damaged(
                f'a compressed cluster at byte {start} cannot be read'
            ) from exc
        if len(data) != size:
            raise self._damaged(
                f'a compressed cluster at byte {start} is cut short'
            )
        return data

    def _unzstd(self, packed: bytes, size: int) -> bytes:
        found: Any = getattr(self._local, 'zstd', None)
        if found is None:
            import zstandard

            # The window bounds the memory that a hostile frame can ask for;
            # no cluster is larger than 2 MiB.
            found = zstandard.ZstdDecompressor(max_window_size=1 << 23)
            self._local.zstd = found
        with found.stream_reader(packed) as stream:
            return bytes(stream.read(size))

    def _damaged(self, why: str) -> exceptions.ImageUnreadable:
        return exceptions.ImageUnreadable(
            f'{self.path}: is damaged: {why}',
            hint='look at it with: qemu-img check -f qcow2 FILE',
        )

    def _cut_short(self, offset: int) -> exceptions.ImageUnreadable:
        return exceptions.ImageUnreadable(
            f'{self.path}: is cut short: it has {self.file_size} bytes, and '
            f'its tables name byte {offset}',
            hint='fetch or convert it again, and compare its checksum',
        )


def _big_endian(data: bytes) -> 'array.array[int]':
    table = array.array('Q')
    table.frombytes(data)
    if sys.byteorder == 'little':
        table.byteswap()
    return table
