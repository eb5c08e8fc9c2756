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

import bz2
import gzip
import lzma
import random
import struct
import zlib

import lz4.block
import pytest
import zstandard

from image_pipeline import exceptions
from image_pipeline.audit.guest import cpio, unpack
from image_pipeline.testing import kernels

FILES = {
    'init': '#!/bin/sh\n',
    'lib': None,
    'lib/a.ko': bytes(400_000),
    'lib/b.ko': random.Random(1).randbytes(280_000),
    'conf/x': 'MODULES=most\n',
}


def lz4_legacy(data: bytes) -> bytes:
    found = b'\x02\x21\x4c\x18'
    for place in range(0, len(data), 8 << 20):
        block = lz4.block.compress(
            data[place : place + (8 << 20)], store_size=False
        )
        found += struct.pack('<I', len(block)) + block
    return found


PACKERS = {
    'cpio': bytes,
    'gzip': gzip.compress,
    'bzip2': bz2.compress,
    'xz': lambda data: lzma.compress(data, check=lzma.CHECK_CRC32),
    'lzma': lambda data: lzma.compress(data, format=lzma.FORMAT_ALONE),
    'zstd': lambda data: zstandard.ZstdCompressor(level=3).compress(data),
    'lz4': lz4_legacy,
}


def entries(data: bytes, keep=frozenset()):
    return list(
        cpio.entries(
            lambda offset, length: data[offset : offset + length],
            len(data),
            '/boot/initrd',
            lambda name: name in keep,
        )
    )


def names(data: bytes):
    return [entry.name for entry in entries(data)]


@pytest.mark.parametrize('form', PACKERS)
def test_names_are_read_however_it_is_compressed(form):
    data = PACKERS[form](kernels.cpio(FILES))
    assert names(data) == list(FILES)
    assert {entry.archive for entry in entries(data)} == {form}
    assert cpio.format_of(data[:8]) == form


@pytest.mark.parametrize('form', PACKERS)
def test_zeros_behind_the_archive_are_nothing(form):
    data = PACKERS[form](kernels.cpio(FILES)) + bytes(300_000)
    assert names(data) == list(FILES)


@pytest.mark.parametrize('second', PACKERS)
@pytest.mark.parametrize(
    'first', [form for form in PACKERS if form not in {'zstd', 'lz4'}]
)
def test_archives_follow_each_other(first, second):
    early = PACKERS[first](kernels.cpio({'kernel/x86/microcode/a.bin': 'x'}))
    data = early + bytes(512) + PACKERS[second](kernels.cpio(FILES))
    assert names(data) == ['kernel/x86/microcode/a.bin', *FILES]
    assert [entries(data)[0].archive, entries(data)[1].archive] == [
        first,
        second,
    ]


def test_frames_of_zstd_follow_each_other():
    whole = kernels.cpio(FILES)
    pack = PACKERS['zstd']
    data = pack(whole[:5000]) + pack(whole[5000:])
    assert names(data) == list(FILES)


def test_content_is_kept_of_what_is_asked_for_and_small():
    found = {
        entry.name: entry.data
        for entry in entries(kernels.cpio(FILES), {'conf/x', 'lib/a.ko'})
    }
    assert found['conf/x'] == b'MODULES=most\n'
    assert found['lib/a.ko'] is None
    assert found['init'] is None


def test_dots_and_slashes_before_names_are_no_part_of_them():
    archive = kernels.cpio({'.': None, './etc': None, '/init': 'x'})
    assert names(archive) == ['etc', 'init']


def test_names_that_are_not_utf_8_are_kept():
    assert names(kernels.cpio({'caf\udce9': 'x'})) == ['caf\udce9']


def test_bodies_of_a_plain_archive_are_not_read():
    data = kernels.cpio({'a': bytes(50 << 20), 'b': 'x'})
    read = []

    def reader(offset, length):
        read.append(length)
        return data[offset : offset + length]

    found = cpio.entries(reader, len(data), 'x', lambda name: False)
    assert [entry.name for entry in found] == ['a', 'b']
    assert sum(read) < 1 << 20


@pytest.mark.parametrize('form', PACKERS)
def test_archive_cut_short_is_unreadable(form):
    data = PACKERS[form](kernels.cpio(FILES))
    with pytest.raises(exceptions.ImageUnreadable, match='/boot/initrd '):
        entries(data[: len(data) // 2])


@pytest.mark.parametrize('form', PACKERS)
@pytest.mark.parametrize('seed', range(20))
def test_damage_is_unreadable_or_unseen_and_never_another_error(form, seed):
    data = bytearray(PACKERS[form](kernels.cpio(FILES)))
    change = random.Random(seed)
    for _ in range(5):
        data[change.randrange(len(data))] = change.randrange(256)
    try:
        entries(bytes(data))
    except exceptions.ImageUnreadable as exc:
        assert exc.message.startswith('/boot/initrd ')


@pytest.mark.parametrize(
    'data', [b'', bytes(1024), b'\x89LZO\0\r\n\x1a\n', b'no archive'], ids=str
)
def test_what_is_no_archive_gives_nothing_or_is_unreadable(data):
    if data.strip(b'\0'):
        with pytest.raises(exceptions.ImageUnreadable):
            entries(data)
    else:
        assert entries(data) == []


def test_junk_behind_an_archive_is_passed_over_as_the_kernel_does():
    assert names(kernels.cpio(FILES) + b'junk' * 200) == list(FILES)


@pytest.mark.parametrize('form', ['gzip', 'xz', 'zstd', 'lz4'])
def test_unpacking_stops_where_it_is_too_much(form, monkeypatch):
    monkeypatch.setattr(unpack, '_MOST', 4 << 20)
    data = PACKERS[form](kernels.cpio({'a': bytes(20 << 20)}))
    with pytest.raises(exceptions.ImageUnreadable, match='unpacks to more'):
        entries(data)


def test_too_many_names_are_refused(monkeypatch):
    monkeypatch.setattr(cpio, '_MOST_NAMES', 100)
    archive = kernels.cpio({f'a{n}': 'x' for n in range(101)})
    with pytest.raises(exceptions.ImageUnreadable, match='more than 100'):
        entries(archive)


def test_window_of_zstd_that_is_too_large_is_refused():
    parameters = zstandard.ZstdCompressionParameters(window_log=27)
    engine = zstandard.ZstdCompressor(
        compression_params=parameters
    ).compressobj()
    data = engine.compress(kernels.cpio(FILES)) + engine.flush()
    with pytest.raises(exceptions.ImageUnreadable, match='zstd'):
        entries(data)


def test_chunks_of_gzip_are_small_whatever_is_packed():
    class Source:
        place = 0

        def __init__(self, data):
            self.data, self.size = data, len(data)

        def peek(self, length):
            return self.data[self.place : self.place + length]

        def take(self, length):
            found = self.peek(length)
            self.place += len(found)
            return found

    data = zlib.compress(bytes(32 << 20), 9, wbits=31) + b'next'
    source = Source(data)
    sizes = [len(chunk) for chunk in unpack.chunks(source, 'gzip', 'x')]
    assert sum(sizes) == 32 << 20
    assert max(sizes) <= 1 << 20
    assert source.take(4) == b'next'
