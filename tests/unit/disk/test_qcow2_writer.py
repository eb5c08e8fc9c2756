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

import os
import random

import pytest

from image_pipeline import exceptions
from image_pipeline.disk import qcow2_writer, reader
from image_pipeline.host import cancellation

CLUSTER = qcow2_writer.CLUSTER


def make_disk(path, *, size=10 * CLUSTER, parts=()):
    with path.open('wb') as file:
        file.truncate(size)
        for offset, content in parts:
            file.seek(offset)
            file.write(content)
    return path


def noise(length, seed=1):
    return random.Random(seed).randbytes(length)


def content(path):
    with reader.open_disk(path) as disk:
        return disk.read(0, disk.size)


@pytest.fixture(params=['zstd', 'zlib'])
def compression(request):
    return request.param


@pytest.mark.parametrize(
    ('size', 'parts'),
    [
        (CLUSTER, []),
        (512, [(0, b'x' * 512)]),
        (10 * CLUSTER + 512, [(10 * CLUSTER, b'the end')]),
        (3 * CLUSTER, [(0, b'text ' * 20000)]),
        (200 * CLUSTER, [(5, noise(150 * CLUSTER))]),
        (
            100 * CLUSTER,
            [(n * CLUSTER, noise(CLUSTER)) for n in range(0, 100, 3)]
            + [(n * CLUSTER, b'a' * CLUSTER) for n in range(1, 100, 3)],
        ),
        ((1 << 30) + 512, [(0, b'first'), (1 << 30, b'third table')]),
    ],
    ids=['empty', 'tiny', 'odd', 'text', 'noise', 'mixed', 'far'],
)
def test_what_is_written_reads_back_the_same(
    tmp_path, size, parts, compression
):
    source = make_disk(tmp_path / 'disk', size=size, parts=parts)
    target = tmp_path / 'image'
    written = qcow2_writer.write(source, target, compression=compression)
    assert written.virtual_size == size
    assert written.size == target.stat().st_size
    with reader.open_disk(target) as disk:
        assert disk.format == 'qcow2'
        assert disk.size == size
        for offset, piece in [*parts, (size - 512, b'')]:
            length = len(piece) or 512
            with source.open('rb') as file:
                file.seek(offset)
                assert disk.read(offset, length) == file.read(length)


def test_holes_and_threads_do_not_change_the_file(tmp_path, compression):
    parts = [(n * CLUSTER, noise(9000, n) + b'z' * 50000) for n in range(70)]
    sparse_disk = make_disk(tmp_path / 'a', size=300 * CLUSTER, parts=[*parts])
    full_disk = tmp_path / 'b'
    full_disk.write_bytes(sparse_disk.read_bytes())
    images = []
    for name, source, threads in (
        ('1', sparse_disk, 1),
        ('2', sparse_disk, 3),
        ('3', full_disk, 2),
    ):
        qcow2_writer.write(
            source, tmp_path / name, compression=compression, threads=threads
        )
        images.append((tmp_path / name).read_bytes())
    assert images[0] == images[1] == images[2]


def test_zeros_take_no_room(tmp_path):
    source = make_disk(tmp_path / 'disk', parts=[(0, bytes(9 * CLUSTER))])
    written = qcow2_writer.write(source, tmp_path / 'image')
    assert written.clusters == 0
    assert written.size < 6 * CLUSTER


def test_what_does_not_compress_is_stored_as_it_is(tmp_path):
    source = make_disk(
        tmp_path / 'disk', size=80 * CLUSTER, parts=[(0, noise(80 * CLUSTER))]
    )
    written = qcow2_writer.write(source, tmp_path / 'image')
    assert written.incompressible == 80
    assert content(tmp_path / 'image') == source.read_bytes()


def test_the_inspector_that_glance_runs_accepts_the_file(
    tmp_path, compression
):
    source = make_disk(tmp_path / 'disk', parts=[(0, b'x' * 1000)])
    qcow2_writer.write(source, tmp_path / 'image', compression=compression)
    found = reader.inspect(tmp_path / 'image')
    assert (found.format, found.findings) == ('qcow2', ())


def test_progress_ends_at_the_total(tmp_path):
    source = make_disk(
        tmp_path / 'disk', size=100 * CLUSTER, parts=[(0, noise(9 << 20))]
    )
    seen = []
    qcow2_writer.write(
        source,
        tmp_path / 'image',
        progress=lambda done, total: seen.append((done, total)),
    )
    assert seen == sorted(seen)
    assert seen[-1][0] == seen[-1][1]


def test_a_cancelled_run_stops_it(tmp_path):
    source = make_disk(tmp_path / 'disk', parts=[(0, b'x')])
    token = cancellation.CancellationToken()
    token.cancel('SIGINT')
    with pytest.raises(exceptions.Interrupted):
        qcow2_writer.write(source, tmp_path / 'image', cancelled=token)


def test_a_disk_that_shrinks_meanwhile_is_an_error(tmp_path, monkeypatch):
    source = make_disk(tmp_path / 'disk', parts=[(0, b'x')])
    pread = os.pread
    monkeypatch.setattr(
        os, 'pread', lambda fd, length, offset: pread(fd, 100, offset)
    )
    with pytest.raises(OSError, match='ends at byte 100'):
        qcow2_writer.write(source, tmp_path / 'image')
