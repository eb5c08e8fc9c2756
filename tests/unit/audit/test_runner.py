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

import datetime
from pathlib import Path

import pytest

from image_pipeline import artifact, exceptions
from image_pipeline.audit import (
    profile,
    registry,
    report,
    rule,
    runner,
    subjects,
    waiver,
)
from image_pipeline.testing import disks, listed

EVIDENCE = artifact.Evidence(message='seen', offset=7)


class Fake(rule.Rule):
    """A rule that says what it is told to."""

    id = 'TEST-01'
    severity = rule.Severity.ERROR
    statement = 'nothing is wrong'
    rationale = 'It is a test.'
    source = 'this file'
    remedy = 'mend it'

    def __init__(self, *findings: rule.Finding, then=None) -> None:
        self.findings = findings
        self.then = then

    def find(self, subject, options):
        yield from self.findings
        if self.then is not None:
            raise self.then


FAILS = rule.Finding(evidence=EVIDENCE)
WARNS = rule.Finding(evidence=EVIDENCE, severity=rule.Severity.WARNING)


@pytest.fixture
def image(tmp_path) -> Path:
    path = tmp_path / 'disk.raw'
    path.write_bytes(disks.gpt_disk([]))
    return path


def run(
    image, the_rule, *, severity=None, waivers=(), least='info'
) -> report.Report:
    chosen = profile.Chosen(rule=the_rule, severity=severity)
    one = profile.Profile(
        name='p',
        description='d',
        chosen=(chosen,),
        least=rule.Severity(least),
    )
    return runner.run(image, one, waivers)


def result(image, the_rule, **changes) -> report.Result:
    return run(image, the_rule, **changes).results[0]


def test_rule_that_finds_nothing_passes(image):
    found = result(image, Fake())
    assert found.outcome is artifact.Outcome.PASS
    assert (found.evidence, found.remedy, found.blocks) == ((), '', False)


def test_rule_that_finds_something_fails_and_blocks(image):
    found = result(image, Fake(FAILS))
    assert found.outcome is artifact.Outcome.FAIL
    assert found.evidence == (EVIDENCE,)
    assert found.remedy == 'mend it'
    assert found.blocks


def test_rule_that_cannot_tell_is_unknown_and_blocks(image):
    found = result(image, Fake(then=rule.CannotTell('no files')))
    assert found.outcome is artifact.Outcome.UNKNOWN
    assert found.evidence[0].message == 'no files'
    assert found.blocks


def test_image_damaged_where_a_rule_looks_is_unknown(image):
    damage = exceptions.ImageUnreadable('damaged there')
    assert result(image, Fake(then=damage)).outcome == 'unknown'


def test_what_was_found_before_it_could_not_tell_counts(image):
    found = result(image, Fake(FAILS, then=rule.CannotTell('no files')))
    assert found.outcome is artifact.Outcome.FAIL


def test_rule_that_does_not_apply_blocks_nothing(image):
    found = result(image, Fake(then=rule.NotApplicable('no table')))
    assert found.outcome is artifact.Outcome.NOT_APPLICABLE
    assert not found.blocks


def test_rule_with_a_defect_of_its_own_is_unknown(image):
    found = result(image, Fake(then=KeyError('x')))
    assert found.outcome is artifact.Outcome.UNKNOWN
    assert 'the rule itself failed: KeyError' in found.evidence[0].message


def test_rule_about_a_run_does_not_apply_to_a_file(image):
    class AboutRuns(Fake):
        subject = rule.Subject.RUN

    found = result(image, AboutRuns(FAILS))
    assert found.outcome is artifact.Outcome.NOT_APPLICABLE


@pytest.mark.parametrize(
    ('findings', 'of_profile', 'expected'),
    [
        ((FAILS,), None, 'error'),
        ((WARNS,), None, 'warning'),
        ((WARNS, FAILS), None, 'error'),
        ((FAILS,), 'info', 'info'),
        ((WARNS,), 'error', 'warning'),
        ((WARNS,), 'info', 'info'),
    ],
)
def test_severity_is_the_profiles_but_a_lesser_finding_stays_lesser(
    image, findings, of_profile, expected
):
    severity = rule.Severity(of_profile) if of_profile else None
    found = result(image, Fake(*findings), severity=severity)
    assert found.severity == expected
    assert found.blocks == (expected == 'error')


def test_worst_evidence_comes_first_and_is_bounded(image):
    many = [WARNS] * 30 + [FAILS]
    found = result(image, Fake(*many))
    assert len(found.evidence) == rule.MOST_EVIDENCE + 1
    assert found.evidence[-1].message == 'and 11 more'


@pytest.mark.parametrize(
    'the_rule', [Fake(FAILS), Fake(then=rule.CannotTell('no files'))]
)
def test_waiver_covers_failed_and_unknown_and_gives_its_reason(
    image, the_rule
):
    waived = waiver.Waiver(
        rule='TEST-01', reason='we know', expires=datetime.date(2030, 1, 2)
    )
    found = result(image, the_rule, waivers=[waived])
    assert found.outcome is artifact.Outcome.WAIVED
    assert found.evidence[0].message == 'waived until 2030-01-02: we know'
    assert len(found.evidence) == 2
    assert not found.blocks


def test_waiver_of_a_rule_that_passes_changes_nothing(image):
    waived = waiver.Waiver(
        rule='TEST-01', reason='we know', expires=datetime.date(2030, 1, 2)
    )
    assert result(image, Fake(), waivers=[waived]).outcome == 'pass'


def test_report_has_the_shape_that_is_promised(image):
    value = run(image, Fake(FAILS)).to_json()
    assert value == {
        'image': str(image),
        'format': 'raw',
        'virtual_size': 16 << 20,
        'profile': 'p',
        'summary': {
            'pass': 0,
            'fail': 1,
            'not_applicable': 0,
            'unknown': 0,
            'waived': 0,
        },
        'results': [
            {
                'rule': 'TEST-01',
                'severity': 'error',
                'outcome': 'fail',
                'evidence': [{'message': 'seen', 'offset': 7}],
                'remedy': 'mend it',
            }
        ],
    }


def test_evidence_is_one_line_with_its_place():
    found = artifact.Evidence(
        message='swap', path='/etc/fstab', line=3, data='x none swap'
    )
    assert report.one_line(found) == '/etc/fstab:3: swap (x none swap)'
    assert report.one_line(EVIDENCE) == 'byte 7: seen'


@pytest.mark.parametrize(
    ('findings', 'least', 'outcome'),
    [
        ((FAILS,), 'error', 'fail'),
        ((WARNS, FAILS), 'error', 'fail'),
        ((WARNS,), 'error', 'pass'),
        ((WARNS,), 'warning', 'fail'),
    ],
)
def test_what_is_less_than_the_profile_is_about_passes(
    image, findings, least, outcome
):
    found = result(image, Fake(*findings), least=least)
    assert found.outcome == outcome
    assert bool(found.evidence) == bool(found.remedy) == (outcome == 'fail')


def metadata(**properties):
    chosen = profile.load('egi', registry.rules())
    image = listed.image(properties=properties)
    return runner.run_metadata(
        chosen,
        registered=subjects.RegisteredImageView(
            name='debian-12',
            properties=listed.view(one=image).properties,
        ),
        listed=listed.view(one=image),
        shown_as=Path('cloud', 'x', 'debian-12.qcow2'),
        format_='qcow2',
        virtual_size=0,
    )


def test_metadata_alone_are_judged_by_rules_about_those():
    report = metadata()
    assert {one.rule.partition('-')[0] for one in report.results} >= {
        'CLOUD',
        'META',
    }
    assert not any(one.rule.startswith('EGI-SEC') for one in report.results)
    assert report.failed == ()
    assert report.blocking == ()


def test_what_asks_for_the_image_does_not_apply_to_metadata():
    outcomes = {one.rule: one.outcome for one in metadata().results}
    assert outcomes['META-01'] is artifact.Outcome.NOT_APPLICABLE
    assert outcomes['META-03'] is artifact.Outcome.PASS


def test_values_that_openstack_does_not_know_are_told_without_the_image():
    assert metadata(hw_disk_bus='virtoi').failed == ('META-03',)
