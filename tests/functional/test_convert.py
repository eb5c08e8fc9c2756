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

"""qemu-img's opinion of the files that we write."""

import os
import random
import shutil
import zipfile

import pytest

from image_pipeline import artifact, exceptions
from image_pipeline.disk import qcow2_writer, qemu_img
from image_pipeline.host import process
from image_pipeline.stages import convert
from image_pipeline.testing import fakes

CLUSTER = qcow2_writer.CLUSTER

pytestmark = pytest.mark.skipif(
    not shutil.which('qemu-img'), reason='qemu-img is not installed'
)


@pytest.fixture
def host():
    return process.Host()


def shapes():
    """Disks on which a writer could go wrong, by name."""
    draw = random.Random(7)
    text = (zipfile.__doc__ or 'text').encode() * 2000
    return {
        'empty': (CLUSTER, []),
        'one-sector': (512, [(0, b'x')]),
        'odd-end': (3 * CLUSTER + 1536, [(3 * CLUSTER, b'end')]),
        'noise': (300 * CLUSTER, [(0, draw.randbytes(299 * CLUSTER))]),
        'mixed': (
            (1 << 30) + CLUSTER,
            [
                (draw.randrange(1 << 14) * CLUSTER, piece)
                for _ in range(60)
                for piece in (draw.randbytes(CLUSTER), text[: 7 * CLUSTER])
            ],
        ),
        # 600 GiB: three refcount blocks would not do, and L1 has 1200
        # entries, most of them empty.
        'huge-and-sparse': (
            600 << 30,
            [(n << 30, b'island %d' % n) for n in range(0, 600, 7)],
        ),
        'many-refcount-blocks': (
            33000 * CLUSTER,
            [(0, b'z'), (32999 * CLUSTER, draw.randbytes(CLUSTER))],
        ),
    }


def make_disk(path, name):
    size, parts = shapes()[name]
    with path.open('wb') as file:
        file.truncate(size)
        for offset, content in parts:
            file.seek(offset)
            file.write(content[: size - offset])
    return artifact.Artifact(
        kind=artifact.DISK, path=path, digest='', size=size
    )


def run(folder, disk, image_format='qcow2', **options):
    folder.mkdir()
    context = fakes.stage_context(
        folder,
        host=process.Host(),
        inputs={artifact.DISK: disk},
        format=image_format,
    )
    made = convert.ConvertStage(convert.ConvertOptions(**options)).run(context)
    return next(iter(made))


@pytest.mark.parametrize('compat', [False, True], ids=['zstd', 'zlib'])
@pytest.mark.parametrize('name', shapes())
def test_qemu_reads_the_same_disk_and_finds_no_fault(
    tmp_path, host, name, compat
):
    disk = make_disk(tmp_path / 'disk.raw', name)
    image = run(tmp_path / 'run', disk, compat=compat, fast=compat)
    qemu_img.check(image.path, 'qcow2', host=host)
    assert qemu_img.same_content(
        (disk.path, 'raw'), (image.path, 'qcow2'), host=host
    )
    found = qemu_img.info(image.path, 'qcow2', host=host)
    assert found['virtual-size'] == image.properties['virtual_size']
    assert found['cluster-size'] == image.properties['cluster_size']
    specific = found['format-specific']['data']
    assert specific['compression-type'] == image.properties['compression']
    assert specific['extended-l2'] is False
    assert 'backing-filename' not in found


def test_an_overlay_takes_writes_and_the_image_none(tmp_path, host):
    disk = make_disk(tmp_path / 'disk.raw', 'mixed')
    image = run(tmp_path / 'run', disk)
    before = image.path.read_bytes()
    overlay = tmp_path / 'overlay.qcow2'
    qemu_img.create_overlay(
        overlay,
        backing=image.path,
        backing_format='qcow2',
        size=2 << 30,
        host=host,
    )
    host.run(['qemu-io', '-f', 'qcow2', '-c', 'write 0 1M', overlay])
    qemu_img.check(overlay, 'qcow2', host=host)
    assert image.path.read_bytes() == before


def test_qemu_may_write_into_our_file(tmp_path, host):
    """Refcounts that were wrong would show in what it allocates."""
    disk = make_disk(tmp_path / 'disk.raw', 'mixed')
    image = run(tmp_path / 'run', disk)
    for command in ('write -P 7 64k 3M', 'discard 0 1M', 'write 900M 5M'):
        host.run(['qemu-io', '-f', 'qcow2', '-c', command, image.path])
    qemu_img.check(image.path, 'qcow2', host=host)


@pytest.mark.skipif(
    os.geteuid() != 0 or not shutil.which('mount'), reason='needs root'
)
def test_full_disk_is_a_clear_error_and_leaves_nothing(tmp_path, host):
    disk = make_disk(tmp_path / 'disk.raw', 'noise')
    small = tmp_path / 'small'
    small.mkdir()
    host.run(['mount', '-t', 'tmpfs', '-o', 'size=4m', 'tmpfs', small])
    try:
        with pytest.raises(exceptions.StageFailed, match='No space left'):
            run(small / 'run', disk)
        assert list((small / 'run' / 'work').iterdir()) == []
    finally:
        host.run(['umount', small])


def test_damaged_image_is_unreadable(tmp_path, host):
    disk = make_disk(tmp_path / 'disk.raw', 'noise')
    image = run(tmp_path / 'run', disk)
    os.truncate(image.path, image.size - 2 * CLUSTER)
    with pytest.raises(exceptions.ImageUnreadable):
        qemu_img.check(image.path, 'qcow2', host=host)
