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

import pytest

from image_pipeline import artifact, exceptions
from image_pipeline.engine import bake, events
from image_pipeline.host import cancellation
from image_pipeline.store import runs as store_runs


@pytest.fixture
def bakery(settings):
    return bake.Bakery(settings)


def states(done):
    return {step.key: str(step.state) for step in done.steps}


def leftovers(store):
    """What a run must not leave: work folders, marks, temporary files."""
    return [
        path
        for path in store.state_dir.rglob('*')
        if path.name in {'work', 'active'} or path.name.startswith('.new-')
    ]


def test_a_bake_makes_every_artifact_and_records_it(plan, bakery, store):
    done = bakery.bake(plan(), bake.Options())
    assert done.exit_status == 0
    assert set(states(done).values()) == {'succeeded'}
    for step in done.steps:
        for made in step.artifacts:
            assert made.path.stat().st_mode & 0o777 == 0o444
            assert store.artifacts.verify(made, deep=True)
    manifest = store.runs.get(done.run).manifest
    assert manifest['state'] == 'succeeded'
    assert manifest['finished'] >= manifest['started']
    step = manifest['steps']['fake-convert.raw']
    assert step['state'] == 'succeeded'
    assert step['identity']['inputs']['disk'].startswith('sha256:')
    assert step['artifacts'][0]['properties'] == {'format': 'raw'}
    assert manifest['versions']['taskflow']
    assert leftovers(store) == []


def test_a_second_bake_does_nothing_and_makes_no_run(plan, bakery, store):
    first = bakery.bake(plan(), bake.Options())
    second = bakery.bake(plan(), bake.Options())
    assert second.unchanged
    assert second.run == first.run
    assert set(states(second).values()) == {'skipped'}
    assert all(step.cached for step in second.steps)
    assert len(store.runs.list_runs()) == 1


def test_force_makes_everything_again(plan, bakery, store):
    bakery.bake(plan(), bake.Options())
    done = bakery.bake(plan(), bake.Options(force=True))
    assert set(states(done).values()) == {'succeeded'}
    assert len(store.runs.list_runs()) == 2


def test_the_same_disk_made_again_leads_to_no_further_work(plan, bakery):
    bakery.bake(plan(), bake.Options())
    # Another option of the maker, the same content.
    done = bakery.bake(plan('fake-make.valid_if=x'), bake.Options())
    assert states(done)['fake-make'] == 'succeeded'
    convert = next(s for s in done.steps if s.key == 'fake-convert.raw')
    assert convert.state == 'skipped'
    assert convert.reason == 'fake-make made the same again'


def test_a_failure_stops_only_what_depends_on_it(
    plan, bakery, store, tmp_path
):
    flag = tmp_path / 'fake-convert.raw'
    flag.touch()
    made = plan(f'fake-convert.fail_if={tmp_path}/{{step}}')
    done = bakery.bake(made, bake.Options())
    assert done.exit_status == 1
    assert states(done) == {
        'fake-make': 'succeeded',
        'fake-convert.qcow2': 'succeeded',
        'fake-check.qcow2': 'succeeded',
        'fake-convert.raw': 'failed',
        'fake-check.raw': 'pending',
    }
    failed = next(step for step in done.steps if step.error)
    assert failed.error.message == f'{flag} is there'
    assert failed.error.hint == 'remove it'
    assert failed.error.log.endswith('logs/fake-convert.raw.log')
    assert failed.error.tail == ('fake-convert runs',)
    (evidence,) = failed.error.evidence
    assert evidence.endswith('logs/fake-convert.raw.evidence.json')
    assert leftovers(store) == []


def test_what_a_failed_step_made_elsewhere_is_undone(plan, bakery, tmp_path):
    flag, outside = tmp_path / 'flag', tmp_path / 'outside'
    flag.touch()
    made = plan(f'fake-make.fail_if={flag}', f'fake-make.outside={outside}')
    bakery.bake(made, bake.Options())
    assert not list(tmp_path.glob('outside*'))


def test_what_is_kept_for_a_look_is_told_with_how_to_remove_it(
    plan, settings, store, tmp_path
):
    flag = tmp_path / 'flag'
    flag.touch()
    heard = []
    bakery = bake.Bakery(settings, listeners=[heard.append])
    done = bakery.bake(
        plan(f'fake-make.fail_if={flag}'), bake.Options(keep_on_failure=True)
    )
    work = store.runs.get(done.run).work / 'fake-make'
    assert [one for one in heard if isinstance(one, events.Warned)] == [
        events.Warned(
            run=done.run,
            step='fake-make',
            message=f'kept for a look: {work}; `image-pipeline reap` removes '
            'it',
        )
    ]


def test_keep_on_failure_leaves_it_until_reap(plan, bakery, store, tmp_path):
    flag, outside = tmp_path / 'flag', tmp_path / 'outside'
    flag.touch()
    made = plan(f'fake-make.fail_if={flag}', f'fake-make.outside={outside}')
    done = bakery.bake(made, bake.Options(keep_on_failure=True))
    work = store.runs.get(done.run).work / 'fake-make'
    kept = tmp_path / 'outside.fake-make'
    assert work.is_dir()
    assert kept.exists()
    # Another bake starts, and leaves it alone.
    bakery.bake(plan(), bake.Options())
    assert kept.exists()
    bakery.reap(dry_run=True)
    assert kept.exists()
    bakery.reap()
    assert not kept.exists()
    assert not work.exists()


def test_resume_runs_what_failed_and_nothing_that_is_done(
    plan, bakery, store, tmp_path
):
    flag = tmp_path / 'flag'
    flag.touch()
    made = plan(f'fake-convert.fail_if={flag}')
    done = bakery.bake(made, bake.Options())
    assert done.state == artifact.RunState.FAILED
    flag.unlink()
    again = bakery.resume(done.run)
    assert again.run == done.run
    assert again.exit_status == 0
    assert states(again) == {
        'fake-make': 'skipped',
        'fake-convert.qcow2': 'succeeded',
        'fake-convert.raw': 'succeeded',
        'fake-check.qcow2': 'succeeded',
        'fake-check.raw': 'succeeded',
    }
    log = store.runs.get(done.run).log('fake-make').read_text()
    assert log.count('fake-make runs') == 1
    assert store.runs.get(done.run).manifest['attempts'] == 2


def test_resume_of_a_forced_run_does_not_run_what_it_has_done(
    plan, bakery, store, tmp_path
):
    flag = tmp_path / 'flag'
    bakery.bake(plan(f'fake-convert.fail_if={flag}'), bake.Options())
    flag.touch()
    made = plan(f'fake-convert.fail_if={flag}')
    done = bakery.bake(made, bake.Options(force=True))
    flag.unlink()
    again = bakery.resume(done.run)
    assert states(again)['fake-make'] == 'skipped'
    assert states(again)['fake-convert.raw'] == 'succeeded'


def test_resume_makes_again_what_was_collected_meanwhile(
    plan, bakery, store, tmp_path
):
    flag = tmp_path / 'flag'
    flag.touch()
    made = plan(f'fake-convert.fail_if={flag}')
    done = bakery.bake(made, bake.Options())
    disk = done.steps[0].artifacts[0]
    assert store.artifacts.discard(disk.digest)
    flag.unlink()
    again = bakery.resume(done.run)
    assert again.exit_status == 0
    assert states(again)['fake-make'] == 'succeeded'


def test_resume_without_its_record_in_the_database_goes_by_content(
    plan, bakery, store, tmp_path
):
    flag = tmp_path / 'flag'
    flag.touch()
    done = bakery.bake(plan(f'fake-convert.fail_if={flag}'), bake.Options())
    flag.unlink()
    store.database.unlink()
    again = bakery.resume(done.run)
    assert again.exit_status == 0
    assert states(again)['fake-make'] == 'skipped'


def test_a_run_that_succeeded_cannot_be_resumed(plan, bakery):
    done = bakery.bake(plan(), bake.Options())
    with pytest.raises(exceptions.StateConflict, match='succeeded'):
        bakery.resume(done.run)


def test_a_second_bake_of_a_recipe_is_refused_naming_run_and_process(
    plan, bakery, store
):
    made = plan()
    with (
        store.locks.recipe('fake', run='run-1'),
        pytest.raises(exceptions.Unavailable) as caught,
    ):
        bakery.bake(made, bake.Options())
    assert 'run run-1 (process ' in caught.value.message
    assert caught.value.exit_status == 5
    assert store.runs.list_runs() == []


def test_wait_waits_for_the_other_bake(plan, settings, store):
    told = []
    lock = store.locks.recipe('fake', run='run-1').acquire()

    def listen(event):
        told.append(event)
        # The other bake ends when it is known that we wait for it.
        if isinstance(event, events.Warned):
            lock.release()

    bakery = bake.Bakery(settings, listeners=[listen])
    done = bakery.bake(plan(), bake.Options(wait=True))
    assert done.exit_status == 0
    warned = [one for one in told if isinstance(one, events.Warned)]
    assert 'waiting for run run-1' in warned[0].message


def test_a_cancelled_run_is_interrupted_and_leaves_nothing(
    plan, settings, store, tmp_path
):
    token = cancellation.CancellationToken()

    def listen(event):
        if isinstance(event, events.StepStarted) and 'conv' in event.step:
            token.cancel('SIGINT')

    outside = tmp_path / 'outside'
    bakery = bake.Bakery(settings, listeners=[listen], cancelled=token)
    done = bakery.bake(plan(f'fake-convert.outside={outside}'), bake.Options())
    assert done.state == artifact.RunState.INTERRUPTED
    assert done.exit_status == 130
    assert states(done)['fake-make'] == 'succeeded'
    assert 'succeeded' not in states(done)['fake-check.raw']
    assert not list(tmp_path.glob('outside*'))
    assert leftovers(store) == []
    assert bake.Bakery(settings).resume(done.run).exit_status == 0


def test_an_unexpected_error_is_a_failed_step_with_its_traceback_in_the_log(
    plan, bakery, monkeypatch
):
    made = plan()
    stage = type(made.step('fake-make').stage)

    def run(self, context):
        raise ZeroDivisionError('by zero')

    monkeypatch.setattr(stage, 'run', run)
    done = bakery.bake(made, bake.Options())
    error = done.steps[0].error
    assert error.message == (
        'the stage fake-make failed unexpectedly: ZeroDivisionError: by zero'
    )
    with open(error.log) as log:
        assert 'Traceback' in log.read()


@pytest.mark.parametrize(
    ('kinds', 'message'),
    [
        ([], 'did not return its disk'),
        (['image'], 'returned a "image" that it does not provide'),
        (['disk', 'disk'], 'returned more than one "disk"'),
    ],
)
def test_a_stage_returns_what_it_provides(
    plan, bakery, monkeypatch, kinds, message
):
    made = plan()
    stage = type(made.step('fake-make').stage)

    def run(self, context):
        for number, kind in enumerate(kinds):
            path = context.work_dir / f'{number}'
            path.write_text(kind)
            yield artifact.Artifact(kind=kind, path=path, digest='', size=0)

    monkeypatch.setattr(stage, 'run', run)
    done = bakery.bake(made, bake.Options())
    assert message in done.steps[0].error.message


def test_a_stage_that_takes_too_long_is_stopped(
    plan, tmp_path, settings, monkeypatch
):
    import dataclasses

    limited = dataclasses.replace(settings, stage_timeouts={'fake-make': 1})
    made = plan()
    stage = type(made.step('fake-make').stage)
    monkeypatch.setattr(
        stage, 'act', lambda self, context: context.cancelled.wait(60)
    )
    done = bake.Bakery(limited).bake(made, bake.Options())
    assert done.state == artifact.RunState.FAILED
    assert done.steps[0].error.message == (
        'the stage fake-make took longer than 1 seconds, its time limit'
    )


def test_a_missing_secret_is_told_before_anything_is_touched(
    plan, bakery, settings, monkeypatch
):
    monkeypatch.delenv('SOME_TOKEN', raising=False)
    with pytest.raises(exceptions.PlanInvalid) as caught:
        bakery.bake(plan('fake-make.secret=SOME_TOKEN'), bake.Options())
    assert 'SOME_TOKEN is not set' in str(caught.value.problems[0])
    assert not settings.state_dir.exists()


def test_a_secret_is_nowhere_in_the_state_folder(
    plan, bakery, settings, monkeypatch
):
    secret = 'swordfish"with quote'
    monkeypatch.setenv('SOME_TOKEN', secret)
    made = plan('fake-make.secret=SOME_TOKEN')

    def act(self, context):
        raise exceptions.StageFailed(
            f'cannot use {context.secrets["SOME_TOKEN"]}', hint=secret
        )

    monkeypatch.setattr(type(made.step('fake-make').stage), 'act', act)
    done = bakery.bake(made, bake.Options())
    assert done.steps[0].error.message == 'cannot use ***'
    assert done.steps[0].error.hint == '***'
    for path in settings.state_dir.rglob('*'):
        if path.is_file():
            assert b'swordfish' not in path.read_bytes(), path


def test_what_the_host_lacks_is_told_only_for_steps_that_run(
    plan, bakery, monkeypatch
):
    from image_pipeline.stages import base

    made = plan()
    bakery.bake(made, bake.Options())
    needs = base.HostNeeds(executables={'no-such-program': None})
    stage = type(made.step('fake-make').stage)
    monkeypatch.setattr(stage, 'needs', lambda self, context: needs)
    assert bakery.bake(made, bake.Options()).unchanged
    with pytest.raises(exceptions.PlanInvalid) as caught:
        bakery.bake(made, bake.Options(force=True))
    assert 'no-such-program' in str(caught.value.problems[0])


def test_the_next_bake_undoes_what_a_killed_run_left(
    plan, bakery, store, tmp_path
):
    # As a kill -9 leaves it: a mark, a journal, nobody who holds the lock.
    left = tmp_path / 'left'
    left.touch()
    run = store.runs.create(
        'text',
        manifest={'recipe': 'other', 'state': 'running', 'steps': {}},
        run_id=store_runs.new_id('other'),
    )
    run.journal.announce(
        'step',
        artifact.UndoRecord(kind='path', arguments={'path': str(left)}),
    )
    (run.work / 'step').mkdir(parents=True)
    run.release()
    bakery.bake(plan(), bake.Options())
    assert not left.exists()
    assert not run.work.exists()
    assert store.runs.get(run.id).manifest['state'] == 'interrupted'


def test_a_database_that_cannot_be_used_is_one_clear_message(plan, settings):
    import dataclasses

    broken = dataclasses.replace(
        settings, taskflow_connection='sqlite:////no/such/folder/x.sqlite'
    )
    done = bake.Bakery(broken).bake(plan(), bake.Options())
    assert done.state == artifact.RunState.FAILED
    assert 'the run database cannot be used' in done.error.message
    assert '[engine] connection' in done.error.hint


def test_old_runs_go_and_their_books_with_them(plan, settings, store):
    import dataclasses

    few = dataclasses.replace(settings, keep_runs=1)
    bakery = bake.Bakery(few)
    for _ in range(3):
        done = bakery.bake(plan(), bake.Options(force=True))
    assert [run.id for run in store.runs.list_runs()] == [done.run]
    import sqlite3

    with sqlite3.connect(store.database) as database:
        (count,) = database.execute('select count(*) from logbooks').fetchone()
    assert count == 1


def test_events_are_written_with_the_run(plan, bakery, store):
    done = bakery.bake(plan(), bake.Options())
    lines = store.runs.get(done.run).events.read_text().splitlines()
    names = [json.loads(line)['event'] for line in lines]
    assert names[0] == 'RunStarted'
    assert names[-1] == 'RunFinished'
    assert names.count('StepFinished') == 5


def test_the_printed_form_has_the_promised_keys(plan, bakery):
    value = bakery.bake(plan(), bake.Options()).to_json()
    assert {'run', 'recipe', 'state', 'stages', 'images'} <= set(value)
    for stage in value['stages']:
        assert {
            'stage',
            'state',
            'seconds',
            'cached',
            'artifacts',
        } <= set(stage)
    json.dumps(value)
