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

RULE = registry.get('EGI-CI-04')
LIST, POLICY = '/etc/cloud/cloud.cfg', '/etc/cloud/ds-identify.cfg'
ARM = b'\x7fELF\2\1\1'.ljust(16, b'\0') + b'\2\0\xb7\0'
PC = b'\x7fELF\2\1\1'.ljust(16, b'\0') + b'\2\0\x3e\0'
SYSTEM = {
    '/usr/bin/cloud-init': '#!',
    '/usr/lib/cloud-init/ds-identify': '#!',
    '/usr/bin/bash': ARM,
    LIST: 'datasource_list: [ ConfigDrive, OpenStack, None ]\n',
}


def check(content, **options):
    disk = disks.MemoryDisk(disks.gpt_disk([]))
    return RULE.check(disks.MemoryView(disk, SYSTEM | content), options)


@pytest.mark.parametrize(
    ('content', 'options'),
    [
        ({'/usr/bin/bash': PC}, {}),
        ({LIST: 'datasource_list: [ OpenStack ]\n'}, {}),
        ({POLICY: 'policy: search,maybe=all\n'}, {}),
        ({POLICY: 'policy: search,notfound=enabled\n'}, {}),
        ({POLICY: 'policy: enabled\n'}, {}),
        ({POLICY: 'datasource: OpenStack\n'}, {}),
        ({}, {'config_drive': True}),
    ],
)
def test_what_is_found_anyhow_passes(content, options):
    assert check(content, **options).outcome == 'pass'


def test_a_maybe_that_counts_for_nothing_is_told():
    verdict = check({})
    (evidence,) = verdict.evidence
    assert (verdict.outcome, verdict.severity) == ('fail', None)
    assert (evidence.path, evidence.line) == (LIST, 1)
    assert 'aarch64' in evidence.message


@pytest.mark.parametrize('program', [PC, ARM])
def test_a_policy_that_turns_it_off_is_an_error(program):
    verdict = check({'/usr/bin/bash': program, POLICY: 'policy: disabled\n'})
    (evidence,) = verdict.evidence
    assert (verdict.outcome, verdict.severity) == ('fail', 'error')
    assert (evidence.path, evidence.line) == (POLICY, 1)


def test_without_a_program_the_machine_is_not_known():
    assert check({'/usr/bin/bash': '#!'}).outcome == 'unknown'


@pytest.mark.parametrize('path', list(SYSTEM)[:2])
def test_without_ds_identify_there_is_nothing_to_say(path):
    disk = disks.MemoryDisk(disks.gpt_disk([]))
    content = {k: v for k, v in SYSTEM.items() if k != path}
    verdict = RULE.check(disks.MemoryView(disk, content))
    assert verdict.outcome == 'not-applicable'
