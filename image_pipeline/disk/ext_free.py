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

"""The free space of ext2, ext3 and ext4: where it is, is it clean, drop it.

Free blocks are asked of e2fsprogs' own ``dumpe2fs``, so every layout that it
knows is right; nothing is mounted, and a partition is read where it lies.
"""

import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from image_pipeline import exceptions
from image_pipeline.disk import sparse
from image_pipeline.host import cancellation, process

#: The programs that are needed.
EXECUTABLES = ('dumpe2fs',)

_SUPERBLOCK = 1024
_MAGIC = (_SUPERBLOCK + 56, b'\x53\xef')
_PIECE = 1 << 20
_BLOCK_SIZE = re.compile(r'^Block size:\s+(\d+)$', re.MULTILINE)
_FEATURES = re.compile(r'^Filesystem features:\s+(.*)$', re.MULTILINE)
# Those of a group are indented; without indent it is the sum of all.
_FREE = re.compile(r'^  Free blocks: ([0-9, -]+)$', re.MULTILINE)

#: First byte and first byte after, on the disk.
Range = tuple[int, int]


def is_ext(fd: int, start: int) -> bool:
    """Tell whether an ext file system begins at a byte of a disk.

    :param fd: the disk, open for reading.
    :param start: in bytes.
    """
    offset, magic = _MAGIC
    return os.pread(fd, len(magic), start + offset) == magic


def free_ranges(
    disk: Path, start: int, size: int, *, host: process.Runner
) -> list[Range]:
    """Return what is free in an ext file system, in order and merged.

    :param disk: the raw disk.
    :param start: where the file system begins, in bytes.
    :param size: bytes of its partition.
    :param host: runs ``dumpe2fs``.
    :returns: ranges of the disk, in bytes.
    :raises StageFailed: it cannot be read, was not unmounted cleanly, or
        has clusters of several blocks.
    """
    where = f'{disk}: the file system at byte {start}'
    if '?' in str(disk):
        # e2fsprogs would take the rest for its own options.
        raise exceptions.StageFailed(f'{disk}: the path has a "?" in it')
    try:
        done = host.run(
            ['dumpe2fs', f'{disk}?offset={start}'], env={'LC_ALL': 'C'}
        )
    except exceptions.CommandFailed as exc:
        raise exceptions.StageFailed(
            f'{where} is damaged: {" ".join(exc.tail[-1:])}',
            hint='run e2fsck on it, or look at the log of what made the disk',
        ) from exc
    block = _BLOCK_SIZE.search(done.stdout)
    features = _FEATURES.search(done.stdout)
    if block is None or features is None:
        raise exceptions.StageFailed(
            f'{where}: the output of dumpe2fs was not understood'
        )
    if 'needs_recovery' in features[1].split():
        # The journal may hold newer bitmaps than those that are read.
        raise exceptions.StageFailed(
            f'{where} was not unmounted cleanly',
            hint='look at the log of what made the disk',
        )
    if 'bigalloc' in features[1].split():
        raise exceptions.StageFailed(
            f'{where} allocates clusters of blocks (bigalloc)',
            hint='take the stage zerofree out of the recipe',
        )
    return list(
        _ranges(_FREE.findall(done.stdout), start, size, int(block[1]))
    )


def first_dirty(
    disk: Path,
    free: Iterable[Range],
    *,
    cancelled: cancellation.CancellationToken | None = None,
) -> int | None:
    """Return the first free byte that is not zero, or None.

    Holes are not read, so a clean disk is soon proven to be one.

    :param disk: the raw disk.
    :param free: what is free on it.
    :param cancelled: stops it.
    """
    zeros = bytes(_PIECE)
    with disk.open('rb', buffering=0) as file:
        fd = file.fileno()
        for start, end in free:
            for first, last in sparse.data(fd, start=start, end=end):
                for offset in range(first, last, _PIECE):
                    if cancelled:
                        cancelled.check()
                    piece = os.pread(fd, min(_PIECE, last - offset), offset)
                    if not zeros.startswith(piece):
                        return offset + _leading_zeros(piece)
    return None


def copy_used(
    disk: Path,
    destination: Path,
    free: Sequence[Range],
    *,
    progress: Callable[[int, int], object] = lambda done, total: None,
    cancelled: cancellation.CancellationToken | None = None,
) -> int:
    """Copy a disk without what is free on it; that becomes holes.

    :param disk: the raw disk.
    :param destination: the file to make or overwrite.
    :param free: what is free, in order.
    :param progress: told the bytes copied, and of how many.
    :param cancelled: stops it.
    :returns: how many bytes were left out, holes not counted.
    :raises OSError: a file could not be read or written.
    """
    with (
        disk.open('rb', buffering=0) as source,
        destination.open('wb', buffering=0) as target,
    ):
        fd = source.fileno()
        os.ftruncate(target.fileno(), os.fstat(fd).st_size)
        data = list(sparse.data(fd))
        used = list(_without(data, free))
        total = sum(last - first for first, last in used)
        done = 0
        for first, last in used:
            offset = first
            while offset < last:
                if cancelled:
                    cancelled.check()
                count = sparse.copy_once(
                    fd, target.fileno(), offset, last - offset
                )
                offset += count
                done += count
                progress(done, total)
        return sum(last - first for first, last in data) - total


def _ranges(
    groups: Iterable[str], start: int, size: int, block: int
) -> Iterator[Range]:
    """Give the ranges that dumpe2fs lists, merged across groups."""
    current: Range | None = None
    for group in groups:
        for item in group.replace(' ', '').split(','):
            if not item:
                continue
            low, _, high = item.partition('-')
            first = start + int(low) * block
            last = start + (int(high or low) + 1) * block
            if last > start + size:
                raise exceptions.StageFailed(
                    f'the file system at byte {start} is larger than its '
                    'partition'
                )
            if current and current[1] == first:
                current = (current[0], last)
                continue
            if current:
                yield current
            current = (first, last)
    if current:
        yield current


def _without(data: Sequence[Range], free: Sequence[Range]) -> Iterator[Range]:
    """Give the parts of the data that are not free; both are in order."""
    remaining = iter(free)
    hole = next(remaining, None)
    for first, last in data:
        while hole and hole[1] <= first:
            hole = next(remaining, None)
        while hole and hole[0] < last:
            if first < hole[0]:
                yield first, hole[0]
            first = min(hole[1], last)
            if hole[1] > last:
                break
            hole = next(remaining, None)
        if first < last:
            yield first, last


def _leading_zeros(piece: bytes) -> int:
    return len(piece) - len(piece.lstrip(b'\0'))
