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

from image_pipeline.disk import xfs_folders


def short(
    *entries: tuple[bytes, int], wide: bool = False, has_type: bool = True
) -> bytes:
    form = '>Q' if wide else '>I'
    data = struct.pack('>BB', len(entries), len(entries) if wide else 0)
    data += struct.pack(form, 128)
    for name, inode in entries:
        data += struct.pack('>BH', len(name), 0) + name
        data += b'\1' * has_type + struct.pack(form, inode)
    return data


def entry(name: bytes, inode: int, has_type: bool = True) -> bytes:
    data = struct.pack('>QB', inode, len(name)) + name + b'\1' * has_type
    length = (len(data) + 2 + 7) & ~7
    return data.ljust(length, b'\0')


def block(magic: bytes, *entries: bytes, size: int = 512) -> bytes:
    header = 64 if magic in (b'XDB3', b'XDD3') else 16
    data = magic.ljust(header, b'\0') + b''.join(entries)
    tail = b''
    if magic in (b'XD2B', b'XDB3'):
        tail = bytes(8 * 3) + struct.pack('>II', 3, 0)
    gap = size - len(data) - len(tail)
    return data + struct.pack('>HH', 0xFFFF, gap).ljust(gap, b'\0') + tail


@pytest.mark.parametrize('wide', [False, True])
@pytest.mark.parametrize('has_type', [False, True])
def test_folder_in_its_inode_is_listed(wide, has_type):
    data = short((b'etc', 131), (b'\xff', 132), wide=wide, has_type=has_type)
    assert xfs_folders.in_inode(data, has_type) == {'etc': 131, '\udcff': 132}


@pytest.mark.parametrize('magic', [b'XD2B', b'XDB3', b'XD2D', b'XDD3'])
@pytest.mark.parametrize('has_type', [False, True])
def test_block_of_a_folder_is_listed_without_the_folder(magic, has_type):
    found: dict[str, int] = {}
    data = block(
        magic,
        entry(b'.', 128, has_type),
        entry(b'..', 128, has_type),
        entry(b'hostname', 140, has_type),
    )
    xfs_folders.add_names(data, has_type, found)
    assert found == {'hostname': 140}


@pytest.mark.parametrize(
    'data',
    [b'\x05\0\0\0\0\x80', short((b'a/b', 1)), short((b'', 1)), b'\1\0'],
)
def test_damaged_folder_in_its_inode_is_told(data):
    with pytest.raises(ValueError, match=r'entry|name'):
        xfs_folders.in_inode(data, True)


@pytest.mark.parametrize(
    'data',
    [
        bytes(512),
        block(b'XDD3', entry(b'a\0b', 3)),
        block(b'XDD3', struct.pack('>HH', 0xFFFF, 0)),
        block(b'XDD3', struct.pack('>QB', 5, 255).ljust(440, b'x'))[:500],
    ],
    ids=['magic', 'name', 'gap', 'length'],
)
def test_damaged_block_is_told(data):
    with pytest.raises(ValueError, match=r'magic|name|gap|entry'):
        xfs_folders.add_names(data, True, {})


def test_block_may_end_with_the_least_gap():
    data = b'XDD3'.ljust(64, b'\0') + entry(b'hostname', 140)
    data += struct.pack('>HHHH', 0xFFFF, 8, 0, len(data))
    found: dict[str, int] = {}
    xfs_folders.add_names(data, True, found)
    assert found == {'hostname': 140}


def test_index_that_would_fill_more_than_the_block_leaves_no_names():
    data = block(b'XDB3', entry(b'x', 3))[:-8] + b'\xff' * 8
    found: dict[str, int] = {}
    xfs_folders.add_names(data, True, found)
    assert not found
