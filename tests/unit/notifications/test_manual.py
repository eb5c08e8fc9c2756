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

"""The manual's page of notifications says what the code does."""

import dataclasses
import json
import re
from pathlib import Path

import pytest

from image_pipeline.engine import images
from image_pipeline.notifications import listen, payloads
from image_pipeline.testing import fakes

PAGE = (
    Path(__file__).parents[3] / 'doc/source/reference/notifications.rst'
).read_text()
CLASSES = {
    one.__name__: one
    for one in (
        payloads.RunPayload,
        payloads.StagePayload,
        payloads.ImagePayload,
    )
}
EXAMPLES = [
    json.loads(block)
    for block in re.findall(
        r'\.\. code-block:: json\n\n((?:   .*\n|\n)+)', PAGE
    )
]


def section(title):
    """Return what stands below a title."""
    return re.split(r'\n.+\n=+\n', PAGE.split(f'\n{title}\n=')[1])[0]


def test_there_is_an_example_of_every_payload():
    assert [one['payload']['name'] for one in EXAMPLES] == list(CLASSES)


@pytest.mark.parametrize('example', EXAMPLES, ids=list(CLASSES))
def test_an_example_is_what_would_be_sent(example):
    payload = example['payload']
    made = CLASSES[payload['name']](**payload['data'])
    assert made.to_json() == payload
    assert list(payload['data']) == list(made.to_json()['data'])
    phase = payloads.Phase(example['event_type'].rpartition('.')[2])
    make = {
        'RunPayload': payloads.of_run,
        'StagePayload': payloads.of_stage,
        'ImagePayload': payloads.of_image,
    }[payload['name']]
    told = make(phase, made)
    assert told.event_type == example['event_type']
    assert told.priority == example['priority']


@pytest.mark.parametrize('example', EXAMPLES, ids=list(CLASSES))
def test_an_example_has_what_a_listener_hears(example):
    fields = {field.name for field in dataclasses.fields(listen.Heard)}
    assert fields == set(example)


@pytest.mark.parametrize('name', list(CLASSES))
def test_every_field_is_explained_in_its_order(name):
    explained = re.findall(r'^``(\w+)``$', section(name), re.MULTILINE)
    fields = [field.name for field in dataclasses.fields(CLASSES[name])]
    assert explained == fields


def test_every_event_type_is_listed():
    listed = re.findall(
        r'``([\w.]+\.(?:start|end|error))``', section('Event types')
    )
    assert [f'image_pipeline.{one}' for one in listed] == list(
        payloads.event_types()
    )


def test_the_images_of_a_run_are_those_that_bake_prints(image_record):
    (image,) = EXAMPLES[0]['payload']['data']['images']
    assert list(image) == list(images.to_json(image_record, fakes.target()))


@pytest.fixture
def image_record():
    from image_pipeline import artifact

    return artifact.ImageRecord(
        id='1',
        name='debian-12',
        final_name='debian-12',
        state=artifact.ImageState.CURRENT,
        sha256='0',
        sha512='0',
        size=1,
        virtual_size=1,
        format='qcow2',
        visibility='private',
        hidden=False,
        created_at='2026-01-01T00:00:00Z',
    )
