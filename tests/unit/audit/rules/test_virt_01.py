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

import pytest

from image_pipeline.audit import registry
from image_pipeline.testing import disks
from image_pipeline.testing.disks import Link

RULE = registry.get('VIRT-01')
TIMER = '/usr/lib/systemd/system/fstrim.timer'
LINK = '/etc/systemd/system/timers.target.wants/fstrim.timer'
BASE = {'/usr/lib/systemd/systemd': 'ELF\n', '/etc/machine-id': 'a' * 32}
OFF = {TIMER: '[Timer]\n[Install]\nWantedBy=timers.target\n'}
ON = OFF | {LINK: Link(TIMER)}
DISCARD = {'/etc/fstab': 'LABEL=x / ext4 rw,discard 0 1\n'}


@pytest.mark.parametrize(
    ('files', 'options', 'outcome'),
    [
        (ON, {}, 'pass'),
        (OFF, {}, 'fail'),
        ({}, {}, 'fail'),
        (
            ON | {'/etc/systemd/system/fstrim.timer': Link('/dev/null')},
            {},
            'fail',
        ),
        (ON | DISCARD, {}, 'fail'),
        (ON | DISCARD, {'continuous': True}, 'pass'),
        (OFF | DISCARD, {'continuous': True}, 'pass'),
        (OFF, {'continuous': True}, 'fail'),
        (ON | {'/etc/fstab': 'LABEL=s none swap discard 0 0\n'}, {}, 'pass'),
    ],
)
def test_blocks_are_given_back_by_the_timer(files, options, outcome):
    image = disks.MemoryView(disks.MemoryDisk(), BASE | files)
    assert RULE.check(image, options).outcome == outcome


def test_without_systemd_it_cannot_be_told():
    image = disks.MemoryView(disks.MemoryDisk(), ON)
    assert RULE.check(image).outcome == 'unknown'
