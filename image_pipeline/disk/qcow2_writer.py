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

"""Write compressed qcow2 files: fast, and the same bytes every time.

``qemu-img convert -c`` uses about one processor, and with ``-W``, its way to
use more, no two files are the same.  Here the clusters are compressed in
threads and written in the disk's order, so the file depends on the disk's
content alone: not on its holes, nor on the number of threads.

The layout follows QEMU's docs/interop/qcow2.txt, version 3: header, data, L2
tables (only those that are needed), L1 table, refcount blocks, refcount
table.  There are no extended L2 entries, external data or backing files:
Glance's inspector takes the file as it is.
"""

import array
import dataclasses
import os
import struct
import sys
import threading
import zlib
from collections import deque
from collections.abc import Callable, Iterator
from concurrent import futures
from pathlib import Path
from typing import BinaryIO

from image_pipeline.disk import sparse
from image_pipeline.host import cancellation

#: QEMU's own default; larger ones make a guest's small reads slow, since
#: QEMU unpacks a whole compressed cluster for each.
CLUSTER_BITS = 16
CLUSTER = 1 << CLUSTER_BITS
#: The levels that are used if none is asked for.  With clusters of 64 KiB
#: zstd 4 is smaller than zlib 6 on programs and on text for a sixth of its
#: time; 3 is not smaller on programs, and 6 takes 2.5 times as long as 4 for
#: 4 % of the size.  QEMU takes 6 for zlib.
LEVELS = {'zstd': 4, 'zlib': 6}
#: The levels for those in a hurry.
FAST_LEVELS = {'zstd': 1, 'zlib': 1}
#: The compression types, and the levels that each has.
RANGES = {'zstd': (1, 19), 'zlib': (1, 9)}

_PIECE = 2 << 20
_COPIED = 1 << 63
_COMPRESSED = 1 << 62
_SECTORS_SHIFT = 62 - (CLUSTER_BITS - 8)
_ENTRIES = CLUSTER // 8
_REFCOUNTS = CLUSTER // 2
# Incompressible clusters must be aligned.  They wait until there are so many
# that the padding before them does not matter.
_WAITING = 64
_HEADER = struct.Struct('>4sIQIIQIIQQIIQQQQIIB7x')
_HEADER_LENGTH = 112
_INCOMPATIBLE_COMPRESSION = 1 << 3
_ZSTD = 1
_FEATURES = 0x6803F857


@dataclasses.dataclass(frozen=True, kw_only=True)
class Written:
    """A qcow2 file that was written.

    :param virtual_size: bytes of the disk.
    :param size: bytes of the file.
    :param clusters: clusters that hold data.
    :param incompressible: those of them that are stored as they are.
    """

    virtual_size: int
    size: int
    clusters: int
    incompressible: int


def write(
    source: Path,
    destination: Path,
    *,
    compression: str = 'zstd',
    level: int | None = None,
    threads: int | None = None,
    progress: Callable[[int, int], object] = lambda done, total: None,
    cancelled: cancellation.CancellationToken | None = None,
) -> Written:
    """Write a raw disk as a compressed qcow2 file.

    :param source: the raw disk; its length is a multiple of 512 bytes.
    :param destination: the file to make or overwrite.
    :param compression: ``zstd`` (QEMU 5.1 and later) or ``zlib``.
    :param level: of the compression; None: see :data:`LEVELS`.
    :param threads: how many compress; None: one a processor.
    :param progress: told the bytes of the disk that are done, and of how
        many; holes are not counted.
    :param cancelled: stops it.
    :raises Interrupted: it was stopped.
    :raises OSError: a file could not be read or written.
    """
    level = LEVELS[compression] if level is None else level
    threads = threads or len(os.sched_getaffinity(0))
    with source.open('rb', buffering=0) as disk, destination.open('wb') as out:
        size = os.fstat(disk.fileno()).st_size
        writer = _Writer(out, size)
        packer = _Packer(disk.fileno(), size, compression, level)
        offsets = list(_pieces(disk.fileno(), size))
        total = len(offsets) * _PIECE
        done = 0
        with futures.ThreadPoolExecutor(threads) as pool:
            try:
                for offset, clusters in _ordered(
                    pool, packer, offsets, depth=threads * 2
                ):
                    if cancelled:
                        cancelled.check()
                    writer.add(offset // CLUSTER, clusters)
                    done += _PIECE
                    progress(min(done, total), total)
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise
        return writer.finish(zstd=compression == 'zstd')


def _pieces(fd: int, size: int) -> Iterator[int]:
    """Give the offsets of aligned pieces that hold any data."""
    following = 0
    for first, last in sparse.data(fd, end=size):
        start = max(first // _PIECE * _PIECE, following)
        for offset in range(start, last, _PIECE):
            yield offset
            following = offset + _PIECE


def _ordered(
    pool: futures.Executor,
    packer: '_Packer',
    offsets: list[int],
    *,
    depth: int,
) -> Iterator[tuple[int, 'list[_Packed]']]:
    """Compress pieces in the pool, and give them in order."""
    under_way: deque[tuple[int, futures.Future[list[_Packed]]]] = deque()
    for offset in offsets:
        under_way.append((offset, pool.submit(packer.pack, offset)))
        if len(under_way) > depth:
            first, future = under_way.popleft()
            yield first, future.result()
    while under_way:
        first, future = under_way.popleft()
        yield first, future.result()


#: A cluster: None if it is zero, else its bytes and whether they are packed.
_Packed = tuple[bytes, bool] | None


class _Packer:
    """Read pieces of the disk and compress their clusters; in any thread."""

    def __init__(self, fd: int, size: int, compression: str, level: int):
        self._fd = fd
        self._size = size
        self._level = level
        self._zeros = bytes(CLUSTER)
        self._local = threading.local()
        self._compress = self._zstd if compression == 'zstd' else self._zlib

    def pack(self, offset: int) -> list[_Packed]:
        """Return the clusters of the piece at an offset of the disk."""
        wanted = min(_PIECE, self._size - offset)
        piece = os.pread(self._fd, wanted, offset)
        if len(piece) != wanted:
            raise OSError(0, f'the disk ends at byte {offset + len(piece)}')
        if wanted % CLUSTER:
            piece += bytes(CLUSTER - wanted % CLUSTER)
        view = memoryview(piece)
        clusters: list[_Packed] = []
        for start in range(0, len(piece), CLUSTER):
            if piece.startswith(self._zeros, start):
                clusters.append(None)
                continue
            cluster = view[start : start + CLUSTER]
            packed = self._compress(cluster)
            if len(packed) < CLUSTER:
                clusters.append((packed, True))
            else:
                clusters.append((bytes(cluster), False))
        return clusters

    def _zstd(self, cluster: memoryview) -> bytes:
        compressor = getattr(self._local, 'compressor', None)
        if compressor is None:
            import zstandard

            compressor = zstandard.ZstdCompressor(level=self._level)
            self._local.compressor = compressor
        packed: bytes = compressor.compress(cluster)
        return packed

    def _zlib(self, cluster: memoryview) -> bytes:
        # Raw deflate with a window of 4 KiB: QEMU's inflate has no larger.
        deflate = zlib.compressobj(self._level, zlib.DEFLATED, -12, 9)
        return deflate.compress(cluster) + deflate.flush()


class _Writer:
    """Place clusters one after another, and write the tables after them."""

    def __init__(self, out: BinaryIO, size: int) -> None:
        self._out = out
        self._size = size
        self._end = CLUSTER
        self._refcounts = array.array('H', [1])
        self._tables: dict[int, array.array[int]] = {}
        self._waiting: list[tuple[int, bytes]] = []
        self._clusters = 0
        self._incompressible = 0
        out.write(bytes(CLUSTER))

    def add(self, number: int, clusters: list[_Packed]) -> None:
        """Write consecutive clusters, the first of which has a number."""
        for guest, cluster in enumerate(clusters, number):
            if cluster is None:
                continue
            content, packed = cluster
            self._clusters += 1
            if packed:
                self._add_packed(guest, content)
            else:
                self._waiting.append((guest, content))
        if len(self._waiting) >= _WAITING:
            self._write_waiting()

    def finish(self, *, zstd: bool) -> Written:
        """Write what waits, the tables and the header."""
        self._write_waiting()
        self._align()
        length = -(-self._size // (CLUSTER * _ENTRIES))
        l1 = array.array('Q', bytes(8 * length))
        for index, table in sorted(self._tables.items()):
            l1[index] = self._append(table) | _COPIED
        l1_offset = self._append(l1)
        table_offset, table_clusters = self._write_refcounts()
        self._out.seek(0)
        self._out.write(
            _HEADER.pack(
                b'QFI\xfb',
                3,
                0,
                0,
                CLUSTER_BITS,
                self._size,
                0,
                length,
                l1_offset,
                table_offset,
                table_clusters,
                0,
                0,
                _INCOMPATIBLE_COMPRESSION if zstd else 0,
                0,
                0,
                4,
                _HEADER_LENGTH,
                _ZSTD if zstd else 0,
            )
            + _feature_names()
        )
        self._out.flush()
        return Written(
            virtual_size=self._size,
            size=self._end,
            clusters=self._clusters,
            incompressible=self._incompressible,
        )

    def _add_packed(self, guest: int, content: bytes) -> None:
        first, last = self._end, self._end + len(content) - 1
        sectors = last // 512 - first // 512
        self._entry(guest, _COMPRESSED | sectors << _SECTORS_SHIFT | first)
        for host in range(first // CLUSTER, last // CLUSTER + 1):
            self._refer(host)
        self._out.write(content)
        self._end += len(content)

    def _write_waiting(self) -> None:
        if not self._waiting:
            return
        self._align()
        for guest, content in self._waiting:
            self._entry(guest, _COPIED | self._end)
            self._refer(self._end // CLUSTER)
            self._out.write(content)
            self._end += CLUSTER
        self._incompressible += len(self._waiting)
        self._waiting = []

    def _entry(self, guest: int, value: int) -> None:
        index, slot = divmod(guest, _ENTRIES)
        table = self._tables.get(index)
        if table is None:
            table = self._tables[index] = array.array('Q', bytes(CLUSTER))
        table[slot] = value

    def _refer(self, host: int) -> None:
        if host == len(self._refcounts):
            self._refcounts.append(0)
        self._refcounts[host] += 1

    def _align(self) -> None:
        padding = -self._end % CLUSTER
        self._out.write(bytes(padding))
        self._end += padding

    def _append(self, table: 'array.array[int]') -> int:
        """Write a table in whole clusters and return where it is."""
        offset = self._end
        content = _big_endian(table)
        content += bytes(-len(content) % CLUSTER)
        for host in range(offset, offset + len(content), CLUSTER):
            self._refer(host // CLUSTER)
        self._out.write(content)
        self._end += len(content)
        return offset

    def _write_refcounts(self) -> tuple[int, int]:
        """Write refcount blocks and table, which count themselves too."""
        used = len(self._refcounts)
        blocks = tables = 0
        while True:
            needed = -(-(used + blocks + tables) // _REFCOUNTS)
            wanted = -(-needed // _ENTRIES)
            if (needed, wanted) == (blocks, tables):
                break
            blocks, tables = needed, wanted
        self._refcounts.extend([1] * (blocks + tables))
        first = self._end
        content = _big_endian(self._refcounts)
        self._out.write(content + bytes(blocks * CLUSTER - len(content)))
        offsets = array.array(
            'Q', range(first, first + blocks * CLUSTER, CLUSTER)
        )
        content = _big_endian(offsets)
        self._out.write(content + bytes(tables * CLUSTER - len(content)))
        self._end = first + (blocks + tables) * CLUSTER
        return first + blocks * CLUSTER, tables


def _big_endian(table: 'array.array[int]') -> bytes:
    if sys.byteorder == 'little':
        table = table[:]
        table.byteswap()
    return table.tobytes()


def _feature_names() -> bytes:
    """Return the header extensions: an old QEMU then names what it lacks."""
    name = struct.pack('>BB46s', 0, 3, b'compression type')
    return struct.pack('>II', _FEATURES, len(name)) + name + bytes(8)
