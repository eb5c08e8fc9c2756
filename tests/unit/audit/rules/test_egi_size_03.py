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

RULE = registry.get('EGI-SIZE-03')
#: 1024 blocks of 4 KiB in one group, the first 24 in use.
BLOCK, BLOCKS, USED = 4096, 1024, 24


def check(dirty: int, *, incompat: int = 0x40, used_too: bool = False):
    """Judge an ext4 whose first free blocks hold something."""
    data = bytearray(BLOCKS * BLOCK)
    struct.pack_into('<II', data, 1024, 64, BLOCKS)
    struct.pack_into('<I', data, 1024 + 12, BLOCKS - USED)
    struct.pack_into('<II', data, 1024 + 20, 0, 2)
    struct.pack_into('<I4xI', data, 1024 + 32, BLOCKS, 64)
    data[1024 + 56 : 1024 + 58] = b'\x53\xef'
    struct.pack_into('<H', data, 1024 + 88, 128)
    struct.pack_into('<I', data, 1024 + 96, incompat)
    struct.pack_into('<III', data, BLOCK, 2, 3, 4)
    data[2 * BLOCK : 2 * BLOCK + 3] = b'\xff' * 3
    if used_too:
        data[10 * BLOCK : USED * BLOCK] = b'u' * (USED - 10) * BLOCK
    data[USED * BLOCK : (USED + dirty) * BLOCK] = b'd' * dirty * BLOCK
    slot = Slot(start=MIB, size=len(data), content=bytes(data))
    disk = disks.MemoryDisk(disks.gpt_disk([slot]))
    return RULE.check(disks.MemoryView(disk, {}))


@pytest.mark.parametrize(
    ('dirty', 'outcome', 'severity'),
    [
        (0, 'pass', None),
        (5, 'pass', None),
        (6, 'fail', 'info'),
        (20, 'fail', 'info'),
        (21, 'fail', None),
    ],
)
def test_share_of_free_blocks_that_are_not_zero_counts(
    dirty, outcome, severity
):
    verdict = check(dirty)
    assert (verdict.outcome, verdict.severity) == (outcome, severity)
    if outcome == 'fail':
        assert verdict.evidence[0].offset == MIB + USED * BLOCK
        assert 'd' * 8 not in str(verdict.evidence)


def test_blocks_in_use_do_not_count():
    assert check(0, used_too=True).outcome == 'pass'


def test_journal_that_was_not_replayed_leaves_it_unknown():
    assert check(0, incompat=0x44).outcome == 'unknown'


def test_file_system_that_is_not_read_leaves_it_unknown():
    area = bytearray(0x10000 + 0x400)
    area[0x10040:0x10048] = b'_BHRfS_M'
    disk = disks.MemoryDisk(
        disks.gpt_disk([Slot(start=MIB, size=MIB, content=bytes(area))])
    )
    assert RULE.check(disks.MemoryView(disk, {})).outcome == 'unknown'
