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

from image_pipeline import artifact, exceptions
from image_pipeline.engine import flow, result


@pytest.fixture
def journal(store):
    made = flow.Journal(f'sqlite:///{store.database}', store.locks.database())
    yield made
    made.close()


class Steps:
    """Do steps: those named fail; remember what was done."""

    def __init__(self, *bad):
        self.bad = set(bad)
        self.done = []

    def __call__(self, step, inputs):
        state = artifact.StepState.SUCCEEDED
        if step.key in self.bad:
            state = artifact.StepState.FAILED
        if None in inputs.values():
            state = artifact.StepState.PENDING
        else:
            self.done.append(step.key)
        made = [
            artifact.Artifact(
                kind=kind, path=flow_path(step.key), digest='', size=0
            )
            for kind in step.stage.provides
        ]
        return result.StepResult(
            key=step.key,
            stage=step.stage_name,
            state=state,
            artifacts=tuple(made)
            if state == artifact.StepState.SUCCEEDED
            else (),
        )


def flow_path(key):
    from pathlib import Path

    return Path('/x') / key


def make(plan, journal, book, execute):
    return flow.Flow(
        plan.steps,
        execute=execute,
        journal=journal,
        book=book,
        max_workers=2,
    )


def test_steps_run_in_their_order(plan, journal):
    steps = Steps()
    make(plan(), journal, journal.begin('run'), steps).run()
    assert steps.done[0] == 'fake-make'
    assert set(steps.done[1:3]) & {'fake-convert.raw', 'fake-convert.qcow2'}
    assert len(steps.done) == 5


def test_a_failure_stops_its_dependents_and_is_remembered(plan, journal):
    made, book = plan(), journal.begin('run')
    steps = Steps('fake-convert.raw')
    make(made, journal, book, steps).run()
    assert 'fake-check.qcow2' in steps.done
    assert 'fake-check.raw' not in steps.done
    earlier = make(made, journal, book, Steps()).earlier()
    assert {key: str(one.state) for key, one in earlier.items()} == {
        'fake-make': 'succeeded',
        'fake-convert.qcow2': 'succeeded',
        'fake-check.qcow2': 'succeeded',
        'fake-convert.raw': 'failed',
        'fake-check.raw': 'pending',
    }
    disk = earlier['fake-make'].artifacts['disk']
    assert disk.path == flow_path('fake-make')


def test_what_is_reset_runs_again_and_nothing_else(plan, journal):
    made, book = plan(), journal.begin('run')
    make(made, journal, book, Steps('fake-convert.raw')).run()
    again = Steps()
    resumed = make(made, journal, book, again)
    resumed.reset(['fake-convert.raw', 'fake-check.raw'])
    resumed.run()
    assert again.done == ['fake-convert.raw', 'fake-check.raw']


def test_a_book_that_is_gone_is_one_clear_message(plan, journal):
    book = journal.begin('run')
    journal.forget(book)
    assert journal.load(book) is None
    with pytest.raises(exceptions.StateConflict, match='no record'):
        make(plan(), journal, book, Steps())
    journal.forget(book)


@pytest.mark.parametrize(
    'url', ['nonsense', 'sqlite:////no/such/x', 'nodb://host/x', '']
)
def test_a_database_that_cannot_be_used_is_bad_input(store, url):
    with pytest.raises(exceptions.InvalidInput, match='cannot be used'):
        flow.Journal(url, store.locks.database())
