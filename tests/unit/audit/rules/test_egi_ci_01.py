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

RULE = registry.get('EGI-CI-01')
ETC, LIB = '/etc/systemd/system', '/usr/lib/systemd/system'
CFG, D = '/etc/cloud/cloud.cfg', '/etc/cloud/cloud.cfg.d'
GENERATOR = '/usr/lib/systemd/system-generators/cloud-init-generator'
IDENTIFY = '/usr/lib/cloud-init/ds-identify'
TARGET = f'{LIB}/cloud-init.target'
UNITS = ('cloud-init-local', 'cloud-init', 'cloud-config', 'cloud-final')
MODULES = 'cloud_init_modules: [ssh]\n'


def stage(name):
    path = f'{LIB}/{name}.service'
    return {
        path: '[Service]\n',
        f'{ETC}/cloud-init.target.wants/{name}.service': disks.Link(path),
    }


BASE = {
    '/usr/lib/systemd/systemd': 'ELF',
    '/usr/bin/cloud-init': '#!/usr/bin/python3',
    GENERATOR: '#!/bin/sh',
    IDENTIFY: '#!/bin/sh',
    TARGET: '[Unit]\n',
    CFG: MODULES,
}
SYSTEM = BASE | {k: v for name in UNITS for k, v in stage(name).items()}
NEW = BASE | {
    k: v
    for name in (
        'cloud-init-main',
        'cloud-init-local',
        'cloud-init-network',
        'cloud-config',
        'cloud-final',
    )
    for k, v in stage(name).items()
}


def check(content):
    disk = disks.MemoryDisk(disks.gpt_disk([]))
    return RULE.check(disks.MemoryView(disk, content))


def without(content, *paths):
    return {k: v for k, v in content.items() if k not in paths}


@pytest.mark.parametrize(
    'content',
    [
        SYSTEM,
        NEW,
        without(SYSTEM, GENERATOR, IDENTIFY)
        | {
            f'{LIB}/default.target': '[Unit]\n',
            f'{ETC}/default.target.wants/cloud-init.target': disks.Link('x'),
        },
        SYSTEM | {f'{D}/README': 'no: [yaml'},
    ],
)
def test_cloud_init_with_all_its_stages_passes(content):
    assert check(content).outcome == 'pass'


@pytest.mark.parametrize(
    ('content', 'path', 'message'),
    [
        (without(SYSTEM, '/usr/bin/cloud-init'), None, 'nothing reads'),
        (
            SYSTEM | {'/etc/cloud/cloud-init.disabled': ''},
            '/etc/cloud/cloud-init.disabled',
            'turned off',
        ),
        (
            SYSTEM | {'/boot/grub/grub.cfg': 'linux /v cloud-init=disabled'},
            '/boot/grub/grub.cfg',
            'turned off',
        ),
        (
            SYSTEM | {f'{ETC}/cloud-final.service': disks.Link('/dev/null')},
            f'{ETC}/cloud-final.service',
            'masked',
        ),
        (
            without(
                SYSTEM, f'{ETC}/cloud-init.target.wants/cloud-config.service'
            ),
            f'{LIB}/cloud-config.service',
            'not enabled',
        ),
        (
            without(
                NEW, f'{ETC}/cloud-init.target.wants/cloud-init-main.service'
            ),
            f'{LIB}/cloud-init-main.service',
            'not enabled',
        ),
        (
            without(SYSTEM, *stage('cloud-init-local')),
            None,
            'cloud-init-local.service is missing',
        ),
        (
            SYSTEM | {f'{ETC}/cloud-init.target': disks.Link('/dev/null')},
            f'{ETC}/cloud-init.target',
            'masked',
        ),
        (without(SYSTEM, GENERATOR), None, 'nothing starts'),
        (without(SYSTEM, IDENTIFY), None, 'nothing starts'),
        (SYSTEM | {CFG: 'a: [\n'}, CFG, 'is no YAML'),
        (SYSTEM | {CFG: 'a: 1\n'}, None, 'told to do nothing'),
        (without(SYSTEM, CFG), None, 'told to do nothing'),
    ],
)
def test_what_keeps_cloud_init_from_running_is_told(content, path, message):
    verdict = check(content)
    assert (verdict.outcome, verdict.severity) == ('fail', None)
    assert verdict.evidence[0].path == path
    assert message in verdict.evidence[0].message


def test_a_drop_in_that_is_no_yaml_is_a_warning_with_its_line():
    verdict = check(SYSTEM | {f'{D}/90.cfg': 'a: 1\nb: "\n'})
    (evidence,) = verdict.evidence
    assert (verdict.outcome, verdict.severity) == ('fail', 'warning')
    assert evidence.path == f'{D}/90.cfg'
    assert evidence.line


@pytest.mark.parametrize(
    'agent', ['/usr/bin/glean', '/usr/bin/ignition', '/usr/sbin/one-contextd']
)
def test_another_agent_does_it_as_well(agent):
    content = without(SYSTEM, '/usr/bin/cloud-init') | {agent: 'ELF'}
    assert check(content).outcome == 'not-applicable'


def test_another_init_is_not_known():
    assert check({'/usr/bin/cloud-init': '', CFG: MODULES}).outcome == (
        'unknown'
    )
