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
from image_pipeline.engine import targets, undo
from image_pipeline.store import runs


@pytest.fixture
def run(store):
    made = store.runs.create(
        'text',
        manifest={
            'recipe': 'r',
            'state': 'running',
            'steps': {'s': {'state': 'running'}},
        },
        run_id=runs.new_id('r'),
    )
    yield made
    made.release()


class FakePlugin:
    """A catalogue or a hypervisor that only undoes."""

    def __init__(self):
        self.undone = []

    def undo(self, arguments):
        self.undone.append(arguments)


@pytest.fixture
def plugin(monkeypatch):
    made = FakePlugin()
    monkeypatch.setattr(targets, 'catalogue', lambda *_: made)
    monkeypatch.setattr(targets, 'hypervisor', lambda *_: made)
    return made


@pytest.fixture
def killed(monkeypatch):
    found = []
    monkeypatch.setattr(undo.process, 'kill_run', found.append)
    return found


@pytest.fixture
def detached(monkeypatch):
    found = []
    monkeypatch.setattr(undo.loops, 'detach', found.append)
    return found


def record(kind, **arguments):
    return artifact.UndoRecord(kind=kind, arguments=arguments)


def test_every_kind_is_undone(
    run, settings, store, plugin, killed, detached, tmp_path
):
    left = tmp_path / 'left'
    left.mkdir()
    run.journal.announce('', record('process', run=run.id))
    run.journal.announce('s', record('path', path=str(left)))
    run.journal.announce('s', record('loops', mark='loops-1'))
    run.journal.announce('s', record('catalogue', target='local', id='1'))
    run.journal.announce('s', record('hypervisor', target='local', id='2'))
    undone = undo.Undo(settings, store).run(run)
    assert undone.failed == ()
    assert len(undone.done) == 5
    assert detached == ['loops-1']
    assert 'loop devices of loops-1' in undone.done
    assert killed == [run.id]
    assert not left.exists()
    assert [one['id'] for one in plugin.undone] == ['2', '1']
    assert run.journal.pending() == []


def test_a_step_is_undone_without_killing_the_others(
    run, settings, store, killed, tmp_path
):
    run.journal.announce('', record('process', run=run.id))
    run.journal.announce('s', record('process', run=run.id))
    run.journal.announce('s', record('path', path=str(tmp_path / 'x')))
    run.journal.announce('t', record('path', path=str(tmp_path / 'y')))
    undone = undo.Undo(settings, store).step(run, 's')
    assert undone.done == (f'path {tmp_path}/x',)
    assert killed == []
    assert len(run.journal.pending()) == 3


@pytest.mark.parametrize(
    ('one', 'words'),
    [
        (record('path', path='/etc'), 'not ours'),
        (record('strange'), 'nobody knows'),
        (record('path'), "'path'"),
        (record('catalogue', target='gone'), 'no target "gone"'),
    ],
)
def test_what_cannot_be_undone_is_told_and_tried_again(
    run, settings, store, tmp_path, one, words
):
    left = tmp_path / 'left'
    left.touch()
    run.journal.announce('s', record('path', path=str(left)))
    run.journal.announce('s', one)
    undone = undo.Undo(settings, store).run(run)
    assert words in undone.failed[0]
    assert not left.exists()
    assert [entry.record for entry in run.journal.pending()] == [one]


def test_a_run_that_is_alive_is_not_reaped(run, settings, store):
    assert undo.reap(undo.Undo(settings, store)) == []


def test_a_dead_run_is_interrupted_afterwards(run, settings, store):
    run.release()
    told = []
    (reaped,) = undo.reap(undo.Undo(settings, store), told=told.append)
    assert told == [reaped]
    assert (reaped.run, reaped.recipe) == (run.id, 'r')
    assert run.manifest['state'] == 'interrupted'
    assert run.manifest['steps']['s']['state'] == 'pending'
    assert not run.unfinished
    assert undo.reap(undo.Undo(settings, store)) == []


def test_a_dead_run_with_something_left_is_tried_again(run, settings, store):
    run.journal.announce('s', record('strange'))
    run.release()
    for _ in range(2):
        (reaped,) = undo.reap(undo.Undo(settings, store))
        assert reaped.undone.failed
    assert run.unfinished


def test_a_dry_run_changes_nothing(run, settings, store, tmp_path):
    left = tmp_path / 'left'
    left.touch()
    run.journal.announce('s', record('path', path=str(left)))
    run.release()
    (reaped,) = undo.reap(undo.Undo(settings, store), dry_run=True)
    assert reaped.undone.done == (f'path {left}',)
    assert left.exists()
    assert run.unfinished


def test_a_run_that_was_killed_while_it_was_made_goes(settings, store):
    folder = store.runs.root / '.new-x'
    folder.mkdir(parents=True)
    undo.reap(undo.Undo(settings, store))
    assert not folder.exists()


def test_a_plugin_that_fails_in_any_way_is_told(
    run, settings, store, monkeypatch
):
    def fail(*_):
        raise exceptions.Unavailable('the cloud is away')

    monkeypatch.setattr(targets, 'catalogue', fail)
    run.journal.announce('s', record('catalogue', target='local', id='1'))
    undone = undo.Undo(settings, store).run(run)
    assert undone.failed == ('catalogue local: 1: the cloud is away',)
    assert dataclasses.is_dataclass(undone)
