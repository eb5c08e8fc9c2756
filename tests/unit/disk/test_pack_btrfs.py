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

"""A btrfs file system has the room that mkfs.btrfs wants, and no more."""

import os
from pathlib import Path

import pytest

from image_pipeline import exceptions
from image_pipeline.disk import pack_btrfs
from image_pipeline.testing import fakes

MIB = 1 << 20


@pytest.fixture
def tree(tmp_path):
    folder = tmp_path / 'tree'
    (folder / 'etc').mkdir(parents=True)
    for number in range(100):
        (folder / 'etc' / str(number)).write_text('x')
    with (folder / 'sparse').open('wb') as file:
        file.truncate(80 * MIB)
    return folder


def write(tmp_path, tree, made):
    """Write it with a mkfs.btrfs that makes a file of so many bytes."""
    host = fakes.FakeHost()
    host.answer(effect=lambda call: os.truncate(call.argv[-1], made))
    disk = tmp_path / 'disk'
    disk.write_bytes(bytes(4 * MIB))
    pack_btrfs.write(
        disk,
        offset=MIB,
        size=2 * MIB,
        label='root',
        uuid='u',
        tree=tree,
        options=(),
        timestamp=0,
        host=host,
    )
    return host.argvs[0]


def test_there_is_room_for_what_mkfs_btrfs_reckons(tree):
    # Its guess, by mkfs/rootdir.c, for 103 inodes and 80 MiB of data.
    guess = 2 * (103 * 16384 + 80 * MIB // 8) + 80 * MIB
    size = pack_btrfs.size_for(tree)
    assert size >= guess
    assert size % MIB == 0


def test_the_tree_is_given_to_mkfs(tmp_path, tree):
    argv = write(tmp_path, tree, 2 * MIB)
    assert argv[0] == 'mkfs.btrfs'
    assert str(tree) in argv
    assert (tmp_path / 'disk').stat().st_size == 4 * MIB


def test_one_that_outgrew_its_place_is_refused(tmp_path, tree):
    with pytest.raises(exceptions.StageFailed, match='takes 3145728 bytes'):
        write(tmp_path, tree, 3 * MIB)
    assert not list(Path(tmp_path).glob('.btrfs.*'))
