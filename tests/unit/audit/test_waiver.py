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

from image_pipeline import exceptions
from image_pipeline.audit import waiver

KNOWN = ['EGI-LAYOUT-05', 'EGI-LAYOUT-11']
TODAY = datetime.date(2026, 11, 21)


@pytest.fixture
def write(tmp_path):
    def write_it(text: str) -> Path:
        path = tmp_path / 'waivers.yaml'
        path.write_text('version: 1\nwaivers:\n' + text)
        return path

    return write_it


def problems(path: Path) -> tuple[exceptions.Problem, ...]:
    with pytest.raises(exceptions.InvalidInput) as caught:
        waiver.load(path, KNOWN, TODAY)
    return caught.value.problems


def test_waiver_covers_its_rule_and_the_images_it_names(write):
    (found,) = waiver.load(
        write(
            '- rule: EGI-LAYOUT-05\n'
            '  reason: vendor layout\n'
            '  expires: 2026-11-21\n'
            '  image: "rocky-*"\n'
        ),
        KNOWN,
        TODAY,
    )
    assert found.expires == TODAY
    assert found.covers('EGI-LAYOUT-05', Path('/a/rocky-9.qcow2'))
    assert not found.covers('EGI-LAYOUT-05', Path('debian.qcow2'))
    assert not found.covers('EGI-LAYOUT-11', Path('rocky-9.qcow2'))


def test_waiver_that_expired_is_refused_at_its_line(write):
    path = write('- {rule: EGI-LAYOUT-05, reason: old, expires: 2026-11-20}\n')
    (problem,) = problems(path)
    assert 'expired on 2026-11-20' in problem.message
    assert problem.line == 3
    assert problem.path == 'waivers[0].expires'


@pytest.mark.parametrize(
    ('text', 'path', 'message'),
    [
        (
            '- {rule: EGI-LAYOUT-05, expires: 2027-01-01}',
            'waivers[0]',
            '"reason" is missing',
        ),
        (
            '- {rule: EGI-LAYOUT-05, reason: " ", expires: 2027-01-01}',
            'waivers[0].reason',
            '" " does not match',
        ),
        (
            '- {rule: EGI-LAYOUT-05, reason: x}',
            'waivers[0]',
            '"expires" is missing',
        ),
        (
            '- {rule: EGI-LAYOUT-05, reason: x, expires: never}',
            'waivers[0].expires',
            '"never" does not match',
        ),
        (
            '- {rule: EGI-LAYOUT-05, reason: x, expires: 2027-02-30}',
            'waivers[0].expires',
            '2027-02-30 is no date',
        ),
        (
            '- {rule: EGI-LAYOUT-55, reason: x, expires: 2027-01-01}',
            'waivers[0].rule',
            'there is no rule EGI-LAYOUT-55',
        ),
        (
            '- {rule: EGI-LAYOUT-05, reason: x, expires: 2027-01-01, a: 1}',
            'waivers[0]',
            'unknown key "a"',
        ),
    ],
    ids=[
        'no reason', 'empty reason', 'no date', 'not a date', 'no such day',
        'no such rule', 'a key too much',
    ],
)  # fmt: skip
def test_waiver_that_is_not_whole_is_refused(write, text, path, message):
    (problem,) = problems(write(text + '\n'))
    assert problem.path == path
    assert problem.message.startswith(message)
    assert problem.line == 3


def test_all_problems_are_given_at_once(write):
    path = write(
        '- {rule: NO-RULE, reason: x, expires: 2020-01-01}\n'
        '- {rule: EGI-LAYOUT-05, reason: x, expires: 2020-01-01}\n'
    )
    assert len(problems(path)) == 3
