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

from image_pipeline import artifact
from image_pipeline.probes import base, disagreement

Outcome = artifact.Outcome
Severity = artifact.Severity


def probed(outcome: Outcome, **given: object) -> base.ProbeResult:
    return base.ProbeResult(
        probe='OUR-01',
        title='',
        outcome=outcome,
        evidence=(artifact.Evidence(message='seen in the guest'),),
        **given,  # type: ignore[arg-type]
    )


def audited(outcome: Outcome, severity: str = 'error') -> dict[str, object]:
    return {
        'rule': 'OUR-01',
        'severity': severity,
        'outcome': outcome.value,
        'evidence': [{'message': 'seen in the file', 'path': '/etc/x'}],
    }


def found(audit: dict[str, object], *probes: base.ProbeResult):
    return disagreement.find([audit], probes)


def test_pass_of_the_audit_and_failure_of_the_probe_disagree():
    (one,) = found(audited(Outcome.PASS), probed(Outcome.FAIL))
    assert str(one) == (
        'OUR-01: the audit says pass, the probe fail: seen in the guest'
    )


@pytest.mark.parametrize('outcome', [Outcome.FAIL, Outcome.WAIVED])
def test_failure_of_the_audit_and_pass_of_the_probe_disagree(outcome):
    (one,) = found(audited(outcome), probed(Outcome.PASS))
    assert (one.audit, one.probe) == (outcome, Outcome.PASS)
    assert one.evidence == ('/etc/x: seen in the file',)


@pytest.mark.parametrize(
    ('audit', 'probe'),
    [
        (Outcome.PASS, Outcome.PASS),
        (Outcome.FAIL, Outcome.FAIL),
        (Outcome.WAIVED, Outcome.FAIL),
        (Outcome.UNKNOWN, Outcome.FAIL),
        (Outcome.UNKNOWN, Outcome.PASS),
        (Outcome.NOT_APPLICABLE, Outcome.FAIL),
        (Outcome.NOT_APPLICABLE, Outcome.PASS),
        (Outcome.PASS, Outcome.UNKNOWN),
        (Outcome.FAIL, Outcome.UNKNOWN),
        (Outcome.PASS, Outcome.NOT_APPLICABLE),
        (Outcome.FAIL, Outcome.NOT_APPLICABLE),
        # Somebody knows of it, and has said why.
        (Outcome.PASS, Outcome.WAIVED),
    ],
)
def test_what_says_the_same_or_nothing_does_not_disagree(audit, probe):
    assert found(audited(audit), probed(probe)) == ()


def test_probe_that_failed_in_one_boot_of_two_failed():
    boots = probed(Outcome.PASS), probed(Outcome.FAIL)
    (one,) = found(audited(Outcome.PASS), *boots)
    assert one.probe is Outcome.FAIL
    assert found(audited(Outcome.FAIL), *boots) == ()


def test_boot_to_which_a_probe_does_not_apply_does_not_count():
    boots = probed(Outcome.NOT_APPLICABLE), probed(Outcome.PASS)
    (one,) = found(audited(Outcome.FAIL), *boots)
    assert one.probe is Outcome.PASS


def test_boot_of_which_nothing_is_known_leaves_it_open():
    boots = probed(Outcome.UNKNOWN), probed(Outcome.PASS)
    assert found(audited(Outcome.FAIL), *boots) == ()


def test_probe_that_sees_less_than_the_rule_does_not_contradict_it():
    narrow = probed(Outcome.PASS, refutes=False)
    assert found(audited(Outcome.FAIL), narrow) == ()
    # What it does see counts.
    broken = probed(Outcome.FAIL, refutes=False)
    assert len(found(audited(Outcome.PASS), broken)) == 1


def test_lesser_finding_of_a_rule_is_not_what_the_probe_looks_for():
    assert found(audited(Outcome.FAIL, 'info'), probed(Outcome.PASS)) == ()
    hint = probed(Outcome.PASS, severity=Severity.INFO)
    assert len(found(audited(Outcome.FAIL, 'info'), hint)) == 1


def test_rules_without_a_probe_and_probes_without_a_rule_are_passed_over():
    other = audited(Outcome.PASS) | {'rule': 'OUR-02'}
    assert found(other, probed(Outcome.FAIL)) == ()
