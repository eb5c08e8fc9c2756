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
from image_pipeline.audit import registry
from image_pipeline.testing import mutations

RULE = registry.get('META-04')
STATE = artifact.ImageState
HIDDEN = {'hidden': True}


def check(properties=None, record=None, others=(), **options):
    return RULE.check(
        mutations.registered(properties or {}, record or {}, others), options
    )


@pytest.mark.parametrize(
    'record',
    [
        {},
        HIDDEN | {'state': STATE.PREVIOUS},
        HIDDEN | {'state': STATE.RETIRED},
        HIDDEN | {'state': STATE.REJECTED, 'name': 'sound.candidate-x'},
        HIDDEN
        | {
            'state': STATE.CANDIDATE,
            'visibility': 'private',
            'name': 'sound.candidate-x',
        },
    ],
)
def test_image_in_its_place_passes(record):
    assert check(record=record).outcome == 'pass'


@pytest.mark.parametrize(
    ('record', 'said'),
    [
        (HIDDEN, 'the current image is hidden'),
        ({'name': 'sound.candidate-x'}, 'is called sound.candidate-x'),
        ({'state': STATE.PREVIOUS}, 'it is previous, and listings show it'),
        ({'state': STATE.REJECTED}, 'it is rejected'),
        (HIDDEN | {'state': STATE.CANDIDATE}, 'a candidate is public'),
    ],
)
def test_image_out_of_its_place_is_told(record, said):
    verdict = check(record=record)
    assert (verdict.outcome, verdict.severity) == ('fail', None)
    assert said in verdict.evidence[0].message


@pytest.mark.parametrize(
    ('properties', 'said'),
    [
        ({'provided_until': '2020-01-31'}, 'provided_until is over'),
        ({'maintained_until': '2020-01-31'}, 'maintained_until is over'),
        (
            {
                'replace_frequency': 'daily',
                'image_build_date': '2020-01-31 12:00:00',
            },
            'it was built on 2020-01-31',
        ),
    ],
)
def test_image_that_is_not_replaced_in_time_is_told(properties, said):
    (evidence,) = check(properties).evidence
    assert said in evidence.message


@pytest.mark.parametrize(
    'properties',
    [
        {'provided_until': '9998-01-31'},
        {'provided_until': 'none'},
        {'replace_frequency': 'never', 'image_build_date': '2020-01-31'},
        {'replace_frequency': 'critical_bug'},
        {'replace_frequency': 'daily', 'image_build_date': 'unknown'},
        {'replace_frequency': 'yearly', 'image_build_date': '9999-12-31'},
    ],
)
def test_image_in_time_passes(properties):
    assert check(properties).outcome == 'pass'


GENERIC = {'os_purpose': 'generic'}
OTHER = {'id': 'other', 'name': 'other', 'final_name': 'other'}


@pytest.mark.parametrize(
    ('properties', 'other', 'outcome'),
    [
        (GENERIC, OTHER, 'fail'),
        ({}, OTHER, 'pass'),
        (GENERIC, OTHER | {'hidden': True}, 'pass'),
        (GENERIC, OTHER | {'visibility': 'shared'}, 'pass'),
        (GENERIC, OTHER | {'properties': GENERIC}, 'pass'),
        ({}, {'id': 'other'}, 'fail'),
        (GENERIC, {'hidden': False}, 'pass'),
    ],
    ids=['alike', 'no purpose', 'hidden', 'not public', 'another system',
         'one name', 'itself'],
)  # fmt: skip
def test_there_is_one_public_generic_image_of_a_kind(
    properties, other, outcome
):
    assert check(properties, others=[other]).outcome == outcome


def test_lack_of_a_life_is_a_hint_for_the_current_image_alone():
    unsaid = {'provided_until': None}
    assert check(unsaid).severity == 'info'
    previous = HIDDEN | {'state': STATE.PREVIOUS}
    assert check(unsaid, previous).outcome == 'pass'
    assert check(unsaid, wanted=['vo']).outcome == 'pass'


def test_image_that_is_not_registered_is_not_judged():
    planned = mutations.registered({})
    assert RULE.check(planned).outcome == 'not-applicable'
