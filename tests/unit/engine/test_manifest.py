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

import json
import os
import threading

import pytest

from image_pipeline import artifact, exceptions
from image_pipeline.engine import manifest, result
from image_pipeline.host import process
from image_pipeline.recipe import plan as recipe_plan


@pytest.fixture
def record(job, plan):
    """A manifest, and a look at what is on disk of it."""
    run = job(plan()).run
    made = manifest.Manifest(run, run.manifest, process.Redactor(['sesame']))
    return made, lambda: json.loads((run.folder / 'manifest.json').read_text())


def test_run_begins_with_all_that_is_known_of_it(plan):
    made = plan()
    value = manifest.begin(
        made, run_id='run-1', force=True, keep_on_failure=False
    )
    assert value['run'] == 'run-1'
    assert value['recipe'] == 'fake'
    assert value['state'] == 'running'
    assert (value['force'], value['keep_on_failure']) == (True, False)
    assert (value['attempts'], value['pid']) == (1, os.getpid())
    assert json.loads(json.dumps(value)) == value


def test_plan_can_be_made_again_of_it(plan, settings):
    made = plan('fake-make.content=x')
    value = json.loads(
        json.dumps(
            manifest.begin(
                made, run_id='r', force=False, keep_on_failure=False
            )
        )
    )
    again = recipe_plan.remake(value['plan'], settings=settings)
    assert [step.key for step in again.steps] == [
        step.key for step in made.steps
    ]
    assert again.step('fake-make').options == made.step('fake-make').options


def test_versions_are_those_of_what_carries_the_run_out():
    found = manifest.versions()
    assert {'python', 'kernel', 'image-pipeline', 'taskflow'} <= set(found)
    assert all(found.values())


def test_change_is_on_disk_on_return(record):
    made, on_disk = record
    made.update(state='failed', seconds=1.5)
    assert made.get('state') == 'failed'
    assert (on_disk()['state'], on_disk()['seconds']) == ('failed', 1.5)
    assert on_disk()['recipe'] == 'fake'


def test_values_of_a_step_are_added_to_what_is_known_of_it(record):
    made, on_disk = record
    made.step('fake-make', state='running', started='now')
    made.step('fake-make', state='succeeded')
    made.step('fake-check.raw', state='pending')
    assert on_disk()['steps'] == {
        'fake-make': {'state': 'succeeded', 'started': 'now'},
        'fake-check.raw': {'state': 'pending'},
    }


def test_what_came_of_a_step_is_written_down(record):
    made, on_disk = record
    made.step('fake-make', started='then')
    made.finished(
        result.StepResult(
            key='fake-make',
            stage='fake-make',
            state=artifact.StepState.FAILED,
            seconds=1.23456,
            error=result.Failure(message='no', exit_status=4),
        )
    )
    step = on_disk()['steps']['fake-make']
    assert (step['state'], step['seconds']) == ('failed', 1.235)
    assert step['error']['exit_status'] == 4
    assert step['started'] == 'then'
    assert step['finished']


def test_secrets_never_reach_the_disk(record):
    made, on_disk = record
    made.update(error={'message': 'open sesame', 'tail': ['sesame']})
    assert on_disk()['error'] == {'message': 'open ***', 'tail': ['***']}


def test_steps_that_end_at_once_are_all_written_down(record):
    made, on_disk = record
    threads = [
        threading.Thread(target=made.step, args=(f's{number}',))
        for number in range(20)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(on_disk()['steps']) == {f's{number}' for number in range(20)}


def test_disk_that_is_full_is_told(record, monkeypatch):
    made, _ = record

    def full(*args, **kwargs):
        raise OSError(28, 'No space left on device')

    monkeypatch.setattr('tempfile.mkstemp', full)
    with pytest.raises(exceptions.StageFailed, match='no space is left'):
        made.update(state='failed')
