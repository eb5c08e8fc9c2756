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

import itertools

import pytest

from image_pipeline import artifact, exceptions
from image_pipeline.store import runs


@pytest.fixture
def every(tmp_path):
    return runs.Runs(tmp_path / 'runs')


def create(every, name='debian-12', *, alive=False, **manifest):
    run = every.create(
        'text',
        manifest={'recipe': name, 'state': 'running', **manifest},
        run_id=runs.new_id(name),
    )
    if not alive:
        run.release()
    return run


def test_an_id_is_a_file_name_and_names_the_recipe():
    made = runs.new_id('my recipe/../x')
    assert '/' not in made
    assert ' ' not in made
    assert 'my_recipe' in made
    assert len({runs.new_id('x') for _ in range(20)}) > 15


def test_a_new_run_is_alive_until_it_is_released(every):
    run = create(every, alive=True)
    assert every.get(run.id).alive()
    run.release()
    assert not every.get(run.id).alive()


def test_a_run_keeps_the_recipe_and_the_manifest(every):
    run = create(every)
    assert run.recipe_copy.read_text() == 'text'
    assert run.manifest['recipe'] == 'debian-12'


def test_runs_are_listed_the_newest_first(every):
    made = [create(every).id for _ in range(3)]
    assert [run.id for run in every.list_runs()] == made[::-1]


def test_a_run_is_found_by_a_part_of_its_id(every):
    first, second = create(every, 'one'), create(every, 'two')
    assert every.get('latest').id == second.id
    assert every.get(first.id[-4:]).id == first.id
    with pytest.raises(exceptions.NotFound, match='one of 2 runs'):
        every.get('20')
    with pytest.raises(exceptions.NotFound, match='there is no run'):
        every.get('nothing')
    with pytest.raises(exceptions.NotFound):
        every.get('')


def test_no_runs_are_no_error_until_one_is_asked_for(every):
    assert every.list_runs() == []
    with pytest.raises(exceptions.NotFound):
        every.get('latest')


def test_a_run_under_way_cannot_be_taken_over(every):
    run = create(every, alive=True)
    with pytest.raises(exceptions.Unavailable, match='is under way'):
        every.open(run.id)
    assert list(every.dead()) == []
    run.release()
    assert [one.id for one in every.dead()] == [run.id]


def test_a_run_that_ended_is_not_dead(every):
    run = create(every)
    run.work.mkdir()
    run.end()
    assert not run.work.exists()
    assert list(every.dead()) == []


def test_work_folders_stay_as_long_as_something_is_kept(every):
    run = create(every)
    run.work.mkdir()
    record = artifact.UndoRecord(kind='path', arguments={'path': '/a/b'})
    run.journal.announce('step', record)
    run.journal.keep('step')
    run.end()
    assert run.work.exists()


def test_a_run_that_could_not_be_made_leaves_nothing(every, monkeypatch):
    def fail(*_, **__):
        raise exceptions.StageFailed('no space is left')

    monkeypatch.setattr(runs.files, 'save_text', fail)
    with pytest.raises(exceptions.StageFailed):
        create(every)
    assert list(every.root.iterdir()) == []


def test_logs_are_given_line_by_line(every):
    run = create(every)
    run.log('one').write_text('a\nb')
    run.log('two').write_text('c\n')
    assert list(runs.lines(run, ['one', 'two', 'missing'])) == [
        ('one', 'a'),
        ('one', 'b'),
        ('two', 'c'),
    ]


def test_following_ends_with_the_run(every, monkeypatch):
    run = create(every, alive=True)
    run.log('one').write_text('first\nhalf')
    turns = itertools.count()

    def sleep(seconds):
        if next(turns):
            run.release()
        else:
            with run.log('one').open('a') as log:
                log.write(' and half\n')

    monkeypatch.setattr(runs.time, 'sleep', sleep)
    assert list(runs.lines(run, ['one'], follow=True)) == [
        ('one', 'first'),
        ('one', 'half and half'),
    ]
