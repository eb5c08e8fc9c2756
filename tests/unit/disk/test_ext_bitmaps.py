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
from image_pipeline.disk import ext, ext_bitmaps, signatures
from image_pipeline.testing.disks import MemoryDisk

START, BLOCK, PER_GROUP = 1 << 20, 1024, 256


def disk(
    *bitmaps: bytes | None,
    blocks: int = 2 * PER_GROUP,
    incompat: int = 0,
    ro_compat: int = ext.RO_GDT_CSUM | 1,
) -> signatures.Part:
    """Return an ext4 of groups of 256 blocks; None: group was never used."""
    data = bytearray(blocks * BLOCK)
    struct.pack_into('<I12xII', data, 1024 + 4, blocks, 1, 0)
    struct.pack_into('<I4xI', data, 1024 + 32, PER_GROUP, 16)
    data[1024 + 56 : 1024 + 58] = b'\x53\xef'
    struct.pack_into('<H', data, 1024 + 88, 128)
    struct.pack_into('<III', data, 1024 + 92, 0, incompat, ro_compat)
    for group, bitmap in enumerate(bitmaps):
        # All bitmaps and tables lie in the first group, as flex_bg has it.
        place = 10 + group
        struct.pack_into(
            '<III', data, 2048 + 32 * group, place, 20 + group, 30 + 2 * group
        )
        if bitmap is None:
            struct.pack_into('<H', data, 2048 + 32 * group + 0x12, 2)
        else:
            data[place * BLOCK : place * BLOCK + len(bitmap)] = bitmap
    size = START + len(data)
    return signatures.Part(
        MemoryDisk(bytes(START) + bytes(data), size), START, len(data)
    )


def in_blocks(part: signatures.Part) -> list[tuple[int, int]]:
    return [
        ((first - START) // BLOCK, (last - START) // BLOCK)
        for first, last in ext_bitmaps.free(part)
    ]


USED = b'\xff' * 32


def test_bits_that_are_not_set_are_free():
    first = b'\xff' * 8 + b'\x0f' + b'\xff' * 23
    second = b'\xfe' + b'\xff' * 31
    part = disk(first, second, blocks=2 * PER_GROUP + 1)
    assert in_blocks(part) == [(69, 73), (257, 258)]


def test_ranges_over_groups_are_one():
    part = disk(
        b'\xff' * 31 + b'\0', b'\0' + b'\xff' * 31, blocks=2 * PER_GROUP + 1
    )
    assert in_blocks(part) == [(249, 265)]


def test_bits_after_the_last_block_do_not_count():
    part = disk(USED, bytes(32), blocks=2 * PER_GROUP - 100)
    assert in_blocks(part) == [(257, 412)]


def test_group_that_was_never_used_is_free_but_for_its_copies():
    # The second group has a copy of the superblock and of the descriptors.
    part = disk(USED, None, blocks=2 * PER_GROUP + 1)
    assert in_blocks(part) == [(259, 513)]


def test_without_checksums_a_group_has_its_bitmap_always():
    part = disk(USED, None, blocks=2 * PER_GROUP + 1, ro_compat=1)
    assert in_blocks(part) == [(257, 513)]


def test_metadata_in_a_group_that_was_never_used_is_not_free():
    part = disk(None, None, blocks=2 * PER_GROUP + 1)
    assert in_blocks(part) == [
        (3, 10), (12, 20), (22, 30), (34, 257), (259, 513),
    ]  # fmt: skip


@pytest.mark.parametrize(
    'part',
    [
        signatures.Part(MemoryDisk(bytes(8192)), 0, 8192),
        disk(USED, USED, incompat=ext.INCOMPAT_RECOVER),
        disk(USED, USED, incompat=ext.INCOMPAT_META_BG),
        disk(USED, USED, ro_compat=0x200),
    ],
)
def test_what_cannot_be_told_is_not_guessed(part):
    with pytest.raises(exceptions.ImageUnreadable):
        list(ext_bitmaps.free(part))


def test_size_that_is_a_lie_does_not_count():
    part = disk(USED, USED)
    data = bytearray(part.disk.read(0, part.disk.size))
    struct.pack_into('<I', data, START + 1024 + 4, 0xFFFFFFFF)
    again = signatures.Part(MemoryDisk(bytes(data)), START, part.size)
    assert in_blocks(again) == []
