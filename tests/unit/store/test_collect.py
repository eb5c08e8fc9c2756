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

import os
import time

import pytest

from image_pipeline import artifact
from image_pipeline.store import collect, runs, steps
from image_pipeline.store import store as store_module

DAY = 86400
POLICY = collect.Policy(keep_days=10, cache_bytes=1 << 30, keep_runs=2)
LATER = time.time() + 11 * DAY


@pytest.fixture
def store(tmp_path):
    made = store_module.Store(tmp_path / 'state')
    made.prepare()
    return made


def adopt(store, tmp_path, text):
    path = tmp_path / 'file'
    path.write_text(text)
    made = artifact.Artifact(kind='disk', path=path, digest='', size=0)
    return store.artifacts.adopt(made)


def names(gone):
    return {(one.what, one.name) for one in gone}


def run(store, recipe='r', *, end=True):
    made = store.runs.create(
        'text', manifest={'recipe': recipe}, run_id=runs.new_id(recipe)
    )
    if end:
        made.end()
    made.release()
    return made


def test_an_artifact_goes_when_it_was_long_not_used(store, tmp_path):
    made = adopt(store, tmp_path, 'x')
    assert collect.collect(store, POLICY) == []
    gone = collect.collect(store, POLICY, now=LATER)
    assert names(gone) == {('artifact', made.digest[7:])}
    assert not store.artifacts.present(made)


def test_list_of_packages_stays_as_long_as_its_run(store, tmp_path):
    made = adopt(store, tmp_path, '[]')
    listed = {'kind': 'packages', 'digest': made.digest}
    for _ in range(3):
        folder = run(store, end=False)
        folder.save_manifest(
            {'recipe': 'r', 'steps': {'compose': {'artifacts': [listed]}}}
        )
        folder.end()
        listed = {**listed, 'digest': 'sha256:' + '0' * 64}
    gone = collect.collect(store, POLICY, now=LATER)
    # Of three runs two are kept; the first one had this list.
    assert ('artifact', made.digest[7:]) in names(gone)
    again = adopt(store, tmp_path, '[]')
    folder.save_manifest(
        {
            'recipe': 'r',
            'steps': {
                'compose': {
                    'artifacts': [{'kind': 'packages', 'digest': again.digest}]
                },
                'audit': {'artifacts': []},
            },
        }
    )
    assert collect.collect(store, POLICY, now=LATER) == []


def test_what_is_leased_or_in_the_catalogue_stays(store, tmp_path):
    leased = adopt(store, tmp_path, 'leased')
    linked = adopt(store, tmp_path, 'linked')
    os.link(linked.path, tmp_path / 'catalogue')
    with store.artifacts.lease(leased.digest):
        assert collect.collect(store, POLICY, now=LATER) == []
    assert store.artifacts.verify(leased)
    assert store.artifacts.verify(linked)


def test_small_artifacts_of_the_latest_steps_stay_to_compare_with(
    store, tmp_path
):
    made = adopt(store, tmp_path, 'packages')
    store.steps.save(
        steps.StepRecord(
            step_id='a' * 64,
            run='r',
            identity={},
            artifacts={'packages': made},
            finished='',
            seconds=0,
        ),
        recipe='r',
        key='compose',
    )
    assert collect.collect(store, POLICY, now=LATER) == []


def test_a_step_of_which_nothing_is_left_is_forgotten(store, tmp_path):
    for step_id in ('a' * 64, 'b' * 64):
        store.steps.save(
            steps.StepRecord(
                step_id=step_id,
                run='r',
                identity={},
                artifacts={},
                finished='',
                seconds=0,
            ),
            recipe='r',
            key='compose',
        )
    gone = collect.collect(store, POLICY, now=LATER)
    assert names(gone) == {('step', 'a' * 64)}


def test_runs_beyond_the_number_go_recipe_by_recipe(store):
    old, *kept = [run(store) for _ in range(3)]
    other = run(store, 'other')
    told = []
    gone = collect.collect(store, POLICY, forget=told.append)
    assert names(gone) == {('run', old.id)}
    assert [one.id for one in told] == [old.id]
    assert {one.id for one in store.runs.list_runs()} == {
        other.id,
        *(one.id for one in kept),
    }


def test_a_run_that_has_something_to_undo_stays(store):
    first = run(store, end=False)
    for _ in range(3):
        run(store)
    assert first.id not in {one.name for one in collect.collect(store, POLICY)}


def test_the_cache_shrinks_to_its_size_the_least_used_first(store):
    folder = store.cache.folder('base-trees')
    for age, name in enumerate(('new', 'older', 'oldest')):
        path = folder / name
        path.write_bytes(b'x' * 8192)
        moment = time.time() - age * 3600
        os.utime(path, (moment, moment))
    policy = collect.Policy(keep_days=10, cache_bytes=9000, keep_runs=2)
    dry = collect.collect(store, policy, dry_run=True)
    assert len(list(folder.iterdir())) == 3
    assert names(collect.collect(store, policy)) == names(dry)
    assert [path.name for path in folder.iterdir()] == ['new']


def test_the_cache_is_left_alone_while_a_run_is_under_way(store):
    (store.cache.folder('packages') / 'x').write_text('x')
    alive = store.runs.create('text', manifest={}, run_id=runs.new_id('alive'))
    assert collect.collect(store, POLICY, now=LATER) == []
    alive.end()
    alive.release()
    assert names(collect.collect(store, POLICY, now=LATER)) == {
        ('cache', 'packages/x')
    }


def test_a_dry_run_removes_nothing(store, tmp_path):
    made = adopt(store, tmp_path, 'x')
    gone = collect.collect(store, POLICY, now=LATER, dry_run=True)
    assert names(gone) == {('artifact', made.digest[7:])}
    assert store.artifacts.verify(made)
