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

from image_pipeline.disk import xfs_blocks

SIZE = 512


def extent(logical: int, physical: int, count: int, flag: int = 0) -> bytes:
    return struct.pack(
        '>QQ',
        flag << 63 | logical << 9 | physical >> 43,
        (physical & (1 << 43) - 1) << 21 | count,
    )


def root(level: int, entries: list[tuple[int, int]], room: int = 4) -> bytes:
    keys = struct.pack(f'>{len(entries)}Q', *[key for key, _ in entries])
    places = struct.pack(f'>{len(entries)}Q', *[at for _, at in entries])
    return (
        struct.pack('>HH', level, len(entries))
        + keys.ljust(room * 8, b'\0')
        + places.ljust(room * 8, b'\0')
    )


def block(magic: bytes, level: int, count: int, body: bytes) -> bytes:
    header = {b'BMAP': 24, b'BMA3': 72}[magic]
    head = magic + struct.pack('>HH', level, count)
    return (head.ljust(header, b'\0') + body).ljust(SIZE, b'\0')


def node(magic: bytes, level: int, entries: list[tuple[int, int]]) -> bytes:
    header = {b'BMAP': 24, b'BMA3': 72}[magic]
    body = root(level, entries, (SIZE - header) // 16)[4:]
    return block(magic, level, len(entries), body)


def walk(blocks: dict[int, bytes]) -> xfs_blocks.Walk:
    return xfs_blocks.Walk(lambda number: blocks.get(number, b''), SIZE, 4000)


def test_numbers_of_an_extent_are_those_that_were_packed():
    data = extent(5, (1 << 50) + 7, 9)
    assert list(walk({}).records(data, 0, 100)) == [(5, (1 << 50) + 7, 9)]


def test_extent_that_was_never_written_is_a_hole():
    data = extent(0, 10, 1) + extent(1, 20, 1, flag=1)
    assert list(walk({}).records(data, 0, 100)) == [(0, 10, 1)]


def test_extents_that_are_not_in_order_are_damage():
    data = extent(0, 10, 5) + extent(4, 20, 1)
    with pytest.raises(xfs_blocks.Damaged, match='out of order'):
        list(walk({}).records(data, 0, 100))


def test_only_what_is_asked_for_is_given():
    data = extent(0, 10, 5) + extent(5, 20, 5) + extent(10, 30, 5)
    assert list(walk({}).records(data, 6, 8)) == [(5, 20, 5)]


@pytest.mark.parametrize('magic', [b'BMAP', b'BMA3'])
def test_tree_is_walked_to_the_wanted_leaf_only(magic):
    blocks = {
        2: node(magic, 1, [(0, 3), (100, 4)]),
        4: block(magic, 0, 1, extent(100, 50, 8)),
    }
    # Block 3 is not there: it is not looked at.
    found = walk(blocks).tree(root(2, [(0, 2)]), 102, 104)
    assert list(found) == [(100, 50, 8)]


@pytest.mark.parametrize(
    'blocks',
    [
        {},
        {2: block(b'BMA3', 1, 1, b'')},
        {2: block(b'BMA3', 0, 400, b'')},
        {2: b'XXXX' + bytes(508)},
        {2: block(b'BMA3', 0, 1, extent(0, 1, 1))[:100]},
    ],
    ids=['missing', 'level', 'count', 'magic', 'short'],
)
def test_damaged_tree_is_told(blocks):
    with pytest.raises(xfs_blocks.Damaged, match='extent tree'):
        list(walk(blocks).tree(root(1, [(0, 2)]), 0, 10))


@pytest.mark.parametrize(('level', 'count'), [(0, 1), (10, 1), (1, 90)])
def test_damaged_root_is_told(level, count):
    data = struct.pack('>HH', level, count) + bytes(64)
    with pytest.raises(xfs_blocks.Damaged):
        list(walk({}).tree(data, 0, 10))


def test_wide_tree_of_the_same_block_ends():
    # Every inner block names one and the same leaf, again and again.
    many = [(key, 3) for key in range(27)]
    blocks = {
        2: node(b'BMA3', 2, many),
        3: node(b'BMA3', 1, [(key, 4) for key in range(27)]),
        4: block(b'BMA3', 0, 1, extent(0, 1, 1)),
    }
    top = root(3, [(key, 2) for key in range(27)], 27)
    with pytest.raises(xfs_blocks.Damaged):
        for _ in walk(blocks).tree(top, 0, 100):
            pass
