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

from image_pipeline.disk import ext_blocks

SIZE = 1024


def node(depth: int, *entries: bytes) -> bytes:
    head = struct.pack('<HHHHI', 0xF30A, len(entries), 4, depth, 0)
    return (head + b''.join(entries)).ljust(60, b'\0')


def leaf(logical: int, physical: int, length: int) -> bytes:
    return struct.pack('<IHHI', logical, length, 0, physical)


def index(logical: int, block: int) -> bytes:
    return struct.pack('<IIHH', logical, block, 0, 0)


def walk(blocks: dict[int, bytes]) -> ext_blocks.Walk:
    return ext_blocks.Walk(
        lambda block: blocks.get(block, b'').ljust(SIZE, b'\0'), SIZE, 4000
    )


def test_runs_of_a_flat_tree_are_given():
    root = node(0, leaf(0, 100, 2), leaf(5, 200, 1))
    assert list(walk({}).extents(root, 0, 9)) == [(0, 100, 2), (5, 200, 1)]


def test_reserved_extent_reads_as_a_hole():
    root = node(0, leaf(0, 100, 32768 + 1))
    assert list(walk({}).extents(root, 0, 9)) == []


def test_only_the_wanted_part_of_a_deep_tree_is_read():
    root = node(1, index(0, 7), index(10, 8))
    blocks = {8: node(0, leaf(10, 300, 4))}
    assert list(walk(blocks).extents(root, 10, 12)) == [(10, 300, 4)]


def test_tree_that_contains_itself_ends():
    inner = node(3, *[index(0, 1)])
    with pytest.raises(ext_blocks.Damaged, match='extent tree'):
        list(walk({1: inner}).extents(node(4, index(0, 1)), 0, 100))


def test_tree_without_its_magic_number_is_damaged():
    with pytest.raises(ext_blocks.Damaged, match='extent tree'):
        list(walk({}).extents(bytes(60), 0, 0))


def test_pointers_are_followed_through_indirect_blocks():
    raw = struct.pack('<15I', *range(1, 13), 50, 60, 0)
    blocks = {
        50: struct.pack('<I', 70),
        60: struct.pack('<I', 61),
        61: struct.pack('<I', 80),
    }
    found = list(walk(blocks).pointers(raw, 11, 12 + 256))
    assert found == [(11, 12, 1), (12, 70, 1), (12 + 256, 80, 1)]


def test_pointers_that_lead_in_circles_end():
    raw = struct.pack('<15I', *[0] * 14, 9)
    circle = struct.pack('<256I', *[9] * 256)
    with pytest.raises(ext_blocks.Damaged, match='block pointers'):
        for _ in walk({9: circle}).pointers(raw, 0, 1 << 30):
            pass


def test_extents_that_are_not_in_order_are_damage():
    root = node(0, leaf(0, 100, 2), leaf(1, 200, 1))
    with pytest.raises(ext_blocks.Damaged, match='out of order'):
        list(walk({}).extents(root, 0, 9))


def test_few_blocks_take_few_nodes():
    inner = node(1, *[index(key, 5) for key in range(4)])
    reads = []

    def read(block: int) -> bytes:
        reads.append(block)
        return (node(0) if block == 5 else inner).ljust(SIZE, b'\0')

    top = node(2, *[index(key * 4, 6) for key in range(4)])
    look = ext_blocks.Walk(read, SIZE, 1)
    with pytest.raises(ext_blocks.Damaged):
        list(look.extents(top, 0, 1000))
    assert len(reads) < 20
