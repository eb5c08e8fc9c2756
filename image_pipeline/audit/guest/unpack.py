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

"""Unpack what is packed, a chunk at a time, whatever it claims to be.

A few kilobytes may unpack to gigabytes: every decompressor is asked for a
bounded piece at a time, and all of them together for so much.
"""

import bz2
import lzma
import struct
import zlib
from collections.abc import Iterator
from typing import Protocol

import lz4.block  # type: ignore[import-untyped]
import zstandard

from image_pipeline import exceptions

#: Unpacked bytes in all; a rescue initramfs with every driver and all
#: firmware has some 500 MB.
_MOST = 1 << 30
_CHUNK = 256 << 10
#: xz -9 needs 65 MiB; zstd --ultra -22 would need 128 MiB.
_MOST_MEMORY = 80 << 20
_MOST_WINDOW = 64 << 20
#: lz4 -l makes blocks of 8 MiB; what does not shrink grows by a 255th.
_LZ4_BLOCK = 8 << 20
_LZ4_MOST = _LZ4_BLOCK + _LZ4_BLOCK // 255 + 16
_LZ4_MAGIC = b'\x02\x21\x4c\x18'
_ZSTD_MAGIC = b'\x28\xb5\x2f\xfd'
_ZSTD_BLOCK = 128 << 10
#: A block of one byte that is repeated.
_ZSTD_RUN = 1
_DAMAGE = (
    zlib.error,
    lzma.LZMAError,
    zstandard.ZstdError,
    lz4.block.LZ4BlockError,
    EOFError,
    OSError,
    ValueError,
)


class Source(Protocol):
    """What is unpacked."""

    place: int
    size: int

    def peek(self, length: int) -> bytes:
        """Return the next bytes, which stay."""

    def take(self, length: int) -> bytes:
        """Return the next bytes; fewer at the end."""


class _Engine(Protocol):
    """What bz2 and lzma have in common."""

    @property
    def eof(self) -> bool:
        """Whether its end was reached."""

    @property
    def needs_input(self) -> bool:
        """Whether it has nothing more to give."""

    @property
    def unused_data(self) -> bytes:
        """What was behind the end."""

    def decompress(self, data: bytes, max_length: int, /) -> bytes:
        """Return what was unpacked, of such a length at most."""


class Damaged(exceptions.ImageUnreadable):
    """A file of the image is not what it should be.

    The kernel could not read it either; other errors are limits of ours.
    """


def unreadable(path: str, what: str) -> exceptions.ImageUnreadable:
    """Return the error that a file of the image is not read.

    :param path: the file.
    :param what: why not.
    """
    return exceptions.ImageUnreadable(f'{path} {what}')


def damaged(path: str, what: str) -> Damaged:
    """Return the error that a file of the image is damaged.

    :param path: the file.
    :param what: what is the matter with it.
    """
    return Damaged(f'{path} {what}')


def chunks(source: Source, form: str, path: str) -> Iterator[bytes]:
    """Give what is unpacked; the source is then behind it.

    :param source: from where the packed bytes begin.
    :param form: ``gzip``, ``bzip2``, ``xz``, ``lzma``, ``lz4`` or ``zstd``.
    :param path: what errors call it.
    :raises ImageUnreadable: it is damaged, too large, or of a format that is
        not read.
    """
    given = 0
    try:
        for chunk in _chunks(source, form, path):
            given += len(chunk)
            if given > _MOST:
                raise unreadable(path, f'unpacks to more than {_MOST} bytes')
            if chunk:
                yield chunk
    except _DAMAGE as exc:
        if 'memory' in str(exc).lower():
            # Of the window, or of the dictionary: more than we give it.
            raise unreadable(path, f'{form}: {exc}') from exc
        raise damaged(path, f'is damaged: {form}: {exc}') from exc


def _chunks(source: Source, form: str, path: str) -> Iterator[bytes]:
    if form == 'gzip':
        return _gzip(source)
    if form == 'bzip2':
        return _engine(source, bz2.BZ2Decompressor())
    if form in {'xz', 'lzma'}:
        return _engine(source, lzma.LZMADecompressor(memlimit=_MOST_MEMORY))
    if form == 'lz4':
        return _lz4(source)
    if form == 'zstd':
        return _zstd(source)
    raise unreadable(path, f'is compressed with {form}, which is not read')


def _gzip(source: Source) -> Iterator[bytes]:
    engine = zlib.decompressobj(16 + zlib.MAX_WBITS)
    data = source.take(_CHUNK)
    while data:
        yield engine.decompress(data, _CHUNK)
        if engine.eof:
            break
        data = engine.unconsumed_tail or source.take(_CHUNK)
    source.place -= len(engine.unused_data)


def _engine(source: Source, engine: _Engine) -> Iterator[bytes]:
    while not engine.eof:
        data = source.take(_CHUNK) if engine.needs_input else b''
        if engine.needs_input and not data:
            return
        yield engine.decompress(data, _CHUNK)
    source.place -= len(engine.unused_data)


def _zstd(source: Source) -> Iterator[bytes]:
    """Unpack frames block by block (RFC 8878, section 3.1.1).

    So a call never gives more than a block's 128 KiB, and where the last
    frame ends is known: zeros may follow, and a block may end with them.
    """
    while source.peek(4) == _ZSTD_MAGIC:
        flags = source.peek(5)[-1]
        single = flags >> 5 & 1
        header = 6 - single + (0, 1, 2, 4)[flags & 3]
        header += (single, 2, 4, 8)[flags >> 6]
        engine = zstandard.ZstdDecompressor(
            max_window_size=_MOST_WINDOW
        ).decompressobj()
        yield engine.decompress(source.take(header))
        last = 0
        while not last:
            block = int.from_bytes(source.peek(3), 'little')
            last, kind, length = block & 1, block >> 1 & 3, block >> 3
            if length > _ZSTD_BLOCK and kind != _ZSTD_RUN:
                raise ValueError('a block is too long')
            packed = source.take(3 + (1 if kind == _ZSTD_RUN else length))
            if len(packed) < 3:
                return
            yield engine.decompress(packed)
        if flags & 4:
            engine.decompress(source.take(4))


def _lz4(source: Source) -> Iterator[bytes]:
    """Unpack the legacy format, the only one that the kernel reads."""
    while len(head := source.take(4)) == 4:
        if head == _LZ4_MAGIC:
            continue
        (length,) = struct.unpack('<I', head)
        if not 0 < length <= _LZ4_MOST:
            source.place -= 4
            return
        yield lz4.block.decompress(
            source.take(length), uncompressed_size=_LZ4_BLOCK
        )
