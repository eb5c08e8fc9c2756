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

import dataclasses
import inspect

import pytest

from image_pipeline.probes import base
from image_pipeline.testing.conformance import probe as conformance

# What a mistake in a probe makes fail.


def zone(answer, expected):
    found = answer.text.strip()
    if not found:
        return base.unknown('the guest has no date')
    return base.compared(f'the clock is at {found}', found == '+0000', 'UTC')


CLOCK = base.Probe(
    id='OUR-CLOCK-01',
    title='the clock shows UTC',
    snippet='date +%z\n',
    judge=zone,
)
GOOD = {'OUR-CLOCK-01': '+0000\n'}
DEFECTS = (('OUR-CLOCK-01', '+0100\n', 'fail', '+0100'),)


def failing(probe=CLOCK, good=GOOD, defects=DEFECTS, probes=None):
    """The tests of the contract that a probe does not pass."""
    members = {'probes': probes or (probe,), 'good': good, 'defects': defects}
    one = type('Conformance', (conformance.ProbeConformance,), members)()
    found = set()
    for name in dir(one):
        if not name.startswith('test_'):
            continue
        test = getattr(one, name)
        wanted = inspect.signature(test).parameters
        every = [{}]
        for key, values in (
            ('probe', one.probes),
            ('defect', one.defects),
            ('nonsense', range(len(conformance.NONSENSE))),
        ):
            if key in wanted:
                every = [
                    given | {key: value} for given in every for value in values
                ]
        for given in every:
            try:
                test(**given)
            except Exception:
                found.add(name)
    return found


def changed(**members):
    return dataclasses.replace(CLOCK, **members)


def raises(answer, expected):
    raise RuntimeError


def silent(answer, expected):
    return base.passed()


def counting():
    seen = []

    def judge(answer, expected):
        seen.append(answer)
        return base.passed(f'asked {len(seen)} times')

    return judge


def test_sound_probe_passes_every_test():
    assert failing() == set()


@pytest.mark.parametrize(
    ('probe', 'test'),
    [
        (changed(title='Clock.'), 'test_id_and_title_fit'),
        (changed(title='the clock shows UTC\nhere'), 'test_id_and_title_fit'),
        (changed(title='the clock shows UTC.'), 'test_id_and_title_fit'),
        (changed(snippet='date'), 'test_snippet_is_short'),
        (changed(snippet='#' * 2000 + '\n'), 'test_snippet_is_short'),
        (
            changed(snippet='END_OF_IMAGE_PIPELINE_FILE\n'),
            'test_snippet_is_short',
        ),
        (changed(snippet='[[ -e /x ]]\n'), 'test_snippet_is_for_any_posix'),
        (changed(snippet='cat <<<$x\n'), 'test_snippet_is_for_any_posix'),
        (changed(judge=raises), 'test_nonsense_is_never'),
        (changed(judge=silent), 'test_good_answer_passes'),
        (changed(judge=silent), 'test_nonsense_is_never'),
        (changed(judge=silent), 'test_defect_is_told'),
        (changed(judge=counting()), 'test_judge_says_the_same'),
    ],
)
def test_mistake_in_a_probe_is_found(probe, test):
    assert any(name.startswith(test) for name in failing(probe))


def test_id_that_is_none_is_found():
    wrong = changed(id='clock')
    found = failing(
        wrong,
        good={'clock': '+0000\n'},
        defects=(('clock', '+0100\n', 'fail', '+0100'),),
    )
    assert found == {'test_id_and_title_fit_frames_and_reports'}


def test_probe_without_a_defect_is_found():
    assert failing(defects=()) == {'test_every_probe_is_tested_with_a_defect'}


def test_two_probes_of_one_id_are_found():
    found = failing(probes=(CLOCK, CLOCK), defects=())
    assert 'test_ids_are_of_one_probe_each' in found
