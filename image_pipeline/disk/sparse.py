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

"""Files with holes: where their data is, and digests in one pass."""

import contextlib
import errno
import hashlib
import os
from collections.abc import Callable, Iterator
from concurrent import futures
from pathlib import Path

from image_pipeline import exceptions
from image_pipeline.host import cancellation

#: Bytes that are read at a time; two such pieces are in memory.
PIECE = 4 << 20
# Cancelling is looked at between these.
_COPY = 64 << 20


def data(
    fd: int, *, start: int = 0, end: int | None = None
) -> Iterator[tuple[int, int]]:
    """Give the ranges of a file that hold data; the rest reads as zeros.

    A file system without holes answers that everything is data.

    :param fd: a file open for reading.
    :param start: where to begin, in bytes.
    :param end: where to stop; None: at the end of the file.
    :returns: pairs of first byte and first byte after.
    """
    end = os.fstat(fd).st_size if end is None else end
    while start < end:
        try:
            first = os.lseek(fd, start, os.SEEK_DATA)
        except OSError as exc:
            if exc.errno == errno.ENXIO:
                return
            raise
        if first >= end:
            return
        last = min(os.lseek(fd, first, os.SEEK_HOLE), end)
        yield first, last
        start = last


def copy_once(source: int, target: int, offset: int, length: int) -> int:
    """Copy bytes between the same places of two files, as many as go at once.

    :param source: open for reading.
    :param target: open for writing; blocks are shared where the file system
        can do that.
    :param offset: where, in both.
    :param length: how many bytes at most.
    :returns: how many it were.
    :raises OSError: it did not work, or the source ends there.
    """
    length = min(length, _COPY)
    try:
        count = os.copy_file_range(source, target, length, offset, offset)
    except OSError as exc:
        if exc.errno not in (errno.EXDEV, errno.EINVAL, errno.EOPNOTSUPP):
            raise
        piece = os.pread(source, min(length, PIECE), offset)
        count = os.pwrite(target, piece, offset)
    if not count:
        raise OSError(errno.EIO, f'the file ends at byte {offset}')
    return count


def copy(source: Path, destination: Path) -> None:
    """Copy a file and its holes.

    :param source: the file.
    :param destination: the copy; it is overwritten.
    :raises OSError: it did not work.
    """
    with source.open('rb') as disk, destination.open('wb') as out:
        os.ftruncate(out.fileno(), os.fstat(disk.fileno()).st_size)
        for first, last in data(disk.fileno()):
            offset = first
            while offset < last:
                offset += copy_once(
                    disk.fileno(), out.fileno(), offset, last - offset
                )


def digests(
    path: Path,
    *,
    progress: Callable[[int], object] = lambda done: None,
    cancelled: cancellation.CancellationToken | None = None,
) -> dict[str, str]:
    """Return a file's sha256 and sha512, read once, computed side by side.

    :param path: the file.
    :param progress: told how many bytes are done.
    :param cancelled: stops it.
    :returns: hexadecimal digits by ``sha256`` and ``sha512``.
    :raises Interrupted: it was stopped.
    """
    # hashlib lets other threads run while it works, so each digest has one.
    hashes = {'sha256': hashlib.sha256(), 'sha512': hashlib.sha512()}
    with (
        futures.ThreadPoolExecutor(len(hashes)) as pool,
        path.open('rb', buffering=0) as file,
    ):
        under_way: list[futures.Future[None]] = []
        done = 0
        while piece := file.read(PIECE):
            if cancelled:
                cancelled.check()
            for each in under_way:
                each.result()
            progress(done)
            done += len(piece)
            under_way = [
                pool.submit(each.update, piece) for each in hashes.values()
            ]
        for each in under_way:
            each.result()
    progress(done)
    return {name: each.hexdigest() for name, each in hashes.items()}


@contextlib.contextmanager
def complete(path: Path) -> Iterator[Path]:
    """Give a temporary name for a file that appears at once, or not at all.

    :param path: the file to make; it must not be there.
    :returns: a context manager that gives the path to write to.
    :raises StageFailed: there was no space left, or the disk failed.
    """
    temporary = path.with_name(f'.{path.name}.part')
    try:
        yield temporary
        temporary.replace(path)
    except OSError as exc:
        # Programming errors come as other classes; these are the disk's.
        raise no_room(path, exc) from exc
    finally:
        temporary.unlink(missing_ok=True)


def no_room(path: Path, exc: OSError) -> exceptions.StageFailed:
    """Return the error for a file that could not be written.

    :param path: the file.
    :param exc: what the system said.
    """
    full = exc.errno in (errno.ENOSPC, errno.EDQUOT)
    return exceptions.StageFailed(
        f'{path} could not be written: {exc.strerror or exc}',
        hint=f'free some space where {path.parent} is, then bake again'
        if full
        else 'look at the system log for errors of the disk',
    )
