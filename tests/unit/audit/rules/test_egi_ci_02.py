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

RULE = registry.get('EGI-CI-02')
CFG, D = '/etc/cloud/cloud.cfg', '/etc/cloud/cloud.cfg.d'
BASE = {
    '/usr/bin/cloud-init': '#!',
    '/usr/lib/cloud-init/ds-identify': '#!',
}
GOOD = '[ ConfigDrive, OpenStack, None ]'


def check(content, **options):
    disk = disks.MemoryDisk(disks.gpt_disk([]))
    return RULE.check(disks.MemoryView(disk, BASE | content), options)


def said(value):
    return {f'{D}/99.cfg': f'datasource_list: {value}\n'}


@pytest.mark.parametrize(
    'content',
    [
        said(GOOD),
        said('[ OpenStack ]'),
        said('[ConfigDrive, OpenStack, OpenNebula, Ec2, NoCloud, None]'),
        {CFG: f'datasource_list: {GOOD}\n'},
        said(GOOD) | {CFG: f'datasource_list: {GOOD}\n'},
        said(f'{GOOD} # ours') | {f'{D}/01.cfg': '# datasource_list: [X]\n'},
    ],
)
def test_a_short_list_on_one_line_passes(content):
    assert check(content).outcome == 'pass'


@pytest.mark.parametrize(
    ('content', 'message', 'severity'),
    [
        (
            {f'{D}/99.cfg': 'datasource_list:\n - ConfigDrive\n - None\n'},
            'none at all',
            None,
        ),
        (
            {f'{D}/99.cfg': 'datasource_list: [ ConfigDrive,\n OpenStack ]\n'},
            'another list',
            None,
        ),
        (said('[ Openstack, None ]'), 'Openstack, but OpenStack', None),
        (said('[ Cloud9 ]'), 'no datasource Cloud9', None),
        (said('OpenStack'), 'is no list', None),
        (said('[ None, OpenStack ]'), 'None is always there', 'warning'),
        (
            said(
                '[ConfigDrive, OpenStack, OpenNebula, Ec2, NoCloud, GCE, None]'
            ),
            '7 datasources',
            'warning',
        ),
        ({CFG: 'a: 1\n'}, 'every datasource', 'warning'),
        (
            said(GOOD) | {CFG: 'datasource_list: [ Ec2 ]\n'},
            'another list than',
            'info',
        ),
    ],
)
def test_a_list_that_misleads_is_told(content, message, severity):
    verdict = check(content)
    assert (verdict.outcome, verdict.severity) == ('fail', severity)
    assert message in verdict.evidence[0].message


def test_a_nested_list_that_only_grep_sees_is_told():
    verdict = check(
        said(GOOD) | {f'{D}/99.cfg': f'x:\n datasource_list: {GOOD}\n'}
    )
    assert verdict.outcome == 'fail'
    assert verdict.evidence[0].line == 2


def test_without_ds_identify_only_yaml_counts():
    disk = disks.MemoryDisk(disks.gpt_disk([]))
    content = {
        '/usr/bin/cloud-init': '#!',
        CFG: 'datasource_list:\n - ConfigDrive\n - OpenStack\n',
    }
    assert RULE.check(disks.MemoryView(disk, content)).outcome == 'pass'


def test_how_many_are_too_many_is_an_option():
    assert check(said(GOOD), most=2).severity == 'warning'


def test_without_cloud_init_there_is_nothing_to_say():
    disk = disks.MemoryDisk(disks.gpt_disk([]))
    verdict = RULE.check(disks.MemoryView(disk, said(GOOD)))
    assert verdict.outcome == 'not-applicable'
