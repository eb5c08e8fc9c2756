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

from image_pipeline import artifact, exceptions
from image_pipeline.audit import mending, profile, report, rule, waiver
from image_pipeline.disk import edits
from image_pipeline.testing import images


class Tidy01(rule.Rule):
    """There is no /etc/untidy."""

    id = 'TIDY-01'
    severity = rule.Severity.WARNING
    statement = 'there is no /etc/untidy'
    rationale = 'It is untidy.'
    source = 'us'
    remedy = 'remove it'
    fix = rule.Fix.YES

    def find(self, subject, options):
        if subject.files.exists('/etc/untidy'):
            yield rule.Finding(evidence=artifact.Evidence(message='it is'))

    def mend(self, subject, options):
        yield edits.Write(path='/etc/untidy', content=b'two\n')
        yield edits.Remove(path='/etc/untidy')
        yield edits.Remove(path='/etc/untidy')


class Build01(Tidy01):
    """Only a build can mend it."""

    id = 'BUILD-01'
    fix = rule.Fix.BUILD_ONLY


VIEW = images.in_memory({'/etc/untidy': 'one\n'})


def wanted(*rules, waivers=(), done=(), view=VIEW):
    chosen = profile.Profile(
        name='x',
        description='x',
        chosen=tuple(profile.Chosen(rule=one) for one in rules),
    )
    return list(
        mending._wanted(view, chosen, tuple(waivers), Path('x'), list(done))
    )


def test_rule_that_failed_is_mended_and_each_change_is_made_once():
    first, second = wanted(Tidy01())
    assert (first.rule, str(second.edit)) == (
        'TIDY-01',
        'remove /etc/untidy',
    )
    assert '-one\n+two\n' in first.diff
    assert wanted(Tidy01(), done=[first, second]) == []


def test_rule_that_passes_is_left_alone():
    assert wanted(Tidy01(), view=images.in_memory()) == []


def test_what_only_a_build_can_mend_is_left_alone():
    assert wanted(Build01()) == []


def test_what_is_waived_is_left_alone():
    one = waiver.Waiver(
        rule='TIDY-01',
        reason='we like it',
        expires=datetime.date(9999, 1, 1),
    )
    assert wanted(Tidy01(), waivers=[one]) == []


def test_change_of_what_is_no_text_has_no_diff():
    view = images.in_memory({'/etc/untidy': b'\0'})
    assert wanted(Tidy01(), view=view)[0].diff == ''


class Line01(Tidy01):
    """Somebody else's line of the same file."""

    id = 'LINE-01'

    def mend(self, subject, options):
        said = subject.files.read_text('/etc/untidy')
        yield edits.Write(path='/etc/untidy', content=f'{said}more\n'.encode())


class Folder01(Tidy01):
    """The folder above it."""

    id = 'FOLDER-01'

    def mend(self, subject, options):
        yield edits.Remove(path='/etc/untidy/below')


def test_second_change_of_a_file_waits_until_the_first_is_made():
    first = wanted(Line01(), Tidy01())
    assert {one.rule for one in first} == {'LINE-01'}
    later = wanted(Line01(), Tidy01(), done=first)
    assert {one.rule for one in later} == {'TIDY-01'}
    assert {one.rule for one in wanted(Tidy01(), Folder01())} == {'TIDY-01'}
    assert {one.rule for one in wanted(Folder01(), Tidy01())} == {'FOLDER-01'}


def result(rule_id, outcome, severity):
    return report.Result(
        rule=rule_id,
        outcome=artifact.Outcome(outcome),
        severity=rule.Severity(severity),
        statement='it is so',
        evidence=(),
        remedy='',
    )


def judged(*results):
    return report.Report(
        image=Path('x'),
        format='raw',
        virtual_size=1,
        profile='x',
        results=tuple(result(*one) for one in results),
    )


def test_what_became_worse_is_told():
    mended = mending.Mended(
        before=judged(
            ('A-01', 'fail', 'warning'),
            ('B-01', 'pass', 'error'),
            ('C-01', 'fail', 'info'),
            ('D-01', 'pass', 'error'),
        ),
        after=judged(
            ('A-01', 'fail', 'error'),
            ('B-01', 'fail', 'info'),
            ('C-01', 'fail', 'info'),
            ('D-01', 'unknown', 'error'),
        ),
        changes=(),
    )
    assert mended.worse == ('A-01', 'B-01')
    assert mended.to_json()['fixed']['worse'] == ['A-01', 'B-01']


def test_file_that_cannot_be_read_is_left_to_the_report():
    class Torn01(Tidy01):
        """It stumbles over a damaged file."""

        id = 'TORN-01'

        def mend(self, subject, options):
            yield edits.Remove(path='/etc/untidy')
            raise exceptions.ImageUnreadable('inode 12 is damaged')

    assert [str(one.edit) for one in wanted(Torn01())] == [
        'remove /etc/untidy'
    ]
