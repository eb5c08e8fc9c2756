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

RULE = registry.get('EGI-ONE-04')
CFG, FSTAB = '/etc/cloud/cloud.cfg', '/etc/fstab'
FIELDS = 'mount_default_fields: '


def check(content):
    disk = disks.MemoryDisk(disks.gpt_disk([]))
    files = {'/usr/bin/cloud-init': '#!'} | content
    return RULE.check(disks.MemoryView(disk, files))


@pytest.mark.parametrize(
    'content',
    [
        {},
        {FSTAB: 'LABEL=root / ext4 defaults 0 1\n/dev/sr0 /cd iso9660 noauto'},
        {CFG: 'mounts:\n - [LABEL=data, /data, auto, "defaults,nofail"]\n'},
        {CFG: 'mounts:\n - [vdc, /data]\n - [vdd, null]\n - nonsense\n'},
        {CFG: f'{FIELDS}[null, null, auto, "defaults,nofail", "0", "2"]\n'},
        {CFG: 'mounts: nonsense\n'},
    ],
)
def test_what_an_instance_can_do_without_passes(content):
    assert check(content).outcome == 'pass'


@pytest.mark.parametrize(
    ('content', 'path', 'message', 'severity'),
    [
        ({FSTAB: '/dev/vdb /data ext4 nofail'}, FSTAB, 'further disk', None),
        ({FSTAB: '/dev/xvdc1 none swap sw'}, FSTAB, 'further disk', None),
        (
            {FSTAB: 'LABEL=root / ext4 data=writeback 0 1'},
            FSTAB,
            'loses data',
            'warning',
        ),
        (
            {FSTAB: 'LABEL=root / ext4 noatime,barrier=0 0 1'},
            FSTAB,
            'loses data',
            'warning',
        ),
        (
            {CFG: 'mounts: [[vdb, /data, auto, "defaults,nofail"]]\n'},
            CFG,
            'context disk',
            None,
        ),
        (
            {CFG: 'mounts: [[/dev/vdc, /data, auto, defaults]]\n'},
            CFG,
            'does not boot',
            None,
        ),
        (
            {CFG: 'mounts: [[vdd, /data, ext4, "nofail,data=writeback"]]\n'},
            CFG,
            'loses data',
            'warning',
        ),
        (
            {CFG: f'{FIELDS}[null, null, auto, defaults, "0", "2"]\n'},
            CFG,
            'by default',
            None,
        ),
    ],
)
def test_what_stops_a_boot_or_loses_data_is_told(
    content, path, message, severity
):
    verdict = check(content)
    assert (verdict.outcome, verdict.severity) == ('fail', severity)
    (evidence,) = verdict.evidence
    assert evidence.path == path
    assert message in evidence.message
