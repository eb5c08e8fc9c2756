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
from image_pipeline.engine import bake, decide
from image_pipeline.stages import base


def reasons(plan, store, **options):
    return {
        one.step.key: one.reason
        for one in decide.decide(plan, store, **options)
        if not one.skip
    }


@pytest.fixture
def baked(plan, settings):
    """A plan that was baked."""
    made = plan()
    done = bake.Bakery(settings).bake(made, bake.Options())
    assert done.state == 'succeeded'
    return made


def made_by(plan, store, key):
    for one in decide.decide(plan, store):
        if one.step.key == key:
            return next(iter(one.artifacts.values()))
    raise AssertionError(key)


def remove(store, one):
    assert store.artifacts.discard(one.digest)


def test_a_plan_that_never_ran_runs_whole_and_says_so(plan, store):
    assert reasons(plan(), store) == {
        'fake-make': 'it has not run yet',
        'fake-convert.qcow2': 'fake-make will run',
        'fake-convert.raw': 'fake-make will run',
        'fake-check.qcow2': 'fake-convert.qcow2 will run',
        'fake-check.raw': 'fake-convert.raw will run',
    }


def test_an_unchanged_plan_is_skipped_whole(baked, store):
    decisions = decide.decide(baked, store)
    assert {one.reason for one in decisions} == {'nothing has changed'}
    assert all(one.skip and one.step_id and one.run for one in decisions)


def test_deciding_writes_nothing(baked, store):
    before = sorted(
        (str(path), path.lstat().st_mtime_ns)
        for path in store.state_dir.rglob('*')
    )
    decide.decide(baked, store)
    after = sorted(
        (str(path), path.lstat().st_mtime_ns)
        for path in store.state_dir.rglob('*')
    )
    assert after == before


def test_a_changed_option_is_named(baked, plan, store):
    changed = plan('fake-check.content=other')
    assert reasons(changed, store) == {
        'fake-check.qcow2': 'options changed: content',
        'fake-check.raw': 'options changed: content',
    }


def test_another_stage_version_is_named(baked, store, monkeypatch):
    stage = baked.step('fake-check.raw').stage
    monkeypatch.setattr(type(stage), 'version', '2')
    assert reasons(baked, store) == {
        'fake-check.qcow2': 'stage version 1 -> 2',
        'fake-check.raw': 'stage version 1 -> 2',
    }


def test_force_runs_every_step(baked, store):
    found = reasons(baked, store, force=True)
    assert set(found) == {step.key for step in baked.steps}
    assert set(found.values()) == {'--force'}


def test_an_intermediate_that_was_collected_is_no_reason(baked, store):
    remove(store, made_by(baked, store, 'fake-make'))
    assert reasons(baked, store) == {}


def test_a_collected_intermediate_is_made_again_if_a_step_needs_it(
    baked, plan, store
):
    remove(store, made_by(baked, store, 'fake-make'))
    changed = plan('fake-convert.content=other')
    found = reasons(changed, store)
    assert found['fake-make'] == (
        'artifact missing: disk, which fake-convert.qcow2 needs'
    ) or found['fake-make'].startswith('artifact missing: disk')


def test_what_the_plan_ends_with_must_be_there(baked, store):
    remove(store, made_by(baked, store, 'fake-check.raw'))
    assert reasons(baked, store) == {
        'fake-check.raw': 'artifact missing: audit-report'
    }


def test_a_missing_artifact_pulls_in_all_that_leads_to_it(baked, store):
    for key in ('fake-make', 'fake-convert.raw', 'fake-check.raw'):
        remove(store, made_by(baked, store, key))
    found = reasons(baked, store)
    assert found['fake-check.raw'] == 'artifact missing: audit-report'
    assert found['fake-convert.raw'] == (
        'artifact missing: image, which fake-check.raw needs'
    )
    assert found['fake-make'] == (
        'artifact missing: disk, which fake-convert.raw needs'
    )


def test_a_damaged_artifact_is_made_again(baked, store):
    path = made_by(baked, store, 'fake-make').path
    path.chmod(0o644)
    path.write_text('CONTENT')
    assert reasons(baked, store)['fake-make'] == 'artifact damaged: disk'


def test_a_touched_artifact_is_read_again_and_taken(baked, store):
    path = made_by(baked, store, 'fake-make').path
    path.touch()
    assert reasons(baked, store) == {}


def test_the_reason_of_a_stage_that_verifies_is_given(
    plan, settings, store, tmp_path
):
    witness = tmp_path / 'witness'
    witness.touch()
    made = plan(f'fake-check.valid_if={witness}')
    bake.Bakery(settings).bake(made, bake.Options())
    assert reasons(made, store) == {}
    witness.unlink()
    assert set(reasons(made, store).values()) == {f'{witness} is gone'}


def test_a_stage_that_is_never_cached_always_runs(baked, store, monkeypatch):
    stage = type(baked.step('fake-check.raw').stage)
    monkeypatch.setattr(stage, 'cache', base.CachePolicy.NEVER)
    assert reasons(baked, store) == {
        'fake-check.qcow2': 'it always runs',
        'fake-check.raw': 'it always runs',
    }


def test_a_state_folder_that_was_moved_is_still_good(baked, store, settings):
    moved = settings.state_dir.with_name('moved')
    settings.state_dir.rename(moved)
    from image_pipeline.store import store as store_module

    there = store_module.Store(moved)
    decisions = decide.decide(baked, there)
    assert all(one.skip for one in decisions)
    for one in decisions:
        for made in one.artifacts.values():
            assert made.path.is_relative_to(moved)


def test_a_decision_is_a_frozen_value(baked, store):
    decision = decide.decide(baked, store)[0]
    assert set(decision.artifacts) == {artifact.DISK}
    with pytest.raises(dataclasses.FrozenInstanceError):
        decision.skip = False


def breaks(error):
    def method(*args, **kwargs):
        raise error

    return method


def test_a_stage_that_cannot_say_whether_its_result_holds_is_named(
    baked, store, monkeypatch
):
    stage = type(baked.step('fake-check.raw').stage)
    monkeypatch.setattr(stage, 'still_valid', breaks(KeyError('image_id')))
    with pytest.raises(exceptions.StageFailed) as caught:
        decide.decide(baked, store)
    assert str(caught.value) == (
        'fake-check.qcow2: the stage fake-check cannot say whether its former '
        "result holds: KeyError: 'image_id'"
    )
    assert 'bake --force' in caught.value.hint
    assert isinstance(caught.value.__cause__, KeyError)


def test_force_asks_no_stage_whether_its_result_holds(
    baked, store, settings, monkeypatch
):
    stage = type(baked.step('fake-check.raw').stage)
    monkeypatch.setattr(stage, 'still_valid', breaks(KeyError('image_id')))
    done = bake.Bakery(settings).bake(baked, bake.Options(force=True))
    assert done.state == 'succeeded'


def test_a_stage_that_cannot_say_what_its_inputs_are_is_named(
    baked, store, monkeypatch
):
    stage = type(baked.step('fake-make').stage)
    monkeypatch.setattr(stage, 'fingerprint', breaks(OSError(5, 'I/O error')))
    with pytest.raises(exceptions.StageFailed) as caught:
        decide.decide(baked, store)
    assert str(caught.value).startswith(
        'fake-make: the stage fake-make cannot say what its inputs are: '
        'OSError: '
    )
    assert caught.value.hint is not None


def test_an_error_of_ours_is_handed_on_as_it_is(baked, store, monkeypatch):
    stage = type(baked.step('fake-check.raw').stage)
    error = exceptions.Unavailable('the catalogue does not answer')
    monkeypatch.setattr(stage, 'still_valid', breaks(error))
    with pytest.raises(exceptions.Unavailable) as caught:
        decide.decide(baked, store)
    assert caught.value is error
