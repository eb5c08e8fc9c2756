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

import struct

import pytest

from image_pipeline.disk import inodes, xfs_inode


def inode(
    number: int = 131,
    *,
    version: int = 3,
    mode: int = 0o100644,
    mtime: int = 0,
    flags: int = 0,
    flags2: int = 0,
    forkoff: int = 0,
) -> bytearray:
    data = bytearray(512)
    struct.pack_into('>2sHBB', data, 0, b'IN', mode, version, 2)
    struct.pack_into('>II', data, 8, 1000, 1001)
    struct.pack_into('>Q', data, 40, mtime & (1 << 64) - 1)
    struct.pack_into('>Q', data, 56, 4321)
    data[82], data[83] = forkoff, 1
    struct.pack_into('>H', data, 90, flags)
    if version == 3:
        struct.pack_into('>Q', data, 120, flags2)
        struct.pack_into('>Q', data, 152, number)
    return data


def test_fields_are_read():
    found = xfs_inode.stat(bytes(inode(mode=0o100640, flags=8)), 131, None)
    assert found.type is inodes.FileType.FILE
    assert (found.mode, found.uid, found.gid) == (0o640, 1000, 1001)
    assert (found.size, found.immutable) == (4321, True)


@pytest.mark.parametrize(
    ('mtime', 'flags2', 'seconds'),
    [
        (1_700_000_000 << 32 | 5, 0, 1_700_000_000),
        (-2 << 32, 0, -2),
        ((1_700_000_000 + (1 << 31)) * 10**9 + 5, 8, 1_700_000_000),
        ((5_000_000_000 + (1 << 31)) * 10**9, 8, 5_000_000_000),
    ],
)
def test_time_is_that_of_the_epoch(mtime, flags2, seconds):
    data = bytes(inode(mtime=mtime, flags2=flags2))
    assert xfs_inode.stat(data, 131, None).mtime == seconds


def test_counts_of_extents_are_where_the_flags_say():
    data = inode(forkoff=20)
    data[83] = xfs_inode.EXTENTS
    struct.pack_into('>IH', data, 76, 7, 3)
    assert xfs_inode.content(bytes(data)).extents == 7
    assert xfs_inode.attributes(bytes(data)).extents == 3
    data = inode(forkoff=20, flags2=0x10)
    data[83] = xfs_inode.EXTENTS
    struct.pack_into('>Q', data, 24, 7)
    struct.pack_into('>I', data, 76, 3)
    assert xfs_inode.content(bytes(data)).extents == 7
    assert xfs_inode.attributes(bytes(data)).extents == 3


@pytest.mark.parametrize(('version', 'start'), [(2, 100), (3, 176)])
def test_forks_share_the_rest_of_the_inode(version, start):
    data = bytes(inode(version=version, forkoff=10))
    assert len(xfs_inode.content(data).data) == 80
    assert len(xfs_inode.attributes(data).data) == 512 - start - 80
    assert xfs_inode.attributes(bytes(inode())) is None


@pytest.mark.parametrize(
    ('data', 'why'),
    [
        (b'XX' + bytes(510), 'is none'),
        (bytes(inode(132)), 'is another one'),
        (bytes(inode(version=7)), 'makes no sense'),
        (bytes(inode(forkoff=60)), 'makes no sense'),
    ],
)
def test_what_is_wrong_is_told(data, why):
    assert xfs_inode.problem(data, 131) == why


def test_sound_inode_has_no_problem():
    assert xfs_inode.problem(bytes(inode()), 131) is None
