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

import contextlib
import json

import pytest
import yaml

from image_pipeline import exceptions
from image_pipeline.engine import notify
from image_pipeline.testing.conformance import catalogue as conformance

NAME = conformance.NAME
BOTH = ('--target', 'one', '--target', 'two')


def broken(**_):
    raise exceptions.Unavailable('image service down', hint='wait')


def test_list_of_several_targets_says_which(call, two):
    for _, add in two.values():
        add(b'1')
    status, out, _ = call('image', 'list', *BOTH, '-f', 'json')
    assert status == 0
    assert [one['target'] for one in json.loads(out)] == ['one', 'two']
    _, out, _ = call('image', 'list', *BOTH, '-f', 'value', '-c', 'target')
    assert out.split() == ['one', 'two']
    _, out, _ = call('image', 'list', '--target', 'one')
    assert 'target' not in out


def test_target_given_twice_is_one(call, two):
    two['one'][1](b'1')
    words = ('image', 'list', '--target', 'one', '--target', 'one')
    _, out, _ = call(*words, '-f', 'json')
    assert len(json.loads(out)) == 1


def test_show_of_one_target_is_an_object_of_several_a_list(call, two):
    for _, add in two.values():
        add(b'1')
    words = ('image', 'show', NAME)
    _, out, _ = call(*words, '--target', 'one', '-f', 'json')
    assert json.loads(out)['target'] == 'one'
    _, out, _ = call(*words, *BOTH, '-f', 'json')
    assert [one['target'] for one in json.loads(out)] == ['one', 'two']
    _, out, _ = call(*words, *BOTH, '-f', 'yaml', '-c', 'id', '-c', 'state')
    assert (
        yaml.safe_load(out)
        == [{'id': 'fake-image-1', 'state': 'candidate'}] * 2
    )
    _, out, _ = call(*words, *BOTH, '-f', 'value', '-c', 'target')
    assert out.split() == ['one', 'two']


def test_what_one_target_shows_is_shown(call, two):
    two['two'][1](b'1')
    status, out, err = call('image', 'show', NAME, *BOTH, '-f', 'json')
    assert status == 1
    assert [one['target'] for one in json.loads(out)] == ['two']
    assert 'error: one: there is no image' in err


def test_service_that_is_down_is_told_with_its_own_status(
    call, two, monkeypatch
):
    monkeypatch.setattr(two['one'][0], 'list_images', broken)
    status, out, err = call('image', 'list', '--target', 'one')
    assert (status, out) == (5, '')
    assert err == 'error: image service down\nhint: wait\n'


def test_one_of_several_down_is_a_failure_all_down_is_try_again(
    call, two, monkeypatch
):
    two['two'][1](b'1')
    monkeypatch.setattr(two['one'][0], 'list_images', broken)
    status, out, err = call('image', 'list', *BOTH, '-f', 'json')
    assert status == 1
    assert [one['target'] for one in json.loads(out)] == ['two']
    assert err == 'error: one: image service down\nhint: wait\n'
    monkeypatch.setattr(two['two'][0], 'list_images', broken)
    status, out, _ = call('image', 'list', *BOTH, '-f', 'json')
    assert (status, json.loads(out)) == (5, [])


def test_who_may_not_mend_may_look(call, two, monkeypatch):
    def forbidden():
        raise exceptions.Forbidden('not allowed')

    two['one'][1](b'1')
    monkeypatch.setattr(two['one'][0], 'recover', forbidden)
    words = ('image', 'list', '--target', 'one', '-f', 'json')
    status, out, err = call(*words)
    assert status == 0
    assert len(json.loads(out)) == 1
    assert 'one: what was left half done stays so: not allowed' in err


def test_wrong_password_is_told_once(call, two, monkeypatch):
    def wrong():
        raise exceptions.InvalidInput('wrong password')

    monkeypatch.setattr(two['one'][0], 'recover', wrong)
    status, out, err = call('image', 'list', '--target', 'one')
    assert (status, out, err) == (2, '', 'error: wrong password\n')


def test_what_was_done_before_a_failure_is_shown(call, two, monkeypatch):
    catalogue, add = two['one']
    ids = [add(bytes([65 + n])).id for n in range(2)]
    retire = catalogue.retire

    def once(image_id, **more):
        if image_id == ids[0]:
            raise exceptions.Unavailable('image service down')
        return retire(image_id, **more)

    monkeypatch.setattr(catalogue, 'retire', once)
    words = ('image', 'retire', ids[1], ids[0], '--target', 'one')
    status, out, err = call(*words, '-f', 'json')
    assert status == 5
    assert [one['id'] for one in json.loads(out)] == [ids[1]]
    assert 'image service down' in err


@pytest.mark.parametrize(
    'words',
    [
        ('list',),
        ('show', 'x'),
        ('promote', 'x'),
        ('rollback', 'x'),
        ('retire', 'x'),
        ('usage', 'x'),
        ('set', 'x', '--unset', 'y'),
        ('adopt', 'x', '--name', 'y'),
        ('revoke', 'x', '--reason', 'y'),
        ('export',),
    ],
)
def test_every_command_names_the_target_that_is_not_there(call, two, words):
    status, out, err = call('image', *words, '--target', 'tow')
    assert (status, out) == (2, '')
    assert 'there is no target "tow"' in err
    assert 'did you mean "two"?' in err


def test_looking_makes_no_state_folder(call, two, tmp_path):
    two['one'][1](b'1')
    call('image', 'list', '--target', 'one')
    call('image', 'rollback', NAME, '--target', 'one')
    assert not (tmp_path / 'state').exists()


@pytest.fixture
def told(monkeypatch):
    """What those who listen are told of images."""
    found = []

    @contextlib.contextmanager
    def image(settings, action, target, record, *, reason=None):
        def ended(now, former=None):
            found.append(
                (
                    str(action),
                    target.name,
                    record.id,
                    now.state.value if now else 'deleted',
                    former.id if former else None,
                    reason,
                )
            )

        yield ended

    monkeypatch.setattr(notify, 'image', image)
    return found


@pytest.mark.parametrize(
    ('words', 'event'),
    [
        (
            ('promote', 'fake-image-3', '--force'),
            ('promote', 'one', 'fake-image-3', 'current', 'fake-image-2'),
        ),
        (
            ('rollback', NAME),
            ('rollback', 'one', 'fake-image-1', 'current', 'fake-image-2'),
        ),
        (
            ('revoke', 'fake-image-3'),
            ('revoke', 'one', 'fake-image-3', 'rejected', None),
        ),
        (
            ('retire', 'fake-image-3'),
            ('retire', 'one', 'fake-image-3', 'retired', None),
        ),
        (
            ('retire', 'fake-image-3', '--delete'),
            ('retire', 'one', 'fake-image-3', 'deleted', None),
        ),
    ],
)
def test_those_who_listen_are_told(call, two, told, words, event):
    add = two['one'][1]
    add(b'1', promote=True)
    add(b'2', promote=True)
    add(b'3')
    given = (*words, '--reason', 'why', '--target', 'one')
    status, _, _ = call('image', *given)
    assert status == 0
    assert told == [(*event, 'why')]


@pytest.mark.parametrize('verb', ['promote', 'rollback', 'retire'])
def test_dry_run_is_told_to_nobody(call, two, told, verb):
    add = two['one'][1]
    add(b'1', promote=True)
    add(b'2', promote=True)
    add(b'3', tested=True)
    call('image', verb, NAME, '--dry-run', '--target', 'one')
    assert told == []


def test_commands_of_hints_are_at_the_same_target(call, two):
    record = two['one'][1](b'1')
    for text in NAME, record.id:
        _, _, err = call('image', 'promote', text, '--target', 'one')
        assert f'image promote --force {record.id} --target one`' in err
    _, _, err = call('image', 'rollback', NAME, '--target', 'one')
    assert '`image-pipeline image list --target one`' in err


def test_interrupted_change_says_who_ends_it(call, two, monkeypatch):
    catalogue, add = two['one']
    add(b'1', tested=True)

    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(catalogue, 'promote', interrupted)
    status, out, err = call('image', 'promote', NAME, '--target', 'one')
    assert (status, out) == (130, '')
    assert 'half done at one, the next command' in err
    monkeypatch.setattr(catalogue, 'list_images', interrupted)
    status, _, err = call('image', 'list', '--target', 'one')
    assert status == 130
    assert 'half done' not in err
