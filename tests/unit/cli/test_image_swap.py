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

from image_pipeline import exceptions
from image_pipeline.catalogues import base as catalogue_base
from image_pipeline.testing.conformance import catalogue as conformance

NAME = conformance.NAME


def states(catalogue):
    return {one.id: one.state.value for one in catalogue.list_images()}


def rows(out):
    return {one['id']: one for one in json.loads(out)}


def test_promote_takes_the_candidate_of_a_name(call, add, catalogue):
    old = add(b'1', promote=True)
    new = add(b'2', tested=True)
    words = ('image', 'promote', NAME, '--reason', 'why', '-f', 'json')
    status, out, _ = call(*words)
    assert status == 0
    assert json.loads(out) == [
        {
            'target': 'local',
            'id': new.id,
            'name': NAME,
            'before': 'candidate',
            'after': 'current',
            'reason': 'why',
            'image_before': {
                'name': new.name,
                'state': 'candidate',
                'visibility': 'private',
                'hidden': True,
            },
            'image_after': {
                'name': NAME,
                'state': 'current',
                'visibility': 'private',
                'hidden': False,
            },
            'members': [],
        },
        {
            'target': 'local',
            'id': old.id,
            'name': NAME,
            'before': 'current',
            'after': 'previous',
            'reason': '',
            'image_before': {
                'name': NAME,
                'state': 'current',
                'visibility': 'private',
                'hidden': False,
            },
            'image_after': {
                'name': NAME,
                'state': 'previous',
                'visibility': 'private',
                'hidden': True,
            },
            'members': [],
        },
    ]
    assert states(catalogue) == {old.id: 'previous', new.id: 'current'}


def test_table_shows_before_and_after(call, add):
    add(b'1', promote=True)
    new = add(b'2', tested=True)
    _, out, _ = call('image', 'promote', NAME)
    assert f'{new.name} → {NAME}' in out
    assert 'candidate → current' in out
    assert 'current → previous' in out
    assert 'yes → no' in out
    assert 'members' not in out


@pytest.mark.parametrize('words', [('promote', NAME), ('rollback', NAME)])
def test_dry_run_shows_and_changes_nothing(call, add, catalogue, words):
    add(b'0', promote=True)
    add(b'1', promote=True)
    add(b'2', tested=True)
    before = states(catalogue)
    status, out, _ = call('image', *words, '--dry-run', '-f', 'json')
    assert status == 0
    dry = rows(out)
    assert states(catalogue) == before
    status, out, _ = call('image', *words, '-f', 'json')
    assert status == 0
    assert rows(out) == dry


def test_dry_run_refuses_what_only_the_catalogue_knows(call, two, monkeypatch):
    catalogue, add = two['one']
    add(b'1', tested=True)

    def refuse(image_id, *, force):
        raise exceptions.StateConflict('there is one made by hand')

    monkeypatch.setattr(catalogue, 'check_promotion', refuse)
    words = ('image', 'promote', NAME, '--target', 'one', '--dry-run')
    status, out, err = call(*words)
    assert (status, out) == (1, '')
    assert 'made by hand' in err


@pytest.mark.parametrize('dry', [(), ('--dry-run',)])
def test_candidate_that_nobody_booted_is_refused(call, add, catalogue, dry):
    record = add(b'1')
    status, out, err = call('image', 'promote', NAME, *dry)
    assert (status, out) == (1, '')
    assert 'no smoke test' in err
    assert f'image promote --force {record.id}' in err
    assert states(catalogue) == {record.id: 'candidate'}
    status, _, _ = call('image', 'promote', NAME, '--force')
    assert status == 0
    assert states(catalogue) == {record.id: 'current'}


def test_smoke_test_of_other_content_does_not_count(call, add, catalogue):
    record = add(b'1')
    other = catalogue_base.Tested(sha256='0' * 64, ram=512)
    catalogue.set_properties(record.id, {}, tested=other)
    status, _, err = call('image', 'promote', NAME)
    assert status == 1
    assert 'of other content' in err


def test_image_that_was_current_needs_no_new_smoke_test(call, add, catalogue):
    old = add(b'1', promote=True)
    new = add(b'2', promote=True)
    status, _, _ = call('image', 'promote', NAME, '--to', old.id[:8])
    assert status == 0
    assert states(catalogue) == {old.id: 'current', new.id: 'previous'}


def test_image_of_another_name_is_not_the_one_meant(call, add, catalogue):
    add(b'1', tested=True)
    other = add(b'2', name='other', tested=True)
    for verb in 'promote', 'rollback':
        status, _, err = call('image', verb, NAME, '--to', other.id)
        assert status == 2
        assert f'is no image of {NAME}' in err
        assert 'other' in err
    assert set(states(catalogue).values()) == {'candidate'}


def test_unknown_image_of_a_name_is_not_found(call, add):
    add(b'1', tested=True)
    status, _, err = call('image', 'promote', NAME, '--to', '00000000')
    assert status == 2
    assert f'image list {NAME}' in err


def test_promoting_the_current_image_says_so(call, add):
    record = add(b'1', promote=True)
    status, _, err = call('image', 'promote', record.id)
    assert status == 0
    assert 'is current already' in err


def test_rollback_rejects_and_promote_needs_force(call, add, catalogue):
    good = add(b'1', promote=True)
    bad = add(b'2', promote=True)
    status, _, _ = call('image', 'rollback', NAME, '--reason', 'panic')
    assert status == 0
    assert states(catalogue) == {good.id: 'current', bad.id: 'rejected'}
    status, _, err = call('image', 'promote', bad.id)
    assert status == 1
    assert 'panic' in err
    assert '--force' in err
    status, _, _ = call('image', 'promote', bad.id, '--force')
    assert status == 0
    assert states(catalogue)[bad.id] == 'current'


def test_rollback_without_previous_image_is_refused(call, add):
    add(b'1', promote=True)
    status, _, err = call('image', 'rollback', NAME)
    assert status == 1
    assert 'no previous image' in err


def test_rollback_to_an_image(call, add, catalogue):
    ids = [add(bytes([65 + n]), promote=True).id for n in range(3)]
    words = ('image', 'rollback', NAME, '--to', ids[0], '-f', 'json')
    status, out, _ = call(*words)
    assert status == 0
    assert set(rows(out)) == {ids[0], ids[2]}
    assert states(catalogue) == {
        ids[0]: 'current',
        ids[1]: 'previous',
        ids[2]: 'rejected',
    }


def test_several_targets_are_promoted_by_one_command(call, two):
    for _, add in two.values():
        add(b'1', tested=True)
    words = ('image', 'promote', NAME, '--target', 'one', '--target', 'two')
    status, out, _ = call(*words, '-f', 'json')
    assert status == 0
    assert {row['target'] for row in json.loads(out)} == {'one', 'two'}
    for catalogue, _ in two.values():
        assert set(states(catalogue).values()) == {'current'}


def test_same_content_is_named_by_its_digest_at_every_target(call, two):
    for catalogue, add in two.values():
        add(b'1', tested=True)
        add(b'other', tested=True)
        digest = next(
            one.sha256
            for one in catalogue.list_images()
            if one.id == 'fake-image-1'
        )
    both = ('--target', 'one', '--target', 'two')
    for text in digest[:12], f'sha256:{digest}':
        words = ('image', 'promote', NAME, '--to', text, *both, '--dry-run')
        status, out, _ = call(*words, '-f', 'json')
        assert status == 0
        assert {row['id'] for row in json.loads(out)} == {'fake-image-1'}


def test_what_fails_at_one_target_does_not_stop_the_other(call, two):
    two['two'][1](b'1', tested=True)
    words = ('image', 'promote', NAME, '--target', 'one', '--target', 'two')
    status, out, err = call(*words, '-f', 'json')
    assert status == 1
    assert 'error: one: there is no image' in err
    assert [row['target'] for row in json.loads(out)] == ['two']


def test_unknown_target_is_found_before_anything_is_done(call, two):
    catalogue, add = two['one']
    add(b'1', tested=True)
    words = ('image', 'promote', NAME, '--target', 'one', '--target', 'tow')
    status, _, err = call(*words)
    assert status == 2
    assert 'did you mean "two"?' in err
    assert set(states(catalogue).values()) == {'candidate'}


def test_all_or_none_promotes_all(call, two):
    for _, add in two.values():
        add(b'1', tested=True)
    both = ('--target', 'one', '--target', 'two', '--all-or-none')
    status, out, _ = call('image', 'promote', NAME, *both, '-f', 'json')
    assert status == 0
    assert [row['target'] for row in json.loads(out)] == ['one', 'two']


def test_all_or_none_promotes_none_if_one_cannot_be(call, two):
    two['one'][1](b'1', tested=True)
    two['two'][1](b'1')
    both = ('--target', 'one', '--target', 'two', '--all-or-none')
    status, out, err = call('image', 'promote', NAME, *both)
    assert (status, out) == (1, '')
    assert 'error: two: conformance.candidate-' in err
    assert 'no smoke test of it is recorded; nothing was promoted' in err
    for catalogue, _ in two.values():
        assert set(states(catalogue).values()) == {'candidate'}


def test_all_or_none_takes_back_what_was_promoted(call, two, monkeypatch):
    former = two['one'][1](b'0', promote=True)
    for _, add in two.values():
        add(b'1', tested=True)

    def broken(image_id, **more):
        raise exceptions.Unavailable('image service down')

    monkeypatch.setattr(two['two'][0], 'promote', broken)
    both = ('--target', 'one', '--target', 'two', '--all-or-none')
    status, out, err = call('image', 'promote', NAME, *both)
    assert (status, out) == (5, '')
    assert 'image service down' in err
    after = states(two['one'][0])
    assert after.pop(former.id) == 'current'
    assert set(after.values()) == {'candidate'}


def test_what_was_half_done_is_said(call, two):
    catalogue, add = two['one']
    add(b'1', tested=True)
    catalogue.half_done = ['finished the promotion of x']
    _, _, err = call('image', 'promote', NAME, '--target', 'one')
    assert 'warning: one: finished the promotion of x' in err


def test_members_and_whether_they_accepted_are_shown(call, two, monkeypatch):
    catalogue, add = two['one']
    add(b'1', tested=True)
    promote = catalogue.promote

    def shared(image_id, **more):
        return dataclasses.replace(
            promote(image_id, **more),
            members=(catalogue_base.Member(project='p1', status='pending'),),
            notes=('copied the members',),
        )

    monkeypatch.setattr(catalogue, 'promote', shared)
    words = ('image', 'promote', NAME, '--target', 'one', '-f', 'json')
    status, out, err = call(*words)
    assert status == 0
    [row] = json.loads(out)
    assert row['members'] == [{'project': 'p1', 'status': 'pending'}]
    add(b'2', tested=True)
    _, out, _ = call(*words[:-2])
    assert 'p1 pending' in out
    assert 'one: copied the members' in err
