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

from typing import ClassVar

import pytest

from image_pipeline import artifact
from image_pipeline.probes import base, identity
from image_pipeline.testing import guest_answers
from image_pipeline.testing.conformance import probe as conformance

Outcome = artifact.Outcome


#: What every guest has, and what only some do.
EVERY = {'machine_id': 'a', 'host_key': 'b', 'random_seed': 'c'}
SOME = {'service_key': 'd', 'client_id': 'e'}


def boot(**facts: str) -> base.ProbeResult:
    return base.ProbeResult(
        probe=identity.ID,
        title='',
        outcome=Outcome.PASS,
        facts={name.replace('_', '-'): value for name, value in facts.items()},
    )


def outcomes(*boots: base.ProbeResult) -> dict[str, artifact.Outcome]:
    return {one.probe: one.outcome for one in identity.compare(boots)}


def test_different_identities_pass() -> None:
    found = outcomes(
        boot(**EVERY, **SOME),
        boot(**{name: value + '2' for name, value in (EVERY | SOME).items()}),
    )
    assert set(found.values()) == {Outcome.PASS}
    assert set(found) == set(identity.COMPARED)
    assert set(found) == {'HYG-01', 'HYG-02', 'HYG-03', 'HYG-04', 'HYG-06'}


@pytest.mark.parametrize(
    ('same', 'rule'),
    [
        ('machine_id', 'HYG-03'),
        ('host_key', 'HYG-01'),
        ('random_seed', 'HYG-04'),
        ('service_key', 'HYG-02'),
        ('client_id', 'HYG-06'),
    ],
)
def test_identity_that_two_boots_share_fails(same: str, rule: str) -> None:
    first = EVERY | SOME
    second = {name: value + '2' for name, value in first.items()}
    found = outcomes(boot(**first), boot(**second | {same: first[same]}))
    assert found.pop(rule) is Outcome.FAIL
    assert set(found.values()) == {Outcome.PASS}


def test_one_shared_host_key_of_several_fails_and_is_named() -> None:
    results = identity.compare(
        [
            base.ProbeResult(
                probe=identity.ID,
                title='',
                outcome=Outcome.PASS,
                facts={'host-key.rsa': 'same', 'host-key.ed25519': unique},
            )
            for unique in ('1', '2')
        ]
    )
    (keys,) = [one for one in results if one.probe == 'HYG-01']
    assert keys.outcome is Outcome.FAIL
    assert [one.message for one in keys.evidence] == [
        'rsa is the same in two boots'
    ]


def test_single_boot_proves_nothing() -> None:
    found = outcomes(boot(machine_id='a', host_key='b', random_seed='c'))
    assert set(found.values()) == {Outcome.UNKNOWN}


def test_boot_without_host_keys_proves_nothing() -> None:
    found = outcomes(
        boot(machine_id='a', random_seed='c'),
        boot(machine_id='b', host_key='x', random_seed='d'),
    )
    assert found['HYG-01'] is Outcome.UNKNOWN


def test_guest_that_keeps_no_seed_shares_none() -> None:
    found = outcomes(
        boot(machine_id='a', host_key='c'), boot(machine_id='b', host_key='d')
    )
    assert found['HYG-04'] is Outcome.NOT_APPLICABLE


@pytest.mark.parametrize('rule', ['HYG-02', 'HYG-04', 'HYG-06'])
def test_identity_that_no_boot_has_need_not_differ(rule: str) -> None:
    found = outcomes(
        boot(machine_id='a', host_key='b'), boot(machine_id='1', host_key='2')
    )
    assert found[rule] is Outcome.NOT_APPLICABLE


def test_identity_that_one_boot_of_two_has_tells_nothing() -> None:
    found = outcomes(boot(**EVERY, client_id='a'), boot(**EVERY))
    assert found['HYG-06'] is Outcome.NOT_APPLICABLE


def test_difference_contradicts_no_audit_that_found_an_identity() -> None:
    results = identity.compare([boot(**EVERY), boot(**EVERY)])
    assert not any(one.refutes for one in results)


class TestProbe(conformance.ProbeConformance):
    probes = (identity.PROBE,)
    good = guest_answers.recorded()
    defects: ClassVar = [
        ('LIVE-IDENTITY', 'machine-id=\n', 'fail', 'empty'),
    ]


def told(**facts: str) -> base.ProbeResult:
    return base.ProbeResult(
        probe=identity.ID,
        title='',
        outcome=artifact.Outcome.PASS,
        facts={name.replace('_', '-'): value for name, value in facts.items()},
    )


def test_instance_that_keeps_its_identity_passes() -> None:
    before = told(machine_id='a', random_seed='b')
    # A seed is new at each boot, and must be.
    after = told(machine_id='a', random_seed='c')
    assert identity.kept(before, after).outcome is artifact.Outcome.PASS


def test_instance_that_changes_its_identity_fails() -> None:
    found = identity.kept(told(machine_id='a'), told(machine_id='b'))
    assert found.outcome is artifact.Outcome.FAIL
    assert 'machine-id' in found.evidence[0].message


def test_identity_that_was_not_told_is_unknown() -> None:
    outcomes = {
        identity.kept(before, after).outcome
        for before, after in (
            (None, told(machine_id='a')),
            (told(machine_id='a'), None),
            (told(), told()),
        )
    }
    assert outcomes == {artifact.Outcome.UNKNOWN}
