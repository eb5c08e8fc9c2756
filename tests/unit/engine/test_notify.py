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
import types
from pathlib import Path

import pytest

from image_pipeline import artifact, exceptions
from image_pipeline.conf import settings as conf_settings
from image_pipeline.engine import events, notify
from image_pipeline.host import redaction
from image_pipeline.notifications import emit, payloads

STATE = artifact.StepState
PROD = conf_settings.Target(
    name='prod', catalogue='glance', hypervisor='nova', cloud='prod'
)


def step(key, target=None, provides=()):
    return types.SimpleNamespace(
        key=key,
        stage_name=key.partition('@')[0].partition('.')[0],
        target=target.name if target else None,
        format='qcow2' if target else None,
        stage=types.SimpleNamespace(provides=frozenset(provides)),
        context=types.SimpleNamespace(target=target),
    )


def made(kind, **properties):
    return artifact.Artifact(
        kind=kind,
        path=Path('/made'),
        digest='sha256:0',
        size=1,
        properties=properties,
    )


class Plan:
    """As much of a plan as is told of."""

    def __init__(self, target=PROD):
        self.recipe = types.SimpleNamespace(
            name='debian-12', image_name='debian-12'
        )
        self.targets = (target,)
        self.steps = (
            step('compose', provides=[artifact.DISK]),
            step('register@prod', target, [artifact.REGISTRATION]),
            step('smoke-test@prod', target, [artifact.SMOKE_REPORT]),
            step('promote@prod', target, [artifact.PROMOTION]),
        )

    def step(self, key):
        return next(one for one in self.steps if one.key == key)


@pytest.fixture
def sent():
    return []


@pytest.fixture
def notifier(sent):
    def make(**target):
        return notify.RunNotifier(
            Plan(dataclasses.replace(PROD, **target)),
            sent.append,
            redaction.Redactor(['sekret']),
        )

    return make


def types_of(sent):
    return [one.event_type.partition('.')[2] for one in sent]


def begin(told, key):
    told(events.StepStarted(run='r', step=key, reason='it never ran'))


def end(told, key, state=STATE.SUCCEEDED, reason='', *artifacts):
    told(
        events.StepFinished(
            run='r',
            step=key,
            state=state,
            seconds=1.23456,
            reason=reason,
            artifacts=artifacts,
        )
    )


def run_through(told):
    told(events.RunStarted(run='r', recipe='debian-12', steps=()))
    begin(told, 'compose')
    end(told, 'compose')
    begin(told, 'register@prod')
    registered = made(artifact.REGISTRATION, image_id='1', sha256='a' * 64)
    end(told, 'register@prod', STATE.SUCCEEDED, '', registered)
    begin(told, 'smoke-test@prod')
    end(told, 'smoke-test@prod')
    begin(told, 'promote@prod')
    promoted = made(artifact.PROMOTION, image_id='1', state='current')
    end(told, 'promote@prod', STATE.SUCCEEDED, '', promoted)
    told(
        events.RunFinished(
            run='r', state=artifact.RunState.SUCCEEDED, seconds=9.87654
        )
    )


def test_a_run_its_stages_and_its_images_are_told_of(notifier, sent):
    run_through(notifier(promote='auto'))
    assert types_of(sent) == [
        'run.start',
        'stage.start',
        'stage.end',
        'stage.start',
        'image.register.start',
        'image.register.end',
        'stage.end',
        'stage.start',
        'image.smoke_test.start',
        'image.smoke_test.end',
        'stage.end',
        'stage.start',
        'image.promote.start',
        'image.promote.end',
        'stage.end',
        'run.end',
    ]
    first, last = sent[0].payload, sent[-1].payload
    assert {one['state'] for one in first.stages} == {'pending'}
    assert {one['state'] for one in last.stages} == {'succeeded'}
    assert (first.state, first.seconds) == ('running', None)
    assert (last.state, last.seconds) == ('succeeded', 9.877)


def test_an_image_is_known_as_soon_as_it_is_registered(notifier, sent):
    run_through(notifier(promote='auto'))
    images = [
        one.payload
        for one in sent
        if isinstance(one.payload, payloads.ImagePayload)
    ]
    assert [(one.id, one.state) for one in images] == [
        (None, None),
        ('1', 'candidate'),
        ('1', 'candidate'),
        ('1', 'candidate'),
        ('1', 'candidate'),
        ('1', 'current'),
    ]
    assert {one.sha256 for one in images[1:]} == {'a' * 64}
    assert {one.cloud for one in images} == {'prod'}


def test_an_image_that_waits_for_a_person_is_not_promoted(notifier, sent):
    run_through(notifier(promote='manual'))
    assert not [name for name in types_of(sent) if 'promote' in name]


def test_a_failure_is_an_error_of_the_image_the_stage_and_the_run(
    notifier, sent
):
    told = notifier()
    told(events.RunStarted(run='r', recipe='debian-12', steps=()))
    begin(told, 'register@prod')
    end(told, 'register@prod', STATE.FAILED, 'Glance said sekret')
    end(told, 'smoke-test@prod', STATE.PENDING, 'waits for register@prod')
    told(
        events.RunFinished(
            run='r', state=artifact.RunState.FAILED, seconds=1.0
        )
    )
    assert types_of(sent)[3:] == [
        'image.register.error',
        'stage.error',
        'run.error',
    ]
    assert [one.payload.error for one in sent[3:]] == [
        'Glance said ***',
        'Glance said ***',
        'register@prod: Glance said ***',
    ]
    assert [one['state'] for one in sent[-1].payload.stages] == [
        'pending',
        'failed',
        'pending',
        'pending',
    ]


def test_an_interrupted_run_is_an_error_that_says_so(notifier, sent):
    told = notifier()
    told(events.RunStarted(run='r', recipe='debian-12', steps=()))
    begin(told, 'compose')
    end(told, 'compose', STATE.PENDING, 'interrupted')
    told(
        events.RunFinished(
            run='r', state=artifact.RunState.INTERRUPTED, seconds=1.0
        )
    )
    assert types_of(sent) == [
        'run.start',
        'stage.start',
        'stage.error',
        'run.error',
    ]
    assert sent[-1].payload.error == 'interrupted'


def test_an_error_of_the_run_itself_is_told(notifier, sent):
    told = notifier()
    told(events.RunStarted(run='r', recipe='debian-12', steps=()))
    told(
        events.RunFinished(
            run='r',
            state=artifact.RunState.FAILED,
            seconds=1.0,
            error='the disk is full',
        )
    )
    assert sent[-1].payload.error == 'the disk is full'


def test_a_step_that_never_began_is_told_of_by_its_run_only(notifier, sent):
    told = notifier()
    told(events.RunStarted(run='r', recipe='debian-12', steps=()))
    registered = made(artifact.REGISTRATION, image_id='1', sha256='b')
    end(told, 'register@prod', STATE.SKIPPED, 'unchanged', registered)
    begin(told, 'smoke-test@prod')
    assert types_of(sent) == [
        'run.start',
        'stage.start',
        'image.smoke_test.start',
    ]
    assert sent[-1].payload.id == '1'


def test_a_real_plan_is_told_of(plan, sent, settings, store):
    from image_pipeline.engine import decide, manifest, runner
    from image_pipeline.host import cancellation

    given = plan()
    with store.runs.create(
        '',
        manifest=manifest.begin(
            given, run_id='r', force=False, keep_on_failure=False
        ),
        run_id='r',
    ) as folder:
        runner.run(
            given,
            decide.decide(given, store),
            store=store,
            settings=settings,
            folder=folder,
            cancelled=cancellation.CancellationToken(),
            secret_values={},
            listeners=[
                notify.RunNotifier(given, sent.append, redaction.Redactor())
            ],
        )
    names = types_of(sent)
    assert (names[0], names[-1]) == ('run.start', 'run.end')
    assert names.count('stage.start') == names.count('stage.end') == 5


def test_there_is_no_notifier_where_nobody_wants_to_know(settings):
    assert notify.listener(Plan(), settings, redaction.Redactor()) is None


@pytest.fixture
def command(settings, sent, monkeypatch):
    """Do something with an image, as a command does it."""
    monkeypatch.setattr(emit, 'emitter', lambda given: sent.append)
    record = artifact.ImageRecord(
        id='1',
        name='debian-12.candidate-1',
        final_name='debian-12',
        state=artifact.ImageState.CANDIDATE,
        sha256='a' * 64,
        sha512='b' * 128,
        size=1,
        virtual_size=1,
        format='qcow2',
        visibility='private',
        hidden=True,
        created_at='2026-01-01T00:00:00Z',
        recipe='debian-12',
    )

    def do(action='promote'):
        return record, notify.image(
            settings, action, PROD, record, reason='because'
        )

    return do


def test_a_promotion_by_a_command_is_told_of(command, sent):
    record, doing = command()
    with doing as ended:
        current = dataclasses.replace(
            record, state=artifact.ImageState.CURRENT
        )
        ended(current, former=dataclasses.replace(record, id='0'))
    assert types_of(sent) == ['image.promote.start', 'image.promote.end']
    before, after = (one.payload for one in sent)
    assert (before.state, after.state) == ('candidate', 'current')
    assert (before.former_id, after.former_id) == (None, '0')
    assert after.reason == 'because'
    assert after.name == 'debian-12'


def test_a_deleted_image_says_so(command, sent):
    _, doing = command('retire')
    with doing as ended:
        ended(None)
    assert sent[-1].payload.state == 'deleted'


@pytest.mark.parametrize(
    ('exc', 'said'),
    [
        (exceptions.StateConflict('it is retired'), 'it is retired'),
        (KeyboardInterrupt(), 'KeyboardInterrupt'),
    ],
)
def test_what_a_command_could_not_do_is_an_error(command, sent, exc, said):
    _, doing = command('revoke')
    with pytest.raises(type(exc)), doing:
        raise exc
    assert types_of(sent) == ['image.revoke.start', 'image.revoke.error']
    assert sent[-1].payload.error == said
    assert sent[-1].payload.state == 'candidate'


def test_a_command_goes_on_where_nobody_wants_to_know(
    settings, sent, command, monkeypatch
):
    record, _ = command()
    monkeypatch.setattr(emit, 'emitter', lambda given: None)
    with notify.image(settings, 'promote', PROD, record) as ended:
        ended(record)
    assert not sent
