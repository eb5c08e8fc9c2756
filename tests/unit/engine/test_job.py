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
import threading

import pytest

from image_pipeline import artifact, exceptions
from image_pipeline.engine import events
from image_pipeline.engine import job as engine_job
from image_pipeline.host import cancellation

TARGET_RECIPE = """\
version: 1
image: {name: fake}
stages: [fake-make, fake-convert, fake-check, fake-register]
"""


def context_of(job, key, tmp_path, **given):
    return engine_job.context(
        job,
        job.plan.step(key),
        inputs={},
        step_id='0' * 64,
        work_dir=tmp_path,
        cancelled=job.cancelled,
        **given,
    )


@pytest.fixture
def clock(monkeypatch):
    """A clock that stands still unless the test moves it."""

    class Clock:
        now = 100.0

    monkeypatch.setattr(
        engine_job.time, 'monotonic', lambda: Clock.now, raising=True
    )
    return Clock


@pytest.fixture
def timers(monkeypatch):
    """Timers that go off when the test says so."""
    made = []

    class Timer:
        def __init__(self, seconds, function, args):
            self.seconds = seconds
            self.go_off = lambda: function(*args)
            self.started = self.cancelled = False
            made.append(self)

        def start(self):
            self.started = True

        def cancel(self):
            self.cancelled = True

    monkeypatch.setattr(engine_job.threading, 'Timer', Timer)
    return made


def made(kind):
    return artifact.Artifact(kind=kind, path=None, digest='', size=0)


def test_stage_gets_the_secrets_of_its_own_step_only(plan, job, tmp_path):
    values = {'fake-make': {'A': 'aaaa'}, 'fake-check.raw': {'B': 'bbbb'}}
    found = context_of(job(plan(), secrets=values), 'fake-make', tmp_path)
    assert found.secrets == {'A': 'aaaa'}


def test_stage_has_a_catalogue_only_where_it_is_about_a_target(
    plan, job, tmp_path
):
    there = job(plan(text=TARGET_RECIPE, targets=['local']))
    found = context_of(there, 'fake-register@local', tmp_path)
    assert found.catalogue.target.name == 'local'
    assert found.hypervisor.target.name == 'local'
    found = context_of(there, 'fake-make', tmp_path)
    assert (found.catalogue, found.hypervisor) == (None, None)


def test_what_a_stage_makes_is_journaled_under_its_step(plan, job, tmp_path):
    there = job(plan())
    record = artifact.UndoRecord(kind='path', arguments={'path': '/x'})
    context_of(there, 'fake-make', tmp_path).undo(record)
    (entry,) = there.run.journal.pending('fake-make')
    assert entry.record == record
    assert there.run.journal.pending('fake-check.raw') == []


def test_log_of_a_step_is_there_before_the_stage_writes(plan, job, tmp_path):
    found = context_of(job(plan()), 'fake-make', tmp_path)
    assert found.log.read_text() == ''


def test_progress_is_told_but_not_too_often(plan, job, told, tmp_path, clock):
    progress = context_of(job(plan()), 'fake-make', tmp_path).progress
    progress(1, 10, 'B')
    clock.now += 0.1
    progress(2, 10, 'B')
    clock.now += 0.15
    progress(3, 10, 'B')
    assert [one.done for one in told] == [1, 3]


def test_end_of_a_thing_and_the_begin_of_another_are_always_told(
    plan, job, told, tmp_path, clock
):
    progress = context_of(job(plan()), 'fake-make', tmp_path).progress
    progress(1, 10, 'B')
    progress(10, 10, 'B')
    progress(0, None, 'phase:install.d')
    progress(0, None, 'phase:install.d')
    assert [(one.done, one.unit) for one in told] == [
        (1, 'B'),
        (10, 'B'),
        (0, 'phase:install.d'),
    ]
    assert all(isinstance(one, events.StepProgress) for one in told)


def test_what_a_stage_provides_is_returned(plan, job):
    step = plan().step('fake-make')
    one = made(artifact.DISK)
    assert engine_job.returned(step, iter([one])) == (one,)


@pytest.mark.parametrize(
    ('kinds', 'message'),
    [
        ([], 'did not return its disk'),
        ([artifact.DISK, artifact.DISK], 'returned more than one "disk"'),
        (
            [artifact.DISK, artifact.IMAGE],
            'returned a "image" that it does not provide',
        ),
    ],
)
def test_what_it_does_not_provide_is_an_error_of_the_stage(
    plan, kinds, message
):
    with pytest.raises(exceptions.StageFailed) as caught:
        engine_job.returned(plan().step('fake-make'), map(made, kinds))
    assert str(caught.value) == f'the stage fake-make {message}'
    assert caught.value.hint == 'this is an error in the stage'


def limit(settings, seconds):
    return dataclasses.replace(settings, stage_timeouts={'fake-make': seconds})


def test_stage_without_a_limit_has_no_timer(plan, job, timers):
    there = job(plan())
    with engine_job.limited(there, there.plan.step('fake-make')) as token:
        assert not token.cancelled
    assert timers == []


def test_question_of_a_stage_is_given_up_with_the_stage(plan, job):
    there = job(plan())
    free = threading.Event()
    try:
        with (
            pytest.raises(exceptions.Interrupted, match='SIGINT'),
            engine_job.limited(there, there.plan.step('fake-make')),
        ):

            def ask():
                there.cancelled.cancel('SIGINT')
                free.wait(60)

            cancellation.abandonable(ask)
    finally:
        free.set()


def test_stage_within_its_limit_goes_on(plan, job, settings, timers):
    there = job(plan(), settings=limit(settings, 7))
    with engine_job.limited(there, there.plan.step('fake-make')) as token:
        pass
    (timer,) = timers
    assert (timer.seconds, timer.started, timer.cancelled) == (7, True, True)
    assert not token.cancelled


def test_limit_stops_the_step_and_not_the_run(plan, job, settings, timers):
    there = job(plan(), settings=limit(settings, 7))
    with (
        pytest.raises(exceptions.StageFailed) as caught,
        engine_job.limited(there, there.plan.step('fake-make')) as token,
    ):
        timers[0].go_off()
        # A stage says of being stopped what it likes.
        error = exceptions.CommandFailed('killed', returncode=-15)
        error.evidence = ('console.log',)
        assert token.cancelled
        raise error
    assert str(caught.value) == (
        'the stage fake-make took longer than 7 seconds, its time limit'
    )
    assert '[limits] stage_timeouts' in caught.value.hint
    assert caught.value.evidence == ('console.log',)
    assert not there.cancelled.cancelled


def test_error_of_the_stage_itself_stays_what_it_is(plan, job):
    there = job(plan())
    with (
        pytest.raises(KeyError),
        engine_job.limited(there, there.plan.step('fake-make')),
    ):
        raise KeyError


def test_whatever_a_stage_says_of_being_interrupted_it_was_interrupted(
    plan, job
):
    there = job(plan())
    with (
        pytest.raises(exceptions.Interrupted, match='SIGINT'),
        engine_job.limited(there, there.plan.step('fake-make')) as token,
    ):
        there.cancelled.cancel('SIGINT')
        assert token.cancelled
        raise exceptions.CommandFailed('killed', returncode=-2)
