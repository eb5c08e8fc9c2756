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

"""Read what is in an initramfs: cpio archives, one after the other.

The kernel reads any number of them, each plain or compressed, with zeros
between (Documentation/driver-api/early-userspace/buffer-format.rst): first
often microcode, which must be plain, then the initramfs itself.  Names are
wanted, not content, so nothing is kept but a few small files, and memory and
time are bounded whatever the file claims.
"""

import dataclasses
from collections.abc import Callable, Iterator

from image_pipeline.audit.guest import unpack

#: How each archive begins; lib/decompress.c has the same list.
MAGICS = {
    b'070701': 'cpio',
    b'070702': 'cpio',
    b'\x1f\x8b': 'gzip',
    b'\x1f\x9e': 'gzip',
    b'BZh': 'bzip2',
    b'\x5d\x00\x00': 'lzma',
    b'\xfd7zXZ\x00': 'xz',
    b'\x89LZO': 'lzop',
    b'\x02\x21\x4c\x18': 'lz4',
    b'\x28\xb5\x2f\xfd': 'zstd',
}
_HEADER = 110
_TRAILER = 'TRAILER!!!'
#: A name has PATH_MAX at most, its zero included.
_MOST_NAME = 4096
#: What is kept of a file that is asked for.
_MOST_KEPT = 64 << 10
#: A rescue initramfs with every driver and all firmware has some 10,000.
_MOST_NAMES = 200_000
#: Bytes that are read at once.
_CHUNK = 256 << 10

Reader = Callable[[int, int], bytes]
Wanted = Callable[[str], bool]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Entry:
    """A file in an archive.

    :param name: without ``./`` or a slash before it.
    :param data: its content, if it was asked for and is small.
    :param archive: how the archive is compressed; ``cpio`` if it is not.
    """

    name: str
    data: bytes | None
    archive: str


def format_of(start: bytes) -> str | None:
    """Return how an archive is compressed, or None if it is none.

    :param start: its first bytes.
    """
    for magic, name in MAGICS.items():
        if start.startswith(magic):
            return name
    return None


def entries(
    read: Reader, size: int, path: str, keep: Wanted
) -> Iterator[Entry]:
    """Give every file of all archives in a file.

    :param read: returns bytes of it: offset, length.
    :param size: its length in bytes.
    :param path: what errors call it.
    :param keep: tells whether a file's content is wanted.
    :raises ImageUnreadable: it is damaged, too large, or of a format that is
        not read.
    """
    raw = _Raw(read, size)
    given = 0
    while raw.skip_zeros():
        form = format_of(raw.peek(8))
        if form is None:
            if given:
                # The kernel says "junk" and goes on without it.
                return
            raise unpack.damaged(path, 'is no initramfs')
        stream = (
            raw if form == 'cpio' else _Stream(unpack.chunks(raw, form, path))
        )
        if not stream.skip_zeros():
            raise unpack.damaged(path, 'ends within its archive')
        for name, data in _archives(stream, path, keep):
            given += 1
            if given > _MOST_NAMES:
                raise unpack.unreadable(
                    path, f'has more than {_MOST_NAMES} files'
                )
            yield Entry(name=name, data=data, archive=form)


def _archives(
    stream: '_Raw | _Stream', path: str, keep: Wanted
) -> Iterator[tuple[str, bytes | None]]:
    """Give the files up to where no further plain archive begins."""
    while stream.skip_zeros():
        if stream.peek(5) != b'07070':
            return
        yield from _archive(stream, path, keep)


def _archive(
    stream: '_Raw | _Stream', path: str, keep: Wanted
) -> Iterator[tuple[str, bytes | None]]:
    while True:
        head = stream.take(_HEADER)
        if len(head) < _HEADER:
            raise unpack.damaged(path, 'ends within its archive')
        try:
            length, name_length = int(head[54:62], 16), int(head[94:102], 16)
        except ValueError:
            raise unpack.damaged(path, 'has a damaged archive') from None
        if head[:5] != b'07070' or not 0 < name_length <= _MOST_NAME:
            raise unpack.damaged(path, 'has a damaged archive')
        raw = stream.take(name_length + -(_HEADER + name_length) % 4)
        if len(raw) < name_length:
            raise unpack.damaged(path, 'ends within its archive')
        name = raw[: name_length - 1].decode('utf-8', 'surrogateescape')
        if name == _TRAILER:
            return
        name = name.removeprefix('./').lstrip('/')
        padded = length + -length % 4
        data = None
        if keep(name) and length <= _MOST_KEPT:
            data = stream.take(padded)[:length]
        else:
            stream.skip(padded)
        if name not in {'', '.'}:
            yield name, data


class _Raw:
    """The file itself: what is skipped is not read.

    :param read: returns bytes of it: offset, length.
    :param size: its length in bytes.
    """

    def __init__(self, read: Reader, size: int) -> None:
        self.place = 0
        self.size = size
        self._read = read
        self._start = 0
        self._data = b''

    def peek(self, length: int) -> bytes:
        """Return the next bytes, which stay."""
        begin = self.place - self._start
        if not 0 <= begin <= len(self._data) - length:
            wanted = min(max(length, _CHUNK), self.size - self.place)
            self._start, begin = self.place, 0
            self._data = self._read(self.place, wanted) if wanted > 0 else b''
        return self._data[begin : begin + length]

    def take(self, length: int) -> bytes:
        """Return the next bytes; fewer at the end."""
        found = self.peek(length)
        self.place += len(found)
        return found

    def skip(self, length: int) -> None:
        """Pass over bytes."""
        self.place += length

    def skip_zeros(self) -> bool:
        """Pass over zeros; tell whether there is anything else."""
        while data := self.peek(_CHUNK):
            rest = data.lstrip(b'\0')
            self.place += len(data) - len(rest)
            if rest:
                return True
        return False


class _Stream:
    """Unpacked bytes, to be read forwards.

    :param chunks: of any length but empty.
    """

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._chunk = b''
        self._place = 0

    def peek(self, length: int) -> bytes:
        """Return the next bytes, which stay."""
        while len(self._chunk) - self._place < length:
            rest = self._chunk[self._place :]
            more = next(self._chunks, b'')
            self._chunk, self._place = rest + more, 0
            if not more:
                break
        return self._chunk[self._place : self._place + length]

    def take(self, length: int) -> bytes:
        """Return the next bytes; fewer at the end."""
        found = self.peek(length)
        self._place += len(found)
        return found

    def skip(self, length: int) -> None:
        """Pass over bytes."""
        while length > len(self._chunk) - self._place:
            length -= len(self._chunk) - self._place
            self._chunk, self._place = next(self._chunks, b''), 0
            if not self._chunk:
                return
        self._place += length

    def skip_zeros(self) -> bool:
        """Pass over zeros; tell whether there is anything else."""
        while True:
            rest = self._chunk[self._place :].lstrip(b'\0')
            if rest:
                self._place = len(self._chunk) - len(rest)
                return True
            self._chunk, self._place = next(self._chunks, b''), 0
            if not self._chunk:
                return False
