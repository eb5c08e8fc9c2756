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

from image_pipeline.disk import xfs_attributes

LABEL = b'system_u:object_r:etc_t:s0\0'


def short(*entries: tuple[int, bytes, bytes]) -> bytes:
    body = b''.join(
        struct.pack('>BBB', len(name), len(value), flags) + name + value
        for flags, name, value in entries
    )
    return struct.pack('>HBB', len(body) + 4, len(entries), 0) + body


def leaf(follows: int, *entries: tuple[int, bytes, bytes]) -> bytes:
    block = bytearray(1024)
    struct.pack_into('>IIHH', block, 0, follows, 0, 0x3BEE, 0)
    struct.pack_into('>H', block, 56, len(entries))
    end = 1024
    for number, (flags, name, value) in enumerate(entries):
        data = struct.pack('>HB', len(value), len(name)) + name + value
        if not flags & 1:
            data = struct.pack('>IIB', 7, 3000, len(name)) + name
        end -= len(data)
        block[end : end + len(data)] = data
        struct.pack_into('>IHBB', block, 80 + number * 8, 0, end, flags, 0)
    return bytes(block)


def node(first: int) -> bytes:
    block = bytearray(1024)
    struct.pack_into('>IIHH', block, 0, 0, 0, 0x3EBE, 0)
    struct.pack_into('>HHIII', block, 56, 1, 1, 0, 99, first)
    return bytes(block)


def found(blocks: dict[int, bytes]) -> dict[str, bytes]:
    return {
        one.name: one.value
        for one in xfs_attributes.in_blocks(
            lambda number: blocks.get(number, bytes(1024))
        )
    }


def test_attributes_in_the_inode_have_their_full_names():
    data = short((4, b'selinux', LABEL), (0, b'note', b''), (2, b'x', b'y'))
    assert [(a.name, a.value) for a in xfs_attributes.in_inode(data)] == [
        ('security.selinux', LABEL),
        ('user.note', b''),
        ('trusted.x', b'y'),
    ]


def test_parent_pointers_and_what_was_not_finished_are_left_out():
    data = short((8, b'parent', b'x'), (0x80, b'half', b'x'))
    assert list(xfs_attributes.in_inode(data)) == []


def test_chain_of_leaves_below_a_node_is_read():
    blocks = {
        0: node(1),
        1: leaf(2, (5, b'selinux', LABEL)),
        2: leaf(0, (1, b'b', b'c')),
    }
    assert found(blocks) == {'security.selinux': LABEL, 'user.b': b'c'}


def test_value_elsewhere_is_named_by_its_block():
    (one,) = xfs_attributes.in_blocks(lambda _: leaf(0, (0, b'large', b'')))
    assert (one.name, one.block, one.size) == ('user.large', 7, 3000)


@pytest.mark.parametrize(
    'blocks',
    [
        {},
        {0: node(0)},
        {0: node(1), 1: node(1)},
        {0: leaf(0)[:56] + b'\xff\xff' + bytes(966)},
        {0: leaf(1), 1: leaf(1)},
    ],
    ids=['magic', 'root', 'circle of nodes', 'count', 'circle of leaves'],
)
def test_damaged_blocks_are_told(blocks):
    with pytest.raises(ValueError, match='attributes'):
        found(blocks)


def test_damaged_list_in_the_inode_is_told():
    with pytest.raises(ValueError, match='attributes'):
        list(xfs_attributes.in_inode(short((0, b'a', b'b'))[:-1]))
    assert list(xfs_attributes.in_inode(b'')) == []
