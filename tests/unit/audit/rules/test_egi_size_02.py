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

from image_pipeline.audit import registry
from image_pipeline.testing import disks
from image_pipeline.testing.disks import MIB, Slot

RULE = registry.get('EGI-SIZE-02')
BOOT = '11111111-2222-4333-8444-000000000001'
ROOT_MIB, BOOT_MIB = 2000, 64


def ext(mib: int, free_mib: int, free_inodes: int, uuid: str = '') -> bytes:
    data = bytearray(2048)
    struct.pack_into('<II', data, 1024, 1000, mib * 256)
    struct.pack_into('<II', data, 1024 + 12, free_mib * 256, free_inodes)
    struct.pack_into('<I', data, 1024 + 24, 2)
    data[1024 + 56 : 1024 + 58] = b'\x53\xef'
    struct.pack_into('<I', data, 1024 + 96, 0x40)
    data[1024 + 104 : 1024 + 120] = bytes.fromhex(uuid.replace('-', ''))[:16]
    return bytes(data)


def check(free=1000, inodes=500, boot_free=60, files=None, **options):
    disk = disks.MemoryDisk(
        disks.gpt_disk(
            [
                Slot(
                    start=MIB,
                    size=MIB,
                    content=ext(BOOT_MIB, boot_free, 500, BOOT),
                ),
                Slot(
                    start=2 * MIB,
                    size=MIB,
                    type='4f68bce3-e8cd-4db1-96e7-fbcaf984b709',
                    content=ext(ROOT_MIB, free, inodes, '0' * 32),
                ),
            ]
        )
    )
    return RULE.check(disks.MemoryView(disk, files or {}), options)


@pytest.mark.parametrize(
    ('free', 'inodes', 'outcome'),
    [
        (1000, 500, 'pass'),
        (300, 500, 'pass'),
        (299, 500, 'fail'),
        (1000, 100, 'pass'),
        (1000, 99, 'fail'),
    ],
)
def test_root_needs_room_and_inodes(free, inodes, outcome):
    assert check(free, inodes).outcome == outcome


def test_root_that_is_nearly_right_is_a_hint():
    assert check(299).severity == 'info'
    assert check(150).severity == 'info'
    assert check(149).severity is None


def test_large_roots_need_a_share_of_themselves():
    assert check(399, min_free_percent=20).outcome == 'fail'
    assert check(400, min_free_percent=20).outcome == 'pass'


@pytest.mark.parametrize(('boot_free', 'outcome'), [(7, 'pass'), (5, 'fail')])
def test_boot_of_its_own_needs_room_for_one_more_kernel(boot_free, outcome):
    files = {
        '/etc/fstab': f'UUID={BOOT} /boot ext4 defaults 0 2\n',
        '/boot/vmlinuz-1': b'k' * MIB,
        '/boot/initrd.img-1': b'i' * (5 * MIB),
    }
    assert check(boot_free=boot_free, files=files).outcome == outcome


def test_without_a_root_it_cannot_be_told():
    disk = disks.MemoryDisk(disks.gpt_disk([]))
    assert RULE.check(disks.MemoryView(disk, {})).outcome == 'unknown'
