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
import json

import pytest

from image_pipeline import artifact, exceptions
from image_pipeline.engine import decide, events, manifest, runner
from image_pipeline.host import cancellation

STATE = artifact.RunState


@pytest.fixture
def run(settings, store, told):
    """Run a plan in a folder of its own; give what came of it."""
    folders = []

    def go(made, *, folder=None, **given):
        store.prepare()
        if folder is None:
            run_id = f'run-{len(folders) + 1}'
            folder = store.runs.create(
                '',
                manifest=manifest.begin(
                    made, run_id=run_id, force=False, keep_on_failure=False
                ),
                run_id=run_id,
            )
            folders.append(folder)
        go.folder = folder
        given.setdefault('cancelled', cancellation.CancellationToken())
        given.setdefault('listeners', [told.append])
        return runner.run(
            made,
            decide.decide(made, store),
            store=store,
            settings=settings,
            folder=folder,
            secret_values=given.pop('secret_values', {}),
            **given,
        )

    yield go
    for folder in folders:
        folder.release()


def states(done):
    return {step.key: str(step.state) for step in done.steps}


def test_run_is_told_from_its_begin_to_its_end(plan, run, told):
    done = run(plan())
    assert done.state == STATE.SUCCEEDED
    assert isinstance(told[0], events.RunStarted)
    assert told[0].steps == tuple(step.key for step in done.steps)
    assert told[-1] == events.RunFinished(
        run='run-1', state=STATE.SUCCEEDED, seconds=done.seconds
    )


def test_events_are_kept_with_the_run(plan, run):
    run(plan())
    kept = [
        json.loads(line) for line in run.folder.events.read_text().splitlines()
    ]
    assert kept[0]['event'] == 'RunStarted'
    assert kept[-1]['event'] == 'RunFinished'
    assert sum(one['event'] == 'StepFinished' for one in kept) == 5


def test_run_that_is_over_leaves_nothing_to_undo(plan, run):
    run(plan())
    assert not run.folder.unfinished
    assert not run.folder.work.exists()
    assert run.folder.journal.pending(kept=True) == []


def test_results_stand_in_the_order_of_the_plan(plan, run):
    made = plan()
    assert [one.key for one in run(made).steps] == [
        step.key for step in made.steps
    ]


def test_failed_step_fails_the_run_and_leaves_the_others(plan, run, tmp_path):
    (tmp_path / 'fake-convert.raw').touch()
    done = run(plan(f'fake-convert.fail_if={tmp_path}/{{step}}'))
    assert done.state == STATE.FAILED
    assert states(done)['fake-check.qcow2'] == 'succeeded'
    assert states(done)['fake-check.raw'] == 'pending'
    assert run.folder.manifest['state'] == 'failed'


def test_error_of_the_run_itself_leaves_its_steps_pending(
    plan, run, monkeypatch
):
    def broken(*args, **kwargs):
        raise exceptions.Unavailable('the database does not answer')

    monkeypatch.setattr('image_pipeline.engine.flow.Journal', broken)
    token = cancellation.CancellationToken()
    done = run(plan(), cancelled=token)
    assert done.state == STATE.FAILED
    assert done.exit_status == 5
    assert done.error.message == 'the database does not answer'
    assert set(states(done).values()) == {'pending'}
    assert {one.reason for one in done.steps} == {'not reached'}
    # Others who were given that token go on.
    assert not token.cancelled
    assert run.folder.manifest['error']['message'] == (
        'the database does not answer'
    )


def test_run_that_was_asked_to_stop_is_interrupted(plan, run):
    token = cancellation.CancellationToken()
    token.cancel('SIGTERM')
    done = run(plan(), cancelled=token)
    assert (done.state, done.exit_status) == (STATE.INTERRUPTED, 130)


def test_run_that_was_done_when_asked_to_stop_succeeded(plan, run):
    token = cancellation.CancellationToken()
    last = []

    def listen(event):
        if isinstance(event, events.StepFinished):
            last.append(event.step)
            if len(last) == 5:
                token.cancel('SIGINT')

    done = run(plan(), cancelled=token, listeners=[listen])
    assert done.state == STATE.SUCCEEDED


def test_manifest_that_cannot_be_written_is_a_warning_at_the_end(
    plan, run, told, monkeypatch
):
    update = manifest.Manifest.update

    def full(self, **values):
        if 'finished' in values:
            raise exceptions.StageFailed('no space is left')
        update(self, **values)

    monkeypatch.setattr(manifest.Manifest, 'update', full)
    done = run(plan())
    assert done.state == STATE.SUCCEEDED
    assert any(
        'the manifest could not be written: no space is left' in one.message
        for one in told
        if isinstance(one, events.Warned)
    )


def test_what_cannot_be_undone_keeps_the_run_open_for_the_next_start(
    plan, run, told, store
):
    made = plan()

    def listen(event):
        told.append(event)
        if isinstance(event, events.RunStarted):
            run.folder.journal.announce(
                '', artifact.UndoRecord(kind='riddle', arguments={})
            )

    run(made, listeners=[listen])
    assert run.folder.unfinished
    assert any(
        one.message.startswith('left: riddle')
        for one in told
        if isinstance(one, events.Warned)
    )


def test_resumed_run_goes_on_where_it_stopped(plan, run, tmp_path, told):
    flag = tmp_path / 'flag'
    flag.touch()
    made = plan(f'fake-convert.fail_if={flag}')
    run(made)
    folder = run.folder
    flag.unlink()
    folder.begin()
    told.clear()
    done = run(made, folder=folder, resumed=True)
    assert done.state == STATE.SUCCEEDED
    assert states(done)['fake-make'] == 'skipped'
    assert told[0].resumed
    assert folder.log('fake-make').read_text().count('fake-make runs') == 1


def test_database_is_in_the_state_folder_unless_the_site_has_another(
    settings, store
):
    assert runner.connection(settings, store) == (
        f'sqlite:///{store.state_dir}/taskflow.sqlite'
    )
    other = dataclasses.replace(
        settings, taskflow_connection='postgresql://db/x'
    )
    assert runner.connection(other, store) == 'postgresql://db/x'
