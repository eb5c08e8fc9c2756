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
from image_pipeline.notifications import payloads

STAGE = payloads.StagePayload(
    run='run-1',
    recipe='debian-12',
    step='audit.qcow2',
    stage='audit',
    target=None,
    format='qcow2',
    state=artifact.StepState.RUNNING,
    reason='it never ran',
)


def test_a_payload_has_a_name_a_version_and_data():
    value = STAGE.to_json()
    assert value.pop('data')['state'] == 'running'
    assert value == {
        'name': 'StagePayload',
        'namespace': 'image_pipeline',
        'version': '1.0',
    }


@pytest.mark.parametrize(
    ('phase', 'priority'),
    [('start', 'INFO'), ('end', 'INFO'), ('error', 'ERROR')],
)
def test_only_errors_have_the_priority_of_errors(phase, priority):
    told = payloads.of_stage(payloads.Phase(phase), STAGE)
    assert told.event_type == f'image_pipeline.stage.{phase}'
    assert told.priority == priority


def test_an_image_is_told_of_by_what_is_done_with_it():
    payload = payloads.ImagePayload(
        action=payloads.Action.ROLL_BACK,
        target='prod',
        cloud='prod',
        region=None,
        id='1',
        name='debian-12',
    )
    told = payloads.of_image(payloads.Phase.END, payload)
    assert told.event_type == 'image_pipeline.image.rollback.end'


def test_all_event_types_are_known_and_differ():
    known = list(payloads.event_types())
    assert len(known) == len(set(known)) == 3 * (2 + len(payloads.Action))
    assert 'image_pipeline.image.smoke_test.error' in known
