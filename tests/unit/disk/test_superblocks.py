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
import uuid

import pytest

from image_pipeline.disk import checksums, ext, fat, superblocks, xfs
from image_pipeline.testing import disks
from image_pipeline.testing.disks import MIB

START = MIB
UUID = '11111111-2222-4333-8444-555555555555'
RAW_UUID = uuid.UUID(UUID).bytes


def identify(places: dict[int, bytes], size: int = 2 * MIB):
    """Identify a part of a disk that has these bytes at these places."""
    data = bytearray(START + size)
    for place, content in places.items():
        data[START + place : START + place + len(content)] = content
    return superblocks.identify(disks.MemoryDisk(data), START, size)


def ext4(**changes: int) -> bytes:
    """Return a superblock with metadata_csum and a right checksum."""
    fields = {
        'state': 1, 'mounts': 0, 'compat': 0x3C, 'incompat': 0x42,
        'ro_compat': 0x400, 'orphan': 0, 'log_size': 2,
    } | changes  # fmt: skip
    data = bytearray(1024)
    struct.pack_into('<I', data, 4, 512)
    struct.pack_into('<I', data, 24, fields['log_size'])
    struct.pack_into('<I', data, 32, 0)
    struct.pack_into('<HHHH', data, 52, fields['mounts'], 65535, 0xEF53,
                     fields['state'])  # fmt: skip
    struct.pack_into('<III', data, 92, fields['compat'], fields['incompat'],
                     fields['ro_compat'])  # fmt: skip
    data[104:120] = RAW_UUID
    data[120:124] = b'root'
    struct.pack_into('<I', data, 232, fields['orphan'])
    crc = checksums.crc32c(0xFFFFFFFF, bytes(data[:1020]))
    struct.pack_into('<I', data, 1020, crc)
    return bytes(data)


def test_nothing_is_found_in_zeros():
    assert identify({}) == ()


def test_checksum_is_the_castagnoli_one():
    # RFC 3720, B.4: 32 bytes of zeros; inverted at the end there.
    assert checksums.crc32c(0xFFFFFFFF, bytes(32)) ^ 0xFFFFFFFF == 0x8A9136AA


def test_ext4_has_its_features_and_marks():
    (block,) = identify({1024: ext4(mounts=3, orphan=12)})
    assert isinstance(block, ext.ExtSuperblock)
    assert (block.kind, block.uuid, block.label) == ('ext4', UUID, 'root')
    assert block.offset == START + 0x438
    assert (block.mount_count, block.last_orphan) == (3, 12)
    assert block.checksum_ok
    assert block.state == 1


@pytest.mark.parametrize(
    ('features', 'kind'),
    [
        ({'compat': 0, 'incompat': 2, 'ro_compat': 3}, 'ext2'),
        ({'compat': 4, 'incompat': 2, 'ro_compat': 3}, 'ext3'),
        ({'compat': 4, 'incompat': 0x40, 'ro_compat': 3}, 'ext4'),
        ({'compat': 0, 'incompat': 2, 'ro_compat': 0x10}, 'ext4'),
    ],
    ids=lambda value: value if isinstance(value, str) else '',
)
def test_ext2_ext3_and_ext4_are_told_by_their_features(features, kind):
    assert identify({1024: ext4(**features)})[0].kind == kind


def test_ext4_with_a_wrong_checksum_says_so():
    data = bytearray(ext4())
    data[200] ^= 1
    (block,) = identify({1024: bytes(data)})
    assert isinstance(block, ext.ExtSuperblock)
    assert block.checksum_ok is False


def test_ext_magic_with_impossible_blocks_is_nothing():
    assert identify({1024: ext4(log_size=7)}) == ()


@pytest.mark.parametrize('page', [4096, 8192, 16384, 32768, 65536])
def test_swap_is_found_at_the_end_of_any_page_size(page):
    (block,) = identify({page - 10: b'SWAPSPACE2', 1036: RAW_UUID})
    assert (block.kind, block.version) == ('swap', str(page))
    assert block.offset == START + page - 10
    assert block.uuid == UUID


@pytest.mark.parametrize('magic', [b'S1SUSPEND\0', b'LINHIB0001'])
def test_hibernated_swap_is_swap(magic):
    (block,) = identify({4086: magic})
    assert (block.kind, block.version) == ('swap', 'hibernated')


@pytest.mark.parametrize('version', [1, 2])
def test_luks_is_found_at_the_beginning(version):
    head = b'LUKS\xba\xbe' + struct.pack('>H', version)
    (block,) = identify({0: head.ljust(168, b'\0') + UUID.encode()})
    assert (block.kind, block.version) == ('luks', str(version))
    assert block.uuid == UUID
    assert block.magic == head.hex()


@pytest.mark.parametrize('place', [0x4000, 0x8000, 0x10000])
def test_luks2_is_found_by_its_second_header(place):
    (block,) = identify({place: b'SKUL\xba\xbe\0\2'})
    assert block.offset == START + place


def test_luks_of_an_unknown_version_is_nothing():
    assert identify({0: b'LUKS\xba\xbe\0\x09'}) == ()


@pytest.mark.parametrize('sector', range(4))
def test_lvm_is_found_in_each_of_the_first_four_sectors(sector):
    label = b'LABELONE' + bytes(16) + b'LVM2 001'
    (block,) = identify({sector * 512: label})
    assert (block.kind, block.offset) == ('lvm', START + sector * 512)


@pytest.mark.parametrize(
    'places',
    [
        {100: b'LABELONE' + bytes(16) + b'LVM2 001'},
        {4 * 512: b'LABELONE' + bytes(16) + b'LVM2 001'},
        {512: b'LABELONE' + bytes(24)},
    ],
    ids=['inside a sector', 'in the fifth sector', 'without its type'],
)
def test_the_word_labelone_alone_is_no_lvm(places):
    assert identify(places) == ()


@pytest.mark.parametrize(
    ('version', 'place', 'major'),
    [
        ('1.1', 0, 1),
        ('1.2', 4096, 1),
        ('1.0', 2 * MIB - 8192, 1),
        ('0.90', 2 * MIB - 65536, 0),
    ],
)
def test_raid_is_found_where_each_version_has_it(version, place, major):
    data = struct.pack('<II', 0xA92B4EFC, major) + bytes(256)
    (block,) = identify({place: data})
    assert (block.kind, block.version) == ('mdraid', version)
    assert block.magic == 'fc4e2ba9'


def test_several_signatures_are_all_returned():
    found = identify({1024: ext4(), 65526: b'SWAPSPACE2'})
    assert [block.kind for block in found] == ['ext4', 'swap']
    assert superblocks.file_system(found) is found[0]


def test_btrfs_says_whether_it_has_a_log():
    places = {0x10020: RAW_UUID, 0x10040: b'_BHRfS_M'}
    assert identify(places)[0].version == ''
    (block,) = identify(places | {0x10060: b'\1'})
    assert (block.kind, block.version, block.uuid) == ('btrfs', 'log', UUID)


@pytest.mark.parametrize(
    ('places', 'kind'),
    [
        ({0x8000: b'\1CD001\1'}, 'iso9660'),
        ({0: b'hsqs'}, 'squashfs'),
        ({0: b'\xebR\x90NTFS    '}, 'ntfs'),
        (
            {4120: bytes.fromhex('c68573f64e1a45ca8265f57f48ba6d81')},
            'bcache',
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else '',
)
def test_other_kinds_are_told_by_their_signatures(places, kind):
    assert [block.kind for block in identify(places)] == [kind]


def fat16(flags: int = 0, second: bytes = b'\xff\xff') -> dict[int, bytes]:
    head = bytearray(512)
    struct.pack_into('<HBHBHHBH', head, 11, 512, 1, 1, 2, 512, 0, 0xF8, 16)
    struct.pack_into('<I', head, 32, 8192)
    head[36 + 1] = flags
    head[39:43] = bytes.fromhex('3412cdab')
    head[43:54] = b'ESP        '
    head[510:512] = b'\x55\xaa'
    return {0: bytes(head), 512: b'\xf8\xff' + second}


def test_fat_is_clean_if_its_bits_say_so():
    (block,) = identify(fat16())
    assert isinstance(block, fat.FatSuperblock)
    assert (block.kind, block.bits, block.uuid) == ('vfat', 16, 'ABCD-1234')
    assert block.label == 'ESP'
    assert not block.dirty


@pytest.mark.parametrize('places', [fat16(flags=1), fat16(second=b'\xff\x7f')])
def test_fat_is_dirty_if_either_bit_says_so(places):
    (block,) = identify(places)
    assert isinstance(block, fat.FatSuperblock)
    assert block.dirty


def xfs_disk(flags: int = 0x20) -> dict[int, bytes]:
    head = bytearray(512)
    struct.pack_into('>4sI', head, 0, b'XFSB', 4096)
    head[32:48] = RAW_UUID
    struct.pack_into('>Q', head, 48, 4)
    struct.pack_into('>IIIIH', head, 84, 256, 1, 0, 16, 0xB4A5)
    struct.pack_into('>III', head, 0xD0, 0, 5, 3)
    head[108:112] = b'root'
    head[120], head[124] = 12, 8
    record = bytearray(1024)
    struct.pack_into('>I', record, 0, 0xFEEDBABE)
    struct.pack_into('>II', record, 16, 1, 0)
    struct.pack_into('>I', record, 40, 1)
    record[512 + 9] = flags
    return {0: bytes(head), 4 * 4096: bytes(record)}


@pytest.mark.parametrize(('flags', 'clean'), [(0x20, True), (1, False)])
def test_xfs_is_clean_if_its_log_ends_with_an_unmount(flags, clean):
    (block,) = identify(xfs_disk(flags))
    assert isinstance(block, xfs.XfsSuperblock)
    assert (block.kind, block.uuid, block.label) == ('xfs', UUID, 'root')
    assert (block.ro_compat, block.incompat) == (5, 3)
    assert block.log_offset == START + 4 * 4096
    assert block.log_clean is clean


def test_xfs_without_a_record_in_its_log_is_not_judged():
    places = xfs_disk()
    del places[4 * 4096]
    (block,) = identify(places)
    assert isinstance(block, xfs.XfsSuperblock)
    assert block.log_clean is None
