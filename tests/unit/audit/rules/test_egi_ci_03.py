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

RULE = registry.get('EGI-CI-03')
LIST = '/etc/cloud/cloud.cfg.d/99.cfg'
DEP = '/usr/lib/modules/6.1.0/modules.dep'
SYSTEM = {
    '/usr/bin/cloud-init': '#!',
    '/usr/lib/cloud-init/ds-identify': '#!',
    DEP: 'kernel/fs/isofs/isofs.ko:\nkernel/fs/fat/vfat.ko:\n',
    LIST: 'datasource_list: [ ConfigDrive, OpenStack, None ]\n',
}


def check(content, **options):
    disk = disks.MemoryDisk(disks.gpt_disk([]))
    return RULE.check(disks.MemoryView(disk, SYSTEM | content), options)


def said(names):
    return {LIST: f'datasource_list: [ {names} ]\n'}


@pytest.mark.parametrize(
    ('content', 'options'),
    [
        ({}, {}),
        ({LIST: ''}, {}),
        (said('OpenStack, ConfigDrive'), {}),
        (said('ConfigDrive'), {'config_drive': 'always'}),
        (said('OpenStack'), {'config_drive': 'never'}),
        (said('OpenStack') | {DEP: 'a.ko:\n'}, {'config_drive': 'never'}),
    ],
)
def test_both_ways_pass(content, options):
    assert check(content, **options).outcome == 'pass'


@pytest.mark.parametrize(
    ('content', 'path', 'message', 'severity'),
    [
        (said('ConfigDrive'), LIST, 'without a config drive', None),
        (said('Ec2, OpenStack, None'), LIST, 'does not find', None),
        (said('OpenStack, None'), LIST, 'is passed over', 'warning'),
        (
            said('Ec2, OpenStack, None')
            | {'/etc/cloud/ds-identify.cfg': 'policy: notfound=enabled\n'},
            LIST,
            'is passed over',
            'warning',
        ),
        (
            {'/etc/modprobe.d/cis.conf': 'install iso9660 /bin/true\n'},
            '/etc/modprobe.d/cis.conf',
            'iso9660 cannot be mounted',
            None,
        ),
        (
            {'/etc/modprobe.d/cis.conf': 'install vfat /bin/true\n'},
            '/etc/modprobe.d/cis.conf',
            'vfat cannot be mounted',
            'warning',
        ),
        (
            {DEP: 'kernel/fs/fat/vfat.ko:\n'},
            None,
            'iso9660 cannot be mounted',
            None,
        ),
    ],
)
def test_a_way_that_is_missing_is_told(content, path, message, severity):
    verdict = check(content)
    assert (verdict.outcome, verdict.severity) == ('fail', severity)
    (evidence,) = verdict.evidence
    assert evidence.path == path
    assert message in evidence.message


def test_neither_way_are_two_findings():
    assert len(check(said('Ec2')).evidence) == 2


def test_without_a_kernel_it_is_not_known():
    disk = disks.MemoryDisk(disks.gpt_disk([]))
    content = {k: v for k, v in SYSTEM.items() if k != DEP}
    assert RULE.check(disks.MemoryView(disk, content)).outcome == 'unknown'


def test_without_cloud_init_there_is_nothing_to_say():
    disk = disks.MemoryDisk(disks.gpt_disk([]))
    verdict = RULE.check(disks.MemoryView(disk, said('Ec2')))
    assert verdict.outcome == 'not-applicable'
