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

from image_pipeline import exceptions
from image_pipeline.disk import signatures, xfs_free
from image_pipeline.testing.disks import MemoryDisk

START, BLOCK, PER_GROUP = 1 << 20, 4096, 16


def node(level: int, records: bytes, count: int, right: int) -> bytes:
    head = struct.pack('>4sHHII', b'AB3B', level, count, 0xFFFFFFFF, right)
    return (head + bytes(40) + records).ljust(BLOCK, b'\0')


def leaf(*extents: tuple[int, int], right: int = 0xFFFFFFFF) -> bytes:
    records = b''.join(struct.pack('>II', *extent) for extent in extents)
    return node(0, records, len(extents), right)


def disk(blocks: dict[int, bytes], levels: int = 1) -> signatures.Part:
    """Return an XFS of one group, whose tree begins in block 1."""
    data = bytearray(PER_GROUP * BLOCK)
    struct.pack_into('>4sIQ', data, 0, b'XFSB', BLOCK, PER_GROUP)
    struct.pack_into('>II', data, 84, PER_GROUP, 1)
    struct.pack_into('>H', data, 102, 512)
    struct.pack_into('>4s12xIIII', data, 512, b'XAGF', 1, 2, 0, levels)
    for number, content in blocks.items():
        data[number * BLOCK : (number + 1) * BLOCK] = content
    return signatures.Part(
        MemoryDisk(bytes(START) + bytes(data)), START, len(data)
    )


def in_blocks(part: signatures.Part) -> list[tuple[int, int]]:
    return [
        ((first - START) // BLOCK, (last - START) // BLOCK)
        for first, last in xfs_free.free(part)
    ]


def test_extents_of_the_tree_are_free():
    assert in_blocks(disk({1: leaf((4, 2), (8, 3))})) == [(4, 6), (8, 11)]


def test_leaves_are_walked_from_the_left():
    pointers = bytes((BLOCK - 56) // 12 * 8) + struct.pack('>II', 3, 4)
    part = disk(
        {
            1: node(1, pointers, 2, 0xFFFFFFFF),
            3: leaf((6, 1), right=4),
            4: leaf((9, 1)),
        },
        levels=2,
    )
    assert in_blocks(part) == [(6, 7), (9, 10)]


@pytest.mark.parametrize(
    'part',
    [
        signatures.Part(MemoryDisk(bytes(8192)), 0, 8192),
        disk({1: leaf((15, 2))}),
        disk({1: b'x' * BLOCK}),
        disk({1: leaf((4, 1))}, levels=99),
        disk({1: leaf((4, 1), right=1)}),
        disk({1: leaf((4, 1), right=99)}),
        disk({1: node(0, b'', 60_000, 0xFFFFFFFF)}),
    ],
)
def test_damage_is_told(part):
    with pytest.raises(exceptions.ImageUnreadable):
        list(xfs_free.free(part))
