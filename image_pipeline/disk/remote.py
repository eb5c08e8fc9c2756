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


"""Read parts of a file that lies elsewhere, each part once.

What was read is kept in a file without a name on this host, at the place where
it belongs: memory does not grow with the image, and nothing is asked for
twice.  How the bytes come here, the caller knows.
"""

import concurrent.futures
import os
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from image_pipeline import exceptions

#: Bytes that are kept or not, together.
BLOCK = 64 << 10
#: Bytes that are asked for at first; twice as many each time that what comes
#: next was wanted indeed, and never more than that.
_FIRST, _MOST = 256 << 10, 4 << 20
#: Requests that are under way at the same time.
_AT_ONCE = 4
#: Bytes between two wanted pieces that cost less than another request.
_GAP = 512 << 10


class RemoteFile:
    """A file elsewhere; close it, or use it as a context.

    :param fetch: gives bytes by their offset and number, exactly as many;
        it is called by several threads at once.
    :param size: bytes of the file.
    :param folder: on this host, with room for what will be read.
    :param name: for messages.
    """

    def __init__(
        self,
        fetch: Callable[[int, int], bytes],
        size: int,
        *,
        folder: Path,
        name: str,
    ) -> None:
        self.size = size
        self.name = name
        #: Bytes that came here, and how often some were asked for.
        self.fetched = self.requests = 0
        #: What fetching raised; the file cannot be read since then.
        self.failure: exceptions.PipelineError | None = None
        self.folder = folder
        self._fetch = fetch
        self._has = bytearray(-(-size // BLOCK))
        self._next = -1
        self._ahead = _FIRST
        # Disks are unpacked by several threads.
        self._lock = threading.RLock()
        self._kept = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115

    def read(self, offset: int, length: int) -> bytes:
        """Return bytes; fewer at the end of the file, none past it.

        :param offset: where to begin.
        :param length: how many.
        :raises ImageUnreadable: they cannot be had; :attr:`failure` says why.
        """
        length = min(length, self.size - offset)
        if offset < 0 or length <= 0:
            return b''
        with self._lock:
            first, last = offset // BLOCK, (offset + length - 1) // BLOCK
            missing = self._has.find(0, first, last + 1)
            if missing >= 0:
                self._fill(missing, last)
            return os.pread(self._kept.fileno(), length, offset)

    def expect(self, ranges: Iterable[tuple[int, int]]) -> None:
        """Fetch what will be read, near things together.

        :param ranges: pairs of first byte and first byte after.
        :raises ImageUnreadable: see :meth:`read`.
        """
        with self._lock:
            self._get(_merged(self._missing(ranges)))

    def take(self, write: Callable[[BinaryIO], int]) -> None:
        """Get all of the file at once.

        :param write: writes it into an open file, and returns its bytes.
        :raises Unavailable: there is no room for it.
        """
        free = shutil.disk_usage(self.folder).free
        if free < self.size:
            raise exceptions.Unavailable(
                f'{self.name}: {_mib(self.size)} are to be downloaded, and '
                f'{_mib(free)} are free in {self.folder}',
                hint='make room there, or set another folder with --state-dir',
            )
        with self._lock:
            self._kept.seek(0)
            try:
                count = write(self._kept)
                self._kept.flush()
            except OSError as exc:
                raise exceptions.Unavailable(
                    f'{self.name}: cannot be kept in {self.folder}: '
                    f'{exc.strerror}'
                ) from exc
            self.requests += 1
            self.fetched += count
            self._has[:] = bytes([1]) * len(self._has)

    @property
    def path(self) -> Path:
        """Where what is here can be opened as long as this is open."""
        return Path(f'/proc/self/fd/{self._kept.fileno()}')

    def close(self) -> None:
        """Let go of what was kept; may be called again."""
        self._kept.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _missing(
        self, ranges: Iterable[tuple[int, int]]
    ) -> Iterator[tuple[int, int]]:
        """Give first and last block of each run that is not here."""
        for start, end in sorted(ranges):
            end = min(end, self.size)
            if not 0 <= start < end:
                continue
            block, last = start // BLOCK, (end - 1) // BLOCK
            while (block := self._has.find(0, block, last + 1)) >= 0:
                after = self._has.find(1, block, last + 1)
                after = last + 1 if after < 0 else after
                yield block, after - 1
                block = after

    def _fill(self, first: int, last: int) -> None:
        """Get blocks that are not here, and some that may be wanted next."""
        if first == self._next:
            self._ahead = min(self._ahead * 2, _MOST)
        else:
            self._ahead = _FIRST
        wanted = max(last, first + self._ahead // BLOCK - 1)
        there = self._has.find(1, last + 1, wanted + 1)
        if there >= 0:
            wanted = there - 1
        wanted = min(wanted, len(self._has) - 1)
        self._get([(first, wanted)])
        self._next = wanted + 1

    def _get(self, runs: Iterable[tuple[int, int]]) -> None:
        """Get runs of blocks, several at once: most of the time is waiting."""
        pieces = [
            (start, min(start + _MOST // BLOCK - 1, last))
            for first, last in runs
            for start in range(first, last + 1, _MOST // BLOCK)
        ]
        if len(pieces) == 1:
            self._keep(*pieces[0], self._ask(*pieces[0]))
        elif pieces:
            with concurrent.futures.ThreadPoolExecutor(_AT_ONCE) as pool:
                # No more than a few are in memory.
                for number in range(0, len(pieces), _AT_ONCE):
                    some = pieces[number : number + _AT_ONCE]
                    came = pool.map(lambda piece: self._ask(*piece), some)
                    for piece, data in zip(some, came, strict=True):
                        self._keep(*piece, data)

    def _span(self, first: int, last: int) -> tuple[int, int]:
        """Return offset and length of blocks."""
        offset = first * BLOCK
        return offset, min((last + 1) * BLOCK, self.size) - offset

    def _ask(self, first: int, last: int) -> bytes:
        if self.failure is not None:
            raise self._unreadable(first)
        try:
            return self._fetch(*self._span(first, last))
        except exceptions.PipelineError as exc:
            self.failure = self.failure or exc
            raise self._unreadable(first) from exc

    def _keep(self, first: int, last: int, data: bytes) -> None:
        offset, length = self._span(first, last)
        self.requests += 1
        self.fetched += len(data)
        if len(data) != length:
            self.failure = exceptions.ImageUnreadable(
                f'{self.name}: {len(data)} bytes came of {length} at byte '
                f'{offset}',
                hint='what is stored is shorter than its size says: download '
                'it, and compare its checksum',
            )
            raise self._unreadable(first)
        try:
            os.pwrite(self._kept.fileno(), data, offset)
        except OSError as exc:
            self.failure = exceptions.Unavailable(
                f'{self.name}: what is read of it cannot be kept: '
                f'{exc.strerror}',
                hint='make room in the state folder, or set another one with '
                '--state-dir',
            )
            raise self._unreadable(first) from exc
        self._has[first : last + 1] = bytes([1]) * (last + 1 - first)

    def _unreadable(self, block: int) -> exceptions.ImageUnreadable:
        why = self.failure.message if self.failure else 'unknown'
        return exceptions.ImageUnreadable(
            f'{self.name}: cannot be read at byte {block * BLOCK}: {why}'
        )


def _merged(runs: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return runs of blocks, those that are near to each other as one."""
    found: list[tuple[int, int]] = []
    for first, last in runs:
        if found and first - found[-1][1] <= _GAP // BLOCK:
            found[-1] = (found[-1][0], max(last, found[-1][1]))
        else:
            found.append((first, last))
    return found


def _mib(count: int) -> str:
    return f'{count / 2**20:.0f} MiB'
