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

from image_pipeline.disk import gpt, partitions, tables
from image_pipeline.testing import disks
from image_pipeline.testing.disks import MIB, Slot

ROOT = Slot(start=2 * MIB, size=4 * MIB, type=partitions.ROOT_X86_64)
BIOS = Slot(start=MIB, size=MIB, type=partitions.BIOS_BOOT)


def read(data, size=None) -> partitions.PartitionTable:
    table = tables.read(disks.MemoryDisk(data, size))
    assert table is not None and table.scheme == 'gpt'
    return table


def codes(table: partitions.PartitionTable) -> list[str]:
    return [problem.code for problem in table.problems]


def test_sound_table_has_its_partitions_and_no_problems():
    table = read(disks.gpt_disk([ROOT, BIOS]))
    assert table.problems == ()
    assert [(p.number, p.start, p.size, p.type) for p in table.partitions] == [
        (1, 2 * MIB, 4 * MIB, partitions.ROOT_X86_64),
        (2, MIB, MIB, partitions.BIOS_BOOT),
    ]
    assert table.partitions[1].name == 'part2'
    assert table.partitions[0].uuid
    assert table.last_usable == 16 * MIB - 33 * 512 - 1


def test_sectors_of_4096_bytes_are_told_from_those_of_512():
    table = read(disks.gpt_disk([ROOT], sector=4096))
    assert table.sector_size == 4096
    assert table.partitions[0].start == 2 * MIB
    assert table.problems == ()


def test_first_header_that_is_gone_is_replaced_by_the_backup():
    disk = disks.gpt_disk([ROOT])
    disk[512:1024] = bytes(512)
    table = read(disk)
    assert codes(table) == ['first-missing']
    assert table.partitions[0].start == 2 * MIB


def test_first_header_that_is_damaged_is_replaced_by_the_backup():
    disk = disks.gpt_disk([ROOT])
    disk[512 + 72] = 7  # Where the entries are.
    table = read(disk)
    assert 'header-crc' in codes(table)
    assert table.partitions[0].start == 2 * MIB


def test_damaged_entries_are_replaced_by_those_of_the_backup():
    disk = disks.gpt_disk([ROOT])
    disk[1024 + 32] ^= 0xFF
    table = read(disk)
    assert codes(table) == ['entries-crc']
    assert table.partitions[0].start == 2 * MIB


def test_disk_that_grew_has_its_backup_in_the_wrong_place():
    table = read(disks.gpt_disk([ROOT]), 32 * MIB)
    assert codes(table) == ['backup-missing', 'backup-place']


def test_disk_cut_short_has_partitions_past_its_end():
    table = read(disks.gpt_disk([ROOT])[: 5 * MIB])
    assert 'past-end' in codes(table)


@pytest.mark.parametrize(
    ('offset', 'value'),
    [(80, 0), (80, 0xFFFFFFFF), (84, 0), (84, 1), (84, 0xFFFFFFFF)],
)
def test_impossible_number_or_size_of_entries_is_not_followed(offset, value):
    disk = disks.gpt_disk([ROOT])
    for header in (512, 16 * MIB - 512):
        struct.pack_into('<I', disk, header + offset, value)
    table = read(disk)
    assert 'entries' in codes(table)
    assert table.partitions == ()


def test_entries_may_be_larger_than_usual():
    disk = disks.gpt_disk([])
    sector = bytearray(disk[512:1024])
    struct.pack_into('<II', sector, 80, 4, 256)
    disk[512:1024] = sector
    disk[1024 : 1024 + 128] = disks.gpt_disk([ROOT])[1024 : 1024 + 128]
    table = read(disk)
    # Its checksums are wrong now; the sound backup, without entries, wins.
    assert {'header-crc', 'entries-crc'} <= set(codes(table))


def test_partition_that_ends_before_it_begins_is_left_out():
    disk = disks.gpt_disk([ROOT])
    for place in (1024, 16 * MIB - 33 * 512):
        struct.pack_into('<QQ', disk, place + 32, 4096, 4095)
    table = read(disk)
    assert 'backwards' in codes(table)
    assert table.partitions == ()


def test_overlapping_partitions_are_told():
    second = Slot(start=3 * MIB, size=MIB)
    assert codes(read(disks.gpt_disk([ROOT, second]))) == ['overlap']


def test_partition_within_another_is_told_with_one_after_both():
    inner = Slot(start=3 * MIB, size=MIB)
    after = Slot(start=5 * MIB, size=2 * MIB)
    table = read(disks.gpt_disk([ROOT, inner, after]))
    assert codes(table) == ['overlap', 'overlap']


def test_partition_off_the_megabyte_is_untidy_but_not_fatal():
    table = read(disks.gpt_disk([Slot(start=MIB + 512, size=MIB)]))
    assert [(p.code, p.fatal) for p in table.problems] == [
        ('unaligned', False)
    ]


def test_partition_over_the_table_is_unusable():
    table = read(disks.gpt_disk([Slot(start=0, size=MIB)]))
    assert 'unusable' in codes(table)


def test_hybrid_boot_record_is_what_glance_refuses():
    disk = disks.gpt_disk([ROOT])
    disk[462:478] = struct.pack('<B3sB3sII', 0, b'', 0x83, b'', 2048, 10)
    assert codes(read(disk)) == ['glance']


def test_missing_boot_record_is_told():
    disk = disks.gpt_disk([ROOT])
    disk[510:512] = b'\0\0'
    assert codes(read(disk)) == ['protective-mbr']


def test_header_knows_where_it_is():
    header = gpt.read_header(disks.MemoryDisk(disks.gpt_disk([])), 1, 512)
    assert header is not None and header.crc_ok
    assert (header.my_lba, header.other_lba) == (1, 16 * MIB // 512 - 1)
    assert gpt.read_header(disks.MemoryDisk(size=1024), 1, 512) is None
