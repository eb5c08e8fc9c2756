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

RULE = registry.get('EGI-ONE-01')
LIST, CFG = '/etc/cloud/cloud.cfg.d/99.cfg', '/etc/cloud/cloud.cfg'
SYSTEM = {
    '/usr/bin/cloud-init': '#!',
    '/usr/lib/cloud-init/ds-identify': '#!',
    '/usr/bin/sudo': 'ELF',
    '/etc/passwd': 'root:x:0:0::/root:/bin/sh\n'
    'nobody:x:65534:65534::/:/bin/false\n',
    '/usr/lib/modules/6.1.0/modules.builtin': 'kernel/fs/isofs/isofs.ko\n',
    LIST: 'datasource_list: [ ConfigDrive, OpenNebula, None ]\n',
}
ONLY_OPENSTACK = {LIST: 'datasource_list: [ ConfigDrive, OpenStack ]\n'}


def check(content, without=(), **options):
    disk = disks.MemoryDisk(disks.gpt_disk([]))
    files = {k: v for k, v in SYSTEM.items() if k not in without} | content
    return RULE.check(disks.MemoryView(disk, files), options)


@pytest.mark.parametrize(
    'content',
    [
        {},
        {CFG: 'datasource: {OpenNebula: {dsmode: net, parseuser: root}}\n'},
    ],
)
def test_a_context_disk_that_is_read_passes(content):
    assert check(content).outcome == 'pass'
    assert check(content, wanted=True).outcome == 'pass'


@pytest.mark.parametrize(
    ('content', 'without', 'path', 'message'),
    [
        (
            {CFG: 'datasource: {OpenNebula: {parseuser: context}}\n'},
            (),
            CFG,
            'is not there',
        ),
        (
            {CFG: 'datasource: {OpenNebula: {dsmode: disabled}}\n'},
            (),
            CFG,
            'turned off',
        ),
        ({}, ('/usr/bin/sudo',), None, 'sudo'),
        (
            {'/usr/lib/modules/6.1.0/modules.builtin': 'a.ko\n'},
            (),
            None,
            'cannot be mounted',
        ),
    ],
)
def test_one_that_is_not_is_told(content, without, path, message):
    verdict = check(content, without)
    assert (verdict.outcome, verdict.severity) == ('fail', None)
    (evidence,) = verdict.evidence
    assert evidence.path == path
    assert message in evidence.message


def test_an_image_for_openstack_alone_is_not_asked():
    assert check(ONLY_OPENSTACK).outcome == 'not-applicable'
    verdict = check(ONLY_OPENSTACK, wanted=True)
    assert verdict.outcome == 'fail'
    assert verdict.evidence[0].path == LIST


def test_without_cloud_init_there_is_nothing_to_say():
    verdict = check({}, without=['/usr/bin/cloud-init'])
    assert verdict.outcome == 'not-applicable'
