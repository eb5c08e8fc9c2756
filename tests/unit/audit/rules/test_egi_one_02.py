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

RULE = registry.get('EGI-ONE-02')
CLOUD_INIT = {'/usr/bin/cloud-init': '#!'}
CONTEXT = {'/usr/sbin/one-contextd': '#!'}
OFF = {'/etc/cloud/cloud-init.disabled': ''}
RC = '/etc/rc.local'


def check(content):
    disk = disks.MemoryDisk(disks.gpt_disk([]))
    return RULE.check(disks.MemoryView(disk, content))


@pytest.mark.parametrize(
    'content',
    [
        CLOUD_INIT,
        CONTEXT,
        {'/usr/bin/glean': '#!'},
        CLOUD_INIT | CONTEXT | OFF,
        CLOUD_INIT | {RC: 'echo context.sh\n'},
    ],
)
def test_one_agent_passes(content):
    assert check(content).outcome == 'pass'


@pytest.mark.parametrize(
    ('content', 'path', 'severity'),
    [
        (CLOUD_INIT | CONTEXT, '/usr/sbin/one-contextd', None),
        (
            CLOUD_INIT | {'/etc/one-context.d/loc-10-network': '#!'},
            '/etc/one-context.d',
            None,
        ),
        (CLOUD_INIT | {'/usr/bin/glean': '#!'}, '/usr/bin/glean', None),
        (CONTEXT | {'/usr/bin/glean': '#!'}, '/usr/bin/glean', None),
        (
            CLOUD_INIT | {'/etc/init.d/vmcontext': '. /mnt/context.sh\n'},
            '/etc/init.d/vmcontext',
            'warning',
        ),
        (CLOUD_INIT | {RC: 'sh /mnt/init.sh\n'}, RC, 'warning'),
    ],
)
def test_a_second_one_is_told(content, path, severity):
    verdict = check(content)
    assert (verdict.outcome, verdict.severity) == ('fail', severity)
    (evidence,) = verdict.evidence
    assert evidence.path == path


def test_without_any_there_is_nothing_to_say():
    assert check({}).outcome == 'not-applicable'
