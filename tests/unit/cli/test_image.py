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

from image_pipeline.cli import main
from image_pipeline.testing import killing
from image_pipeline.testing.conformance import catalogue as conformance

NAME = conformance.NAME


@pytest.fixture
def run(tmp_path, capsys, monkeypatch):
    # No configuration of this host.
    monkeypatch.setenv('HOME', str(tmp_path))

    def call(*words):
        status = main.main(['--state-dir', str(tmp_path / 'state'), *words])
        out, err = capsys.readouterr()
        return status, out, err

    return call


def states(catalogue):
    return {one.id: one.state.value for one in catalogue.list_images()}


def test_empty_catalogue_lists_nothing(run, tmp_path):
    status, out, _ = run('image', 'list', '-f', 'json')
    assert (status, json.loads(out)) == (0, [])
    assert not (tmp_path / 'state' / 'catalogue').exists()


def test_table_is_short(run, add):
    record = add(b'1', promote=True)
    status, out, _ = run('image', 'list')
    assert status == 0
    assert record.id in out
    assert 'current' in out
    assert max(map(len, out.splitlines())) <= 120


def test_json_has_every_field(run, add):
    record = add(b'1', promote=True)
    _, out, err = run('image', 'list', '-f', 'json')
    [found] = json.loads(out)
    assert found['id'] == record.id
    assert found['target'] == 'local'
    assert found['sha512'] == record.sha512
    assert found['path'] == str(record.path)
    assert found['properties'] == {}
    assert found['previous_id'] is None
    assert err == ''


def test_list_is_narrowed_by_name_and_state(run, add):
    add(b'1', promote=True)
    candidate = add(b'2')
    add(b'3', name='other')
    words = ('image', 'list', NAME, '--state', 'candidate', '-f', 'json')
    _, out, _ = run(*words)
    assert [one['id'] for one in json.loads(out)] == [candidate.id]


@pytest.mark.parametrize('how', ['id', 'short', 'name'])
def test_image_is_shown_by_id_or_name(run, add, how):
    record = add(b'1', promote=True)
    add(b'2')
    text = {'id': record.id, 'short': record.id[:8], 'name': NAME}[how]
    status, out, _ = run('image', 'show', text, '-f', 'json')
    found = json.loads(out)
    assert (status, found['id']) == (0, record.id)
    assert found['in_use'] is False


def test_unknown_image_is_bad_input_with_a_suggestion(run, add):
    add(b'1')
    status, _, err = run('image', 'show', 'conformanec')
    assert status == 2
    assert NAME in err
    assert 'Traceback' not in err


def test_unknown_target_is_bad_input(run):
    status, _, err = run('image', 'list', '--target', 'locla')
    assert status == 2
    assert 'local' in err


def test_promote_takes_the_candidate_of_a_name(run, add, catalogue):
    old = add(b'1', promote=True)
    new = add(b'2')
    words = ('image', 'promote', NAME, '--reason', 'why', '-f', 'json')
    status, out, _ = run(*words)
    assert status == 0
    assert json.loads(out) == [
        {
            'id': new.id,
            'name': NAME,
            'before': 'candidate',
            'after': 'current',
            'reason': 'why',
        },
        {
            'id': old.id,
            'name': NAME,
            'before': 'current',
            'after': 'previous',
            'reason': '',
        },
    ]
    assert states(catalogue) == {old.id: 'previous', new.id: 'current'}


@pytest.mark.parametrize(
    'words', [('promote', NAME), ('rollback', NAME), ('retire', '--all')]
)
def test_dry_run_shows_and_changes_nothing(run, add, catalogue, words):
    add(b'0', promote=True)
    add(b'1', promote=True)
    add(b'2')
    before = states(catalogue)
    extra = ('--keep', '0') if words[0] == 'retire' else ()
    status, out, _ = run('image', *words, *extra, '--dry-run', '-f', 'json')
    assert status == 0
    assert json.loads(out)
    assert states(catalogue) == before


def test_promoting_the_current_image_says_so(run, add):
    record = add(b'1', promote=True)
    status, _, err = run('image', 'promote', record.id)
    assert status == 0
    assert 'is current already' in err


def test_rollback_rejects_and_promote_needs_force(run, add, catalogue):
    good = add(b'1', promote=True)
    bad = add(b'2', promote=True)
    status, _, _ = run('image', 'rollback', NAME, '--reason', 'panic')
    assert status == 0
    assert states(catalogue) == {good.id: 'current', bad.id: 'rejected'}
    status, _, err = run('image', 'promote', bad.id)
    assert status == 1
    assert 'panic' in err
    assert '--force' in err
    status, _, _ = run('image', 'promote', bad.id, '--force')
    assert status == 0
    assert states(catalogue)[bad.id] == 'current'


def test_rollback_without_previous_image_is_refused(run, add):
    add(b'1', promote=True)
    status, _, err = run('image', 'rollback', NAME)
    assert status == 1
    assert 'no previous image' in err


def test_retire_by_policy_keeps_the_latest(run, add, catalogue):
    ids = [add(bytes([65 + n]), promote=True).id for n in range(5)]
    words = ('image', 'retire', NAME, '--keep', '2', '-f', 'json')
    status, out, _ = run(*words)
    assert status == 0
    assert {one['id'] for one in json.loads(out)} == set(ids[:2])
    assert [states(catalogue)[one] for one in ids] == [
        'retired',
        'retired',
        'previous',
        'previous',
        'current',
    ]


def test_retire_an_image_by_its_id(run, add, catalogue):
    add(b'1', promote=True)
    record = add(b'2')
    status, _, _ = run('image', 'retire', record.id, '--delete')
    assert status == 0
    assert record.id not in states(catalogue)


def test_retire_goes_on_after_an_image_in_use(run, add, catalogue):
    used, free = add(b'1'), add(b'2')
    with used.path.open('rb'):
        words = ('image', 'retire', used.id, free.id, '--delete')
        status, out, _ = run(*words, '-f', 'json')
    assert status == 1
    rows = {one['id']: one for one in json.loads(out)}
    assert 'in use' in rows[used.id]['reason']
    assert rows[free.id]['after'] == 'deleted'
    assert set(states(catalogue)) == {used.id}


def test_current_image_is_not_retired(run, add, catalogue):
    record = add(b'1', promote=True)
    status, out, _ = run('image', 'retire', record.id, '-f', 'json')
    assert status == 1
    assert 'is the current image' in json.loads(out)[0]['reason']


@pytest.mark.parametrize('words', [(), ('--all', NAME)])
def test_retire_wants_to_know_what(run, words):
    status, _, err = run('image', 'retire', *words)
    assert status == 2
    assert '--all' in err


@pytest.mark.parametrize('value', ['-1', 'x'])
def test_keep_is_a_count(run, value):
    status, _, err = run('image', 'retire', '--all', f'--keep={value}')
    assert status == 2
    assert 'Traceback' not in err


def test_next_command_finishes_what_was_killed_and_says_so(
    run, add, catalogue
):
    record = add(b'1')
    with killing.before(7) as death:
        catalogue.promote(record.id)
    assert death.came
    status, out, err = run('image', 'list', '-f', 'json')
    assert status == 0
    assert json.loads(out)[0]['state'] == 'current'
    assert 'finished the promotion' in err


def test_damaged_record_is_one_clear_message(run, add, catalogue):
    record = add(b'1')
    path = catalogue.root / 'records' / f'{record.id}.json'
    path.write_text('{')
    status, out, err = run('image', 'list')
    assert (status, out) == (1, '')
    assert str(path) in err
    assert 'Traceback' not in err
