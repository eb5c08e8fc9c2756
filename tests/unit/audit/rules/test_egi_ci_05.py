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

RULE = registry.get('EGI-CI-05')
CFG, D = '/etc/cloud/cloud.cfg', '/etc/cloud/cloud.cfg.d'
STRICT = 'datasource:\n  Ec2:\n    strict_id: '
SYSTEM = {
    '/usr/bin/cloud-init': '#!',
    '/usr/lib/cloud-init/ds-identify': '#!',
    f'{D}/95.cfg': 'datasource_list: [ OpenStack, Ec2, None ]\n',
}


def check(content):
    disk = disks.MemoryDisk(disks.gpt_disk([]))
    return RULE.check(disks.MemoryView(disk, SYSTEM | content))


@pytest.mark.parametrize(
    'content',
    [
        {f'{D}/96-ec2-strict-id.cfg': f'{STRICT}false\n'},
        {f'{D}/96-EC2.cfg': f'{STRICT}warn\n'},
        {CFG: f'{STRICT}false\n'},
        {f'{D}/95.cfg': 'datasource_list: [ Ec2, None ]\n'},
    ],
)
def test_an_ec2_that_can_be_chosen_passes(content):
    assert check(content).outcome == 'pass'


@pytest.mark.parametrize(
    ('content', 'path', 'message'),
    [
        ({}, f'{D}/95.cfg', 'strict_id is not set'),
        (
            {f'{D}/96-ec2.cfg': f'{STRICT}true\n'},
            f'{D}/96-ec2.cfg',
            'strict_id is true',
        ),
        (
            {f'{D}/96-aws.cfg': f'{STRICT}false\n'},
            f'{D}/96-aws.cfg',
            'does not see',
        ),
        (
            {f'{D}/96-ec2.cfg': 'datasource: {Ec2: {strict_id: false}}\n'},
            f'{D}/96-ec2.cfg',
            'does not see',
        ),
    ],
)
def test_an_ec2_that_cannot_is_told(content, path, message):
    verdict = check(content)
    (evidence,) = verdict.evidence
    assert (verdict.outcome, evidence.path) == ('fail', path)
    assert message in evidence.message


def test_without_ec2_there_is_nothing_to_say():
    content = {f'{D}/95.cfg': 'datasource_list: [ OpenStack ]\n'}
    assert check(content).outcome == 'not-applicable'
    assert check({f'{D}/95.cfg': ''}).outcome == 'not-applicable'
