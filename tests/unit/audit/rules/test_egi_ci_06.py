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

RULE = registry.get('EGI-CI-06')
CFG, D = '/etc/cloud/cloud.cfg', '/etc/cloud/cloud.cfg.d'
SEED = '/var/lib/cloud/seed'
OFF = f'{D}/99-disable-network-config.cfg'
GRUB = '/boot/grub/grub.cfg'
SYSTEM = {'/usr/bin/cloud-init': '#!', CFG: 'a: 1\n'}


def check(content, **options):
    disk = disks.MemoryDisk(disks.gpt_disk([]))
    return RULE.check(disks.MemoryView(disk, SYSTEM | content), options)


@pytest.mark.parametrize(
    'content',
    [
        {},
        {SEED: None, f'{SEED}/nocloud': None},
        {CFG: 'datasource: {NoCloud: {fs_label: null}}\n'},
        {GRUB: 'linux /v ds=openstack\n'},
        {CFG: 'network: {config: {version: 2}}\n'},
    ],
)
def test_an_image_without_a_seed_passes(content):
    assert check(content).outcome == 'pass'


@pytest.mark.parametrize(
    ('content', 'path', 'severity', 'ours'),
    [
        ({f'{SEED}/nocloud/user-data': ''}, f'{SEED}/nocloud', None, True),
        (
            {f'{SEED}/nocloud-net/meta-data': ''},
            f'{SEED}/nocloud-net',
            None,
            True,
        ),
        ({f'{SEED}/ec2/user-data': ''}, f'{SEED}/ec2', None, False),
        (
            {f'{D}/99-installer.cfg': 'a: 1\n'},
            f'{D}/99-installer.cfg',
            None,
            False,
        ),
        ({GRUB: 'linux /v autoinstall ---\n'}, GRUB, None, False),
        ({GRUB: 'linux /v ds=nocloud;s=/cdrom/\n'}, GRUB, None, True),
        (
            {f'{D}/9.cfg': 'datasource: {NoCloud: {seedfrom: http://x/}}\n'},
            f'{D}/9.cfg',
            None,
            True,
        ),
        (
            {f'{D}/9.cfg': 'datasource:\n NoCloud:\n  user-data: x\n'},
            f'{D}/9.cfg',
            None,
            True,
        ),
        (
            {OFF: 'network: {config: disabled}'},
            OFF,
            'warning',
            False,
        ),
    ],
)
def test_what_overrides_the_cloud_is_told(content, path, severity, ours):
    verdict = check(content)
    assert (verdict.outcome, verdict.severity) == ('fail', severity)
    (evidence,) = verdict.evidence
    assert evidence.path == path
    wanted = 'pass' if ours else 'fail'
    assert check(content, nocloud=True).outcome == wanted


def test_user_data_is_not_repeated_in_a_report():
    verdict = check(
        {f'{D}/9.cfg': 'datasource: {NoCloud: {user-data: secret}}\n'}
    )
    assert 'secret' not in str(verdict)


def test_the_files_of_another_agent_do_not_matter():
    content = {'/usr/bin/cloud-init': None, CFG: 'network: {config: disabled}'}
    assert check(content).outcome == 'pass'
