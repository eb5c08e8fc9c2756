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

RULE = registry.get('EGI-GROW-01')
CFG = '/etc/cloud/cloud.cfg'
MODULES = 'cloud_init_modules: [growpart, resizefs]\n'
LIB = '/usr/lib/systemd/system'
BASE = {'/usr/lib/systemd/systemd': 'ELF'}
SYSTEM = BASE | {
    '/usr/bin/cloud-init': '#!',
    '/usr/bin/growpart': '#!',
    '/usr/sbin/sfdisk': 'ELF',
    CFG: MODULES,
}
REPART = {
    f'{LIB}/systemd-repart.service': '[Service]\n',
    f'{LIB}/sysinit.target.wants/systemd-repart.service': disks.Link('x'),
    '/usr/lib/repart.d/50-root.conf': '[Partition]\nType=root\n',
}
GROWROOT = {
    f'{LIB}/growroot.service': '[Service]\n',
    '/etc/systemd/system/multi-user.target.wants/growroot.service': (
        disks.Link(f'{LIB}/growroot.service')
    ),
}
HOOK = {'/usr/share/initramfs-tools/hooks/growroot': '#!/bin/sh'}


def check(content):
    disk = disks.MemoryDisk(disks.gpt_disk([]))
    return RULE.check(disks.MemoryView(disk, content))


def without(content, *paths):
    return {k: v for k, v in content.items() if k not in paths}


@pytest.mark.parametrize(
    'content',
    [
        SYSTEM,
        SYSTEM | {CFG: f'{MODULES}growpart: {{mode: growpart}}\n'},
        SYSTEM | {CFG: f'{MODULES}growpart: {{devices: /}}\n'},
        SYSTEM | {CFG: f'{MODULES}growpart: {{devices: [/, /data]}}\n'},
        SYSTEM
        | {
            CFG: f'{MODULES}growpart: {{ignore_growroot_disabled: true}}\n',
            '/etc/growroot-disabled': '',
        },
        BASE | REPART,
        BASE | GROWROOT,
        BASE | HOOK,
    ],
)
def test_a_root_that_grows_passes(content):
    assert check(content).outcome == 'pass'


@pytest.mark.parametrize(
    ('content', 'path', 'message'),
    [
        (BASE, None, 'nothing grows'),
        (
            SYSTEM | {CFG: 'cloud_init_modules: [ssh]\n'},
            CFG,
            'does not run',
        ),
        (
            SYSTEM | {CFG: f'{MODULES}growpart: {{mode: off}}\n'},
            CFG,
            'turned off',
        ),
        (
            SYSTEM | {CFG: f"{MODULES}growpart: {{mode: 'off'}}\n"},
            CFG,
            'turned off',
        ),
        (
            SYSTEM | {'/etc/growroot-disabled': ''},
            '/etc/growroot-disabled',
            'turned off',
        ),
        (without(SYSTEM, '/usr/bin/growpart'), None, 'no growpart'),
        (without(SYSTEM, '/usr/sbin/sfdisk'), None, 'no tool'),
        (
            BASE | without(REPART, '/usr/lib/repart.d/50-root.conf'),
            None,
            'nothing grows',
        ),
        (
            BASE
            | REPART
            | {'/usr/lib/repart.d/50-root.conf': '[Partition]\nType=home\n'},
            None,
            'nothing grows',
        ),
        (BASE | {f'{LIB}/growroot.service': ''}, None, 'nothing grows'),
    ],
)
def test_a_root_that_stays_small_is_told(content, path, message):
    verdict = check(content)
    assert (verdict.outcome, verdict.severity) == ('fail', None)
    (evidence,) = verdict.evidence
    assert evidence.path == path
    assert message in evidence.message


@pytest.mark.parametrize('second', [REPART, GROWROOT, HOOK])
def test_two_that_grow_it_are_a_hint(second):
    verdict = check(SYSTEM | second)
    assert (verdict.outcome, verdict.severity) == ('fail', 'info')


def test_a_device_by_name_is_a_warning():
    verdict = check(
        SYSTEM | {CFG: f'{MODULES}growpart:\n  devices: [/dev/vda3]\n'}
    )
    (evidence,) = verdict.evidence
    assert (verdict.outcome, verdict.severity) == ('fail', 'warning')
    assert (evidence.path, evidence.line) == (CFG, 3)


def test_a_disk_without_partitions_has_nothing_to_grow():
    disk = disks.MemoryDisk(size=disks.MIB)
    verdict = RULE.check(disks.MemoryView(disk, SYSTEM))
    assert verdict.outcome == 'not-applicable'
