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

"""What the smoke test said of a real image: debian-12, baked once."""

import json
from pathlib import Path
from typing import Any

import pytest

from image_pipeline.probes import registry

pytestmark = pytest.mark.slow


@pytest.fixture
def report(debian_12) -> Any:
    assert debian_12.done.status == 0, debian_12.done.err
    (stage,) = [
        stage
        for stage in debian_12.done.json['stages']
        if stage['stage'].startswith('smoke-test')
    ]
    (made,) = stage['artifacts']
    return json.loads(Path(made['path']).read_text())


def test_image_boots_under_bios_and_uefi_and_answers(report: Any) -> None:
    assert [boot['firmware'] for boot in report['boots']] == ['bios', 'uefi']
    for boot in report['boots']:
        assert boot['diagnosis'] is None
        outcomes = {one['probe']: one['outcome'] for one in boot['probes']}
        assert set(outcomes.values()) <= {'pass', 'not-applicable'}
        assert outcomes['EGI-CI-01'] == outcomes['EGI-GROW-02'] == 'pass'


def test_every_probe_was_asked_and_the_guest_says_how_long_it_took(
    report: Any,
) -> None:
    for boot in report['boots']:
        assert [one['probe'] for one in boot['probes']] == list(
            registry.names()
        )
        assert boot['asking'] > 0


def test_each_firmware_confirms_its_own_rule(report: Any) -> None:
    said = {
        boot['firmware']: {
            one['probe']: one['outcome'] for one in boot['probes']
        }
        for boot in report['boots']
    }
    assert said['bios']['BOOT-01'] == said['uefi']['BOOT-02'] == 'pass'
    assert said['uefi']['BOOT-01'] == 'not-applicable'


def test_audit_and_guests_agree(debian_12: Any, report: Any) -> None:
    assert any(
        made['kind'] == 'audit-report'
        for stage in debian_12.done.json['stages']
        for made in stage['artifacts']
    )
    assert report['disagreements'] == []


def test_two_boots_have_their_own_identities(report: Any) -> None:
    outcomes = {one['probe']: one['outcome'] for one in report['identity']}
    # Whether networkd has its lease by then is for the network to say.
    assert outcomes.pop('HYG-06') in {'pass', 'not-applicable'}
    assert outcomes == {
        'HYG-01': 'pass',
        # It has no service with a key of its own.
        'HYG-02': 'not-applicable',
        'HYG-03': 'pass',
        'HYG-04': 'pass',
    }


def test_consoles_are_kept_with_the_run_s_logs(debian_12) -> None:
    logs = debian_12.pipeline.state_dir.glob(
        'runs/*/logs/smoke-test@local.*.console.log'
    )
    found = {path.name.split('.')[-3]: path.read_bytes() for path in logs}
    assert found.keys() == {'bios', 'uefi'}
    assert all(b'Linux version' in text for text in found.values())
