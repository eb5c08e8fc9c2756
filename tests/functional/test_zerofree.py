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

"""The free space of real file systems, in partitions of a real disk."""

import os
import shutil

import pytest

from image_pipeline import artifact
from image_pipeline.disk import ext_free
from image_pipeline.host import process
from image_pipeline.stages import zerofree
from image_pipeline.testing import fakes

START = 2 << 20
SIZE = 96 << 20
NEEDED = ('mke2fs', 'e2fsck', 'debugfs', 'sfdisk', 'dumpe2fs')
SECRET = b'this was deleted '

pytestmark = pytest.mark.skipif(
    not all(process.Host().which(name) for name in NEEDED),
    reason='e2fsprogs or sfdisk is not installed',
)


@pytest.fixture
def host():
    return process.Host()


def make_disk(folder, host, *mkfs):
    """Pack a tree into the only partition of a disk."""
    tree = folder / 'tree'
    (tree / 'etc').mkdir(parents=True)
    (tree / 'etc' / 'hostname').write_text('host\n')
    (tree / 'kept').write_bytes(os.urandom(3 << 20))
    (tree / 'gone').write_bytes(SECRET * 200000)
    path = folder / 'disk.raw'
    with path.open('wb') as file:
        file.truncate(START + SIZE + (1 << 20))
    host.run(
        ['sfdisk', '-q', path],
        stdin=f'label: gpt\nstart={START // 512}, size={SIZE // 512}\n',
    )
    host.run(
        [
            'mke2fs',
            '-q',
            '-F',
            '-d',
            tree,
            '-E',
            f'offset={START}',
            *mkfs,
            path,
            f'{SIZE >> 10}k',
        ]
    )
    return artifact.Artifact(
        kind=artifact.DISK, path=path, digest='', size=path.stat().st_size
    )


def delete(disk, host):
    """Delete a file; its blocks keep their content."""
    host.run(['debugfs', '-w', '-R', 'rm gone', f'{disk.path}?offset={START}'])


def run(folder, disk, host):
    folder.mkdir()
    context = fakes.stage_context(
        folder, host=host, inputs={artifact.DISK: disk}
    )
    made = zerofree.ZerofreeStage(zerofree.ZerofreeOptions()).run(context)
    return next(iter(made))


def check_file_system(disk, folder, host):
    """Have e2fsck look at the partition alone."""
    part = folder / 'part'
    with disk.path.open('rb') as file, part.open('wb') as out:
        file.seek(START)
        shutil.copyfileobj(file, out, 1 << 20)
        out.truncate(SIZE)
    host.run(['e2fsck', '-f', '-n', part])
    return part


@pytest.mark.parametrize(
    'mkfs',
    [
        ('-t', 'ext4'),
        ('-t', 'ext4', '-b', '1024'),
        ('-t', 'ext4', '-O', '^64bit,^flex_bg,^metadata_csum'),
        ('-t', 'ext4', '-O', 'meta_bg,^resize_inode'),
        ('-t', 'ext2'),
        ('-t', 'ext3'),
    ],
    ids=['ext4', '1k-blocks', 'old', 'meta_bg', 'ext2', 'ext3'],
)
def test_dirty_disk_becomes_clean_and_stays_whole(tmp_path, host, mkfs):
    disk = make_disk(tmp_path, host, *mkfs)
    assert run(tmp_path / 'packed', disk, host) is disk
    delete(disk, host)
    before = disk.path.read_bytes()
    assert SECRET in before
    made = run(tmp_path / 'dirty', disk, host)
    assert disk.path.read_bytes() == before
    after = made.path.read_bytes()
    assert SECRET not in after
    assert after[:START] == before[:START]
    assert after[START + SIZE :] == before[START + SIZE :]
    part = check_file_system(made, tmp_path, host)
    host.run(
        ['debugfs', '-R', f'dump /kept {tmp_path / "kept"}', part],
    )
    kept = (tmp_path / 'kept').read_bytes()
    assert kept == (tmp_path / 'tree' / 'kept').read_bytes()
    assert run(tmp_path / 'again', made, host) is made


def test_free_space_is_what_e2fsprogs_counts(tmp_path, host):
    disk = make_disk(tmp_path, host, '-t', 'ext4')
    found = ext_free.free_ranges(disk.path, START, SIZE, host=host)
    done = host.run(['dumpe2fs', '-h', f'{disk.path}?offset={START}'])
    said = {
        name: int(value)
        for name, _, value in (
            line.partition(':') for line in done.stdout.splitlines()
        )
        if name in ('Free blocks', 'Block size')
    }
    total = sum(last - first for first, last in found)
    assert total == said['Free blocks'] * said['Block size']


@pytest.mark.skipif(not shutil.which('zerofree'), reason='no zerofree')
def test_the_program_zerofree_finds_nothing_to_do(tmp_path, host):
    disk = make_disk(tmp_path, host, '-t', 'ext4')
    delete(disk, host)
    made = run(tmp_path / 'run', disk, host)
    part = check_file_system(made, tmp_path, host)
    done = host.run(['zerofree', '-n', '-v', part])
    # "MODIFIED/FREE/ALL" at the end of what it prints.
    assert done.stdout.strip().splitlines()[-1].startswith('0/')
