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

from image_pipeline.disk import mbr, tables
from image_pipeline.testing import disks
from image_pipeline.testing.disks import MIB, Slot


def entry(kind: int, start: int, sectors: int) -> bytes:
    return struct.pack('<B3sB3sII', 0, b'', kind, b'', start, sectors)


def boot_record(*entries: bytes) -> bytes:
    return bytes(446) + b''.join(entries).ljust(64, b'\0') + b'\x55\xaa'


def extended(*chain: tuple[int, bytes]) -> bytearray:
    """Return a disk with an extended partition at 2 MiB, and its chain."""
    disk = disks.mbr_disk(
        [
            Slot(start=MIB, size=MIB, type='0x83'),
            Slot(start=2 * MIB, size=8 * MIB, type='0x05'),
        ]
    )
    for sector, record in chain:
        disk[sector * 512 : sector * 512 + 512] = record
    return disk


def read(data):
    table = tables.read(disks.MemoryDisk(data))
    assert table is not None and table.scheme == 'mbr'
    return table


def codes(table) -> list[str]:
    return [problem.code for problem in table.problems]


def test_primary_partitions_have_numbers_types_and_uuids():
    table = read(disks.mbr_disk([Slot(start=MIB, size=MIB, type='0x83')]))
    (part,) = table.partitions
    assert (part.number, part.start, part.size) == (1, MIB, MIB)
    assert (part.type, part.uuid) == ('0x83', '12345678-01')
    assert not part.logical
    assert table.problems == ()


def test_logical_partitions_are_followed_through_the_chain():
    start = 2 * MIB // 512
    table = read(
        extended(
            (start, boot_record(entry(0x83, 2048, 2048), entry(5, 8192, 1))),
            (start + 8192, boot_record(entry(0x83, 2048, 2048))),
        )
    )
    assert [(p.number, p.start, p.logical) for p in table.partitions] == [
        (1, MIB, False),
        (5, 3 * MIB, True),
        (6, 7 * MIB, True),
    ]
    assert table.problems == ()


def test_chain_that_goes_in_a_circle_ends():
    start = 2 * MIB // 512
    record = boot_record(entry(0x83, 2048, 10), entry(5, 0, 1))
    assert codes(read(extended((start, record)))) == ['logical-chain']


def test_chain_that_leaves_the_disk_ends():
    start = 2 * MIB // 512
    record = boot_record(entry(0x83, 2048, 10), entry(5, 0xFFFFFF, 1))
    assert codes(read(extended((start, record)))) == ['logical-chain']


def test_chain_without_a_boot_record_is_told():
    assert codes(read(extended())) == ['logical-chain']


def test_partition_past_the_end_is_told():
    table = read(disks.mbr_disk([Slot(start=MIB, size=99 * MIB, type='0x83')]))
    assert codes(table) == ['past-end']


def test_extended_partition_past_the_end_is_told():
    table = read(disks.mbr_disk([Slot(start=99 * MIB, size=MIB, type='0x0f')]))
    assert set(codes(table)) == {'logical-chain', 'past-end'}


@pytest.mark.parametrize(
    ('change', 'offset'),
    [
        ({446: 1}, 446),
        ({446 + 16: 0x7F}, 462),
        ({450: 0xEE}, 446),
    ],
    ids=['boot flag', 'boot flag of another', 'protective at another start'],
)
def test_what_glance_refuses_is_told(change, offset):
    disk = disks.mbr_disk([Slot(start=MIB, size=MIB, type='0x83')])
    for place, value in change.items():
        disk[place] = value
    problems = mbr.glance_problems(bytes(disk[:512]))
    assert problems[0].offset == offset


def test_boot_record_without_partitions_is_no_table():
    assert tables.read(disks.MemoryDisk(disks.mbr_disk([]))) is None


def test_boot_sector_of_fat_is_no_table():
    disk = disks.mbr_disk([Slot(start=MIB, size=MIB, type='0x83')])
    disk[0x10], disk[0x15] = 2, 0xF8
    assert mbr.is_fat(bytes(disk[:512]))
    assert tables.read(disks.MemoryDisk(disk)) is None


def test_disk_shorter_than_a_sector_has_no_table():
    assert tables.read(disks.MemoryDisk(b'x' * 100)) is None
