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

"""What we hold for free is what the file systems' own tools hold for it."""

import re
from pathlib import Path

import pytest

from image_pipeline.disk import (
    ext_free,
    free_space,
    reader,
    superblocks,
)
from image_pipeline.host import process
from image_pipeline.testing import images
from image_pipeline.testing.disks import MIB

HOST = process.Host()
KINDS = {
    'ext4': ('-t', 'ext4'),
    'ext4 in blocks of 1 KiB': ('-t', 'ext4', '-b', '1024'),
    'ext4 without flexible groups': ('-t', 'ext4', '-O', '^flex_bg'),
    'ext4 with two backups': ('-t', 'ext4', '-O', 'sparse_super2'),
    'ext4 of old': (
        '-t', 'ext4', '-O', '^64bit,^metadata_csum,uninit_bg',
    ),
    'ext4 with all backups': (
        '-t', 'ext4', '-O', '^sparse_super,^resize_inode',
    ),
    'ext3': ('-t', 'ext3'),
    'ext2': ('-t', 'ext2'),
}  # fmt: skip


def sparse_file(path: Path, size: int) -> Path:
    with path.open('wb') as file:
        file.truncate(size)
    return path


@pytest.mark.parametrize('kind', list(KINDS))
def test_free_space_of_ext_is_what_dumpe2fs_says(kind, tmp_path):
    tree = tmp_path / 'tree'
    tree.mkdir()
    for index in range(20):
        (tree / f'{index}').write_bytes(b'x' * 5000 * index)
    path = sparse_file(tmp_path / 'x.raw', 300 * MIB)
    HOST.run(['mke2fs', '-q', '-F', '-d', tree, *KINDS[kind], path])
    with reader.open_disk(path) as disk:
        (block,) = superblocks.identify(disk)
        found = list(free_space.free(disk, block, disk.size))
        used = free_space.usage(disk, block)
    assert found == ext_free.free_ranges(path, 0, 300 * MIB, host=HOST)
    assert used is not None
    assert used.free == sum(last - first for first, last in found)


def test_residue_is_what_zerofree_counts(tmp_path):
    path = sparse_file(tmp_path / 'x.raw', 64 * MIB)
    HOST.run(['mke2fs', '-q', '-F', '-t', 'ext4', path])
    for start in (40 * MIB, 50 * MIB):
        images.patch(path, start, b'left over' * 5000)
    with reader.open_disk(path) as disk:
        (block,) = superblocks.identify(disk)
        found = free_space.residue(
            disk, free_space.free(disk, block, disk.size)
        )
    # Blocks of a file system so small have 1 KiB.
    said = HOST.run(['zerofree', '-n', '-v', path]).stdout
    dirty, free, _ = map(int, said.strip().rpartition('\r')[2].split('/'))
    assert found.free == free * 1024
    assert 0 <= found.dirty - dirty * 1024 <= 6 * 4096
    assert found.first == 40 * MIB


def test_free_space_of_xfs_is_what_xfs_db_says(tmp_path):
    path = sparse_file(tmp_path / 'x.raw', 600 * MIB)
    HOST.run(['mkfs.xfs', '-q', path])
    with reader.open_disk(path) as disk:
        (block,) = superblocks.identify(disk)
        found = list(free_space.free(disk, block, disk.size))
        used = free_space.usage(disk, block)
    said = HOST.run(['xfs_db', '-r', '-c', 'freesp -d', path]).stdout
    listed = {
        (int(group), int(start), int(length))
        for group, start, length in re.findall(
            r'^\s+(\d+)\s+(\d+)\s+(\d+)$', said, re.MULTILINE
        )
        # Single blocks are the trees' own reserve.
        if int(length) > 1
    }
    assert used is not None
    share = 600 * MIB // 4 // 4096
    assert {
        (
            first // 4096 // share,
            first // 4096 % share,
            (last - first) // 4096,
        )
        for first, last in found
    } == listed
    assert sum(last - first for first, last in found) <= used.free
