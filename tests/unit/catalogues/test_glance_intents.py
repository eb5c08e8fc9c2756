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
import os

import pytest

from image_pipeline.catalogues import glance_intents
from image_pipeline.clouds import images

INTENT = glance_intents.Intent(
    token='t1',
    action='a1',
    kind=glance_intents.PROMOTE,
    host='h',
    process='1.2',
    at='2026-11-21T12:00:00.000000Z',
    former='f',
    fields={'state': 'current', 'reason': 'größer 🎉'},
    protect=True,
)


def image(**properties):
    return images.Image(
        id='i',
        name='x',
        status='active',
        visibility='private',
        properties=properties,
    )


def test_intent_is_read_as_it_was_written():
    found = glance_intents.of(image(**{INTENT.key: INTENT.to_json()}))
    assert found == [INTENT]


def test_intent_is_plain_ascii_for_glance_refuses_long_characters():
    assert INTENT.to_json().isascii()


@pytest.mark.parametrize(
    'value', ['', 'x', '[]', '{}', '{"fields": 3}', '{"unknown": 1}']
)
def test_damaged_intent_says_only_that_somebody_is_at_it(value):
    (found,) = glance_intents.of(image(image_pipeline_swap_t9=value))
    assert (found.token, found.kind, found.fields) == ('t9', '', {})


def test_only_fields_of_the_state_come_from_an_intent():
    said = dataclasses.replace(
        INTENT, fields={'state': 'current', 'name': 'evil'}
    )
    (found,) = glance_intents.of(image(**{said.key: said.to_json()}))
    assert dict(found.fields) == {'state': 'current'}


def test_helper_has_the_greater_rank():
    helper = dataclasses.replace(INTENT, token='a', helper=True)
    assert helper.rank > INTENT.rank
    assert dataclasses.replace(INTENT, token='t2').rank > INTENT.rank


def test_damaged_handover_has_nothing_to_go_back_to():
    found = glance_intents.handovers(
        image(
            image_pipeline_handover_a='{"state": "current"}',
            image_pipeline_handover_b='x',
        )
    )
    assert found == {'a': {'state': 'current'}, 'b': {}}


def test_own_process_lives_and_others_do_not():
    assert glance_intents.process_lives(glance_intents.own_process())
    # The same number at another time is another process.
    assert not glance_intents.process_lives(f'{os.getpid()}.1')
    for nobody in ('', '.', 'x.1', f'{2**30}.1'):
        assert not glance_intents.process_lives(nobody)


def test_tokens_differ():
    assert glance_intents.token() != glance_intents.token()
