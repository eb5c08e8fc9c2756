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

RULE = registry.get('EGI-SIZE-01')
GIB = 1024 * MIB


def image(size: int, free: float = 0.1) -> disks.MemoryView:
    """Return an image with an ext4 root that takes it all."""
    root = size - 2 * MIB
    blocks = root // 4096
    data = bytearray(2048)
    struct.pack_into('<II', data, 1024, 1000, blocks)
    struct.pack_into('<I', data, 1024 + 12, int(blocks * free))
    struct.pack_into('<I', data, 1024 + 24, 2)
    data[1024 + 56 : 1024 + 58] = b'\x53\xef'
    struct.pack_into('<I', data, 1024 + 96, 0x40)
    small = disks.gpt_disk(
        [Slot(start=MIB, size=8 * MIB, content=bytes(data))]
    )
    # Only the first sectors are needed: the table says it is larger.
    struct.pack_into('<Q', small, 1024 + 40, (MIB + root) // 512 - 1)
    return disks.MemoryView(disks.MemoryDisk(bytes(small), size), {})


@pytest.mark.parametrize(
    ('gib', 'outcome'), [(2, 'pass'), (8, 'pass'), (9, 'fail'), (21, 'fail')]
)
def test_disk_over_eight_gib_is_too_large(gib, outcome):
    assert RULE.check(image(gib * GIB)).outcome == outcome


def test_limit_is_an_option():
    assert RULE.check(image(9 * GIB), {'max_gib': 10}).outcome == 'pass'


@pytest.mark.parametrize(
    ('gib', 'free', 'outcome'),
    [(4, 0.9, 'pass'), (6, 0.5, 'pass'), (6, 0.7, 'fail')],
)
def test_large_root_that_is_mostly_free_is_told(gib, free, outcome):
    verdict = RULE.check(image(gib * GIB, free))
    assert verdict.outcome == outcome
    if outcome == 'fail':
        assert '70 %' in verdict.evidence[0].message or '69 %' in (
            verdict.evidence[0].message
        )


def test_root_whose_room_is_not_read_cannot_be_told():
    area = bytearray(0x10000 + 0x400)
    area[0x10040:0x10048] = b'_BHRfS_M'
    small = disks.gpt_disk(
        [Slot(start=MIB, size=8 * MIB, content=bytes(area))]
    )
    struct.pack_into('<Q', small, 1024 + 40, 6 * GIB // 512)
    disk = disks.MemoryDisk(bytes(small), 7 * GIB)
    assert RULE.check(disks.MemoryView(disk, {})).outcome == 'unknown'
