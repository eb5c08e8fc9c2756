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

RULE = registry.get('EGI-ONE-03')
RC = '/etc/rc.local'
UNIT = '/etc/systemd/system/run-context.mount'
LABEL = '/dev/disk/by-label/CONTEXT'


def check(content):
    disk = disks.MemoryDisk(disks.gpt_disk([]))
    return RULE.check(disks.MemoryView(disk, content))


def mount(what, options):
    return (
        f'[Mount]\nWhat={what}\nWhere=/run/context\nType=iso9660\n'
        f'Options={options}\n'
    )


@pytest.mark.parametrize(
    'content',
    [
        {RC: f'mount -t iso9660 -o ro,nosuid,nodev {LABEL} /run/c\n'},
        {RC: f'mount -r -t iso9660 -o nosuid,nodev {LABEL} /run/c\n'},
        {UNIT: mount(LABEL, 'ro,nosuid,nodev')},
    ],
)
def test_a_script_that_trusts_one_disk_passes(content):
    assert check(content).outcome == 'pass'


@pytest.mark.parametrize(
    ('content', 'path', 'message'),
    [
        ({RC: 'mount -t iso9660 /dev/$dev /mnt\n'}, RC, 'any disk'),
        (
            {RC: f'mount -t iso9660 {LABEL} /mnt\n'},
            RC,
            'without ro,nosuid,nodev',
        ),
        (
            {RC: f'mount -t iso9660 -o ro,nodev {LABEL} /mnt\n'},
            RC,
            'without nosuid',
        ),
        (
            {RC: '[ -f /etc/ssh/ssh_host_dsa_key ] || ssh-keygen -A\n'},
            RC,
            'DSA',
        ),
        ({UNIT: mount('/dev/sr0', 'ro,nosuid,nodev')}, UNIT, 'any disk'),
        ({UNIT: mount(LABEL, 'ro')}, UNIT, 'without nosuid,nodev'),
    ],
)
def test_one_that_trusts_more_is_told(content, path, message):
    verdict = check(content)
    assert (verdict.outcome, verdict.severity) == ('fail', None)
    (evidence,) = verdict.evidence
    assert evidence.path == path
    assert message in evidence.message


def test_without_a_script_there_is_nothing_to_say():
    assert check({RC: 'exit 0\n'}).outcome == 'not-applicable'
