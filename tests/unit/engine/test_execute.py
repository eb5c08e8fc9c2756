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

import pytest

from image_pipeline import artifact, exceptions
from image_pipeline.engine import decide, events, execute
from image_pipeline.host import locks as host_locks

STATE = artifact.StepState


@pytest.fixture
def executor(job):
    """Make an executor; its leases are given up at the end."""
    made = []

    def make(plan, **given):
        made.append(execute.Executor(job(plan, **given)))
        return made[-1]

    yield make
    for one in made:
        one.close()


def do(executor, key, *earlier):
    """Do a step with what earlier ones made."""
    step = executor.job.plan.step(key)
    artifacts = {made.kind: made for one in earlier for made in one.artifacts}
    return executor.step(
        step, {kind: artifacts.get(kind) for kind in step.inputs}
    )


def leased(store, made):
    """Whether a run keeps an artifact from being collected."""
    lock = host_locks.FileLock(store.artifacts.folder(made.digest))
    try:
        lock.acquire(wait=False).release()
    except host_locks.Held:
        return True
    return False


def test_step_is_done_recorded_and_told(plan, executor, store, told):
    there = executor(plan())
    done = do(there, 'fake-make')
    assert done.state == STATE.SUCCEEDED
    (disk,) = done.artifacts
    assert disk.path.read_text() == 'content'
    assert disk.path.is_relative_to(store.artifacts.root)
    record = store.steps.load(done.step_id)
    assert record.artifacts == {artifact.DISK: disk}
    assert record.run == there.job.run.id
    assert [type(one) for one in told] == [
        events.StepStarted,
        events.StepFinished,
    ]
    assert there.results == {'fake-make': done}
    on_disk = there.job.run.manifest['steps']['fake-make']
    assert (on_disk['state'], on_disk['step_id']) == (
        'succeeded',
        done.step_id,
    )
    assert not (there.job.run.work / 'fake-make').exists()


def test_step_that_is_under_way_is_in_the_manifest(plan, executor):
    seen = []

    def look(event):
        steps = there.job.run.manifest['steps']
        seen.append((steps['fake-make']['step'], steps['fake-make']['state']))

    there = executor(plan(), emit=look)
    do(there, 'fake-make')
    assert seen == [('fake-make', 'running'), ('fake-make', 'succeeded')]


def test_step_gets_what_an_earlier_one_made(plan, executor):
    there = executor(plan())
    done = do(there, 'fake-convert.raw', do(there, 'fake-make'))
    assert done.artifacts[0].path.read_text() == 'raw content'
    assert done.identity['inputs'][artifact.DISK].startswith('sha256:')


def test_step_that_was_decided_to_be_skipped_runs_nothing(
    plan, executor, store
):
    made = plan()
    first = do(executor(made), 'fake-make')
    there = executor(made)
    done = do(there, 'fake-make')
    assert (done.state, done.cached, done.reason) == (
        STATE.SKIPPED,
        True,
        'nothing has changed',
    )
    assert done.artifacts == first.artifacts
    assert not there.job.run.log('fake-make').exists()


def test_step_whose_input_was_not_made_waits_for_it(plan, executor, told):
    done = do(executor(plan()), 'fake-convert.raw')
    assert (done.state, done.reason) == (
        STATE.PENDING,
        'waits for fake-make',
    )
    assert done.error is None
    assert [type(one) for one in told] == [events.StepFinished]


def test_step_of_a_run_that_was_stopped_does_not_begin(plan, executor):
    there = executor(plan())
    there.job.cancelled.cancel('SIGTERM')
    done = do(there, 'fake-make')
    assert (done.state, done.reason) == (STATE.PENDING, 'interrupted')


def test_interrupted_step_is_undone_and_pending(
    plan, executor, told, tmp_path, monkeypatch
):
    made = plan(f'fake-make.outside={tmp_path / "outside"}')
    there = executor(made)
    stage = type(made.step('fake-make').stage)
    act = stage.act

    def stopped(self, context):
        there.job.cancelled.cancel('SIGINT')
        act(self, context)

    monkeypatch.setattr(stage, 'act', stopped)
    done = do(there, 'fake-make')
    assert (done.state, done.reason, done.error) == (
        STATE.PENDING,
        'interrupted',
        None,
    )
    assert not list(tmp_path.glob('outside*'))
    assert there.job.run.journal.pending('fake-make') == []


def test_failure_is_a_result_and_what_was_made_is_undone(
    plan, executor, tmp_path
):
    flag = tmp_path / 'flag'
    flag.touch()
    there = executor(
        plan(
            f'fake-make.fail_if={flag}',
            f'fake-make.outside={tmp_path / "outside"}',
        )
    )
    done = do(there, 'fake-make')
    assert done.state == STATE.FAILED
    assert done.error.message == f'{flag} is there'
    assert not list(tmp_path.glob('outside*'))
    assert not (there.job.run.work / 'fake-make').exists()


def test_failure_that_is_to_be_kept_is_journaled_for_reap(
    plan, executor, told, tmp_path
):
    flag = tmp_path / 'flag'
    flag.touch()
    there = executor(plan(f'fake-make.fail_if={flag}'), keep_on_failure=True)
    do(there, 'fake-make')
    work = there.job.run.work / 'fake-make'
    assert work.is_dir()
    assert there.job.run.journal.pending() == []
    (entry,) = there.job.run.journal.pending(kept=True)
    assert entry.record.arguments == {'path': str(work)}
    (warned,) = (one for one in told if isinstance(one, events.Warned))
    assert str(work) in warned.message


def test_what_cannot_be_undone_is_told(plan, executor, told, tmp_path):
    flag = tmp_path / 'flag'
    flag.touch()
    there = executor(plan(f'fake-make.fail_if={flag}'))
    there.job.run.journal.announce(
        'fake-make', artifact.UndoRecord(kind='riddle', arguments={})
    )
    do(there, 'fake-make')
    (warned,) = (one for one in told if isinstance(one, events.Warned))
    assert warned.message.startswith('left: riddle')
    assert 'nobody knows how to undo' in warned.message


def test_error_of_the_bookkeeping_is_a_failure_of_the_step(
    plan, executor, store, monkeypatch
):
    def full(*args, **kwargs):
        raise exceptions.StageFailed('no space is left', hint='free some')

    monkeypatch.setattr(store.steps, 'save', full)
    done = do(executor(plan()), 'fake-make')
    assert done.state == STATE.FAILED
    assert (done.error.message, done.error.hint) == (
        'no space is left',
        'free some',
    )


def test_manifest_that_cannot_be_written_changes_no_result(
    plan, executor, monkeypatch
):
    def full(*args, **kwargs):
        raise exceptions.StageFailed('no space is left')

    there = executor(plan())
    monkeypatch.setattr(there.job.manifest, 'finished', full)
    assert do(there, 'fake-make').state == STATE.SUCCEEDED


def test_artifacts_are_kept_from_collection_until_the_end(
    plan, executor, store
):
    there = executor(plan())
    (disk,) = do(there, 'fake-make').artifacts
    assert leased(store, disk)
    there.close()
    assert not leased(store, disk)


def test_what_an_earlier_attempt_made_is_kept_from_collection_too(
    plan, executor, store
):
    made = plan()
    first = executor(made)
    done = do(first, 'fake-make')
    first.close()
    again = executor(made)
    again.note(done)
    assert leased(store, done.artifacts[0])
    assert again.results == {'fake-make': done}


def test_reason_holds_no_secret(plan, executor, tmp_path):
    flag = tmp_path / 'sesame'
    flag.touch()
    there = executor(
        plan(f'fake-make.fail_if={flag}'),
        secrets={'fake-make': {'TOKEN': 'sesame'}},
    )
    done = do(there, 'fake-make')
    assert done.reason == f'{tmp_path}/*** is there'


def test_step_that_makes_the_same_from_another_input_is_taken(plan, executor):
    made = plan()
    first = executor(made)
    disk = do(first, 'fake-make')
    do(first, 'fake-convert.raw', disk)
    # Other options of the maker, the same disk.
    there = executor(plan('fake-make.valid_if=x'))
    again = do(there, 'fake-make')
    assert again.state == STATE.SUCCEEDED
    done = do(there, 'fake-convert.raw', again)
    assert (done.state, done.reason) == (
        STATE.SKIPPED,
        'fake-make made the same again',
    )


def test_step_that_another_process_makes_is_waited_for_and_taken(
    plan, executor, store
):
    made = plan()
    done = do(executor(made), 'fake-make')
    record = store.steps.load(done.step_id)
    store.steps.discard(done.step_id)
    heard = []
    lock = store.locks.step(done.step_id).acquire()

    def other(event):
        heard.append(event)
        if isinstance(event, events.Warned):
            # Now that we wait for it, it is made.
            store.steps.save(
                dataclasses.replace(record, run='other'),
                recipe='fake',
                key='fake-make',
            )
            lock.release()

    there = executor(made, emit=events.Emitter([other]))
    assert not there.job.decisions['fake-make'].skip
    found = do(there, 'fake-make')
    assert (found.state, found.reason) == (
        STATE.SKIPPED,
        'run other made it meanwhile',
    )
    assert found.artifacts == done.artifacts
    assert 'makes the same; waiting for it' in heard[0].message


def test_force_makes_it_even_if_another_process_just_did(
    plan, executor, store
):
    made = plan()
    first = do(executor(made), 'fake-make')
    there = executor(
        made,
        decisions=decide.decide(made, store, force=True),
        force=True,
    )
    done = do(there, 'fake-make')
    assert (done.state, done.reason) == (STATE.SUCCEEDED, '--force')
    assert done.artifacts == first.artifacts
