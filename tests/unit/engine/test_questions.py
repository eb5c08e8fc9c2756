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


import types
from pathlib import Path

import pytest

from image_pipeline import artifact
from image_pipeline.engine import (
    decide,
    preflight,
    questions,
    targets,
)
from image_pipeline.store import steps as store_steps
from image_pipeline.testing import fakes

MIB = 1 << 20


def image(size, virtual_size):
    return artifact.Artifact(
        kind=artifact.IMAGE,
        path=Path('x'),
        digest='sha256:' + 'ab' * 32,
        size=size,
        properties={'virtual_size': virtual_size},
    )


def decision(name, *, makes, target=None, skip=False, form=None, **more):
    """Return a decision about a step of a stage that makes something."""
    context = types.SimpleNamespace(
        target=target,
        image_name='debian-12',
        image_properties={'os_distro': 'debian'},
    )
    step = types.SimpleNamespace(
        key=f'{name}@{target.name}' if target else name,
        stage_name=name,
        stage=types.SimpleNamespace(provides=frozenset({makes})),
        options=more.pop('options', {}),
        context=context,
        format=form,
    )
    return decide.Decision(step=step, skip=skip, reason='', **more)


CLOUD = fakes.target(
    'mine', cloud='mine', image_name='final', properties={'a': 'b'}
)


@pytest.fixture
def asked(store, settings, monkeypatch):
    """What catalogue and hypervisor of a target are asked."""
    seen = []

    def plugin(kind):
        def preflight(intent):
            seen.append((kind, intent))
            return ()

        return types.SimpleNamespace(preflight=preflight)

    monkeypatch.setattr(targets, 'catalogue', lambda *_: plugin('catalogue'))
    monkeypatch.setattr(targets, 'hypervisor', lambda *_: plugin('hypervisor'))

    def call(*decisions):
        seen.clear()
        found = list(
            questions.questions(decisions, store, settings, 'debian-12')
        )
        for one in found:
            list(one.ask())
        return found, dict(seen)

    call.seen = seen
    return call


def test_steps_at_a_cloud_are_asked_for_and_no_others(asked):
    local = fakes.target()
    found, seen = asked(
        decision('convert', makes=artifact.IMAGE),
        decision('register', makes=artifact.REGISTRATION, target=local),
        decision('register', makes=artifact.REGISTRATION, target=CLOUD),
    )
    assert [one.steps for one in found] == [('register@mine',)]
    assert seen.keys() == {'catalogue'}


def test_step_that_is_skipped_is_not_asked_for(asked):
    found, seen = asked(
        decision(
            'register', makes=artifact.REGISTRATION, target=CLOUD, skip=True
        ),
        decision(
            'smoke-test',
            makes=artifact.SMOKE_REPORT,
            target=CLOUD,
            options={'memory_mib': 128},
        ),
    )
    assert [one.steps for one in found] == [('smoke-test@mine',)]
    assert seen['hypervisor'].makes == {
        artifact.SMOKE_REPORT: {'memory_mib': 128}
    }


def test_intent_has_what_is_said_of_the_image(asked):
    _, seen = asked(
        decision(
            'register',
            makes=artifact.REGISTRATION,
            target=CLOUD,
            options={'properties': {'c': 'd'}},
        )
    )
    intent = seen['catalogue']
    assert intent.name == 'final'
    assert intent.format == 'qcow2'
    assert intent.properties == {'os_distro': 'debian', 'a': 'b', 'c': 'd'}
    assert intent.size is None
    assert intent.seconds > 0


def test_image_that_is_there_says_how_large_it_is(asked):
    _, seen = asked(
        decision(
            'convert',
            makes=artifact.IMAGE,
            form='qcow2',
            skip=True,
            artifacts={artifact.IMAGE: image(5, 7 * MIB)},
        ),
        decision('register', makes=artifact.REGISTRATION, target=CLOUD),
    )
    assert seen['catalogue'].size == 5
    assert seen['catalogue'].virtual_size == 7 * MIB


def test_of_an_image_to_be_built_the_former_one_says_it(
    asked, store, monkeypatch
):
    record = types.SimpleNamespace(artifacts={artifact.IMAGE: image(6, 8)})
    monkeypatch.setattr(
        store_steps.Steps,
        'latest',
        lambda self, recipe, key: record if key == 'convert.qcow2' else None,
    )
    _, seen = asked(
        decision('convert.qcow2', makes=artifact.IMAGE, form='qcow2'),
        decision('convert.raw', makes=artifact.IMAGE, form='raw'),
        decision('register', makes=artifact.REGISTRATION, target=CLOUD),
    )
    assert (seen['catalogue'].size, seen['catalogue'].virtual_size) == (6, 8)


def test_plan_for_this_host_asks_nobody(store, settings):
    local = decision(
        'register', makes=artifact.REGISTRATION, target=fakes.target()
    )
    assert preflight.check(
        [local], store=store, settings=settings, recipe='r'
    ) == []  # fmt: skip


def test_target_can_be_asked_for_everything_that_a_bake_does(asked, settings):
    asked()
    for promote, kinds in (
        ('auto', {artifact.REGISTRATION, artifact.PROMOTION}),
        ('manual', {artifact.REGISTRATION}),
    ):
        target = fakes.target('mine', cloud='mine', promote=promote)
        found = list(questions.everything(target, settings))
        assert [one.who for one in found] == [
            questions.IMAGES,
            questions.SERVERS,
        ]
        for one in found:
            assert list(one.ask()) == []
        intent = asked.seen[-1][1]
        assert intent.makes.keys() - {artifact.SMOKE_REPORT} == kinds
        assert intent.makes[artifact.SMOKE_REPORT]['memory_mib'] == 1024


def test_catalogue_of_another_package_is_asked_without_a_cloud(asked):
    shelf = fakes.target('shelf', catalogue='shelf')
    found, _ = asked(
        decision('register', makes=artifact.REGISTRATION, target=shelf)
    )
    assert [one.target for one in found] == ['shelf']
