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

from image_pipeline.testing import killing
from image_pipeline.testing.conformance import catalogue as conformance

NAME = conformance.NAME


def test_empty_catalogue_lists_nothing(call, tmp_path):
    status, out, _ = call('image', 'list', '-f', 'json')
    assert (status, json.loads(out)) == (0, [])
    assert not (tmp_path / 'state' / 'catalogue').exists()


def test_table_is_short(call, add):
    record = add(b'1', promote=True)
    status, out, _ = call('image', 'list')
    assert status == 0
    assert record.id in out
    assert 'current' in out
    assert max(map(len, out.splitlines())) <= 120


def test_json_has_every_field(call, add):
    record = add(b'1', promote=True)
    _, out, err = call('image', 'list', '-f', 'json')
    [found] = json.loads(out)
    assert found['id'] == record.id
    assert found['target'] == 'local'
    assert found['sha512'] == record.sha512
    assert found['path'] == str(record.path)
    assert found['properties'] == {}
    assert found['previous_id'] is None
    assert err == ''


def test_list_is_narrowed_by_name_and_state(call, add):
    add(b'1', promote=True)
    candidate = add(b'2')
    add(b'3', name='other')
    words = ('image', 'list', NAME, '--state', 'candidate', '-f', 'json')
    _, out, _ = call(*words)
    assert [one['id'] for one in json.loads(out)] == [candidate.id]


@pytest.mark.parametrize('how', ['id', 'short', 'name'])
def test_image_is_shown_by_id_or_name(call, add, how):
    record = add(b'1', promote=True)
    add(b'2')
    text = {'id': record.id, 'short': record.id[:8], 'name': NAME}[how]
    status, out, _ = call('image', 'show', text, '-f', 'json')
    found = json.loads(out)
    assert (status, found['id']) == (0, record.id)
    assert found['in_use'] is False


def test_unknown_image_is_bad_input_with_a_suggestion(call, add):
    add(b'1')
    status, _, err = call('image', 'show', 'conformanec')
    assert status == 2
    assert NAME in err
    assert 'Traceback' not in err


def test_unknown_target_is_bad_input(call):
    status, _, err = call('image', 'list', '--target', 'locla')
    assert status == 2
    assert 'local' in err


def test_next_command_finishes_what_was_killed_and_says_so(
    call, add, catalogue
):
    record = add(b'1')
    with killing.before(7) as death:
        catalogue.promote(record.id)
    assert death.came
    status, out, err = call('image', 'list', '-f', 'json')
    assert status == 0
    assert json.loads(out)[0]['state'] == 'current'
    assert 'finished the promotion' in err


def test_damaged_record_is_one_clear_message(call, add, catalogue):
    record = add(b'1')
    path = catalogue.root / 'records' / f'{record.id}.json'
    path.write_text('{')
    status, out, err = call('image', 'list')
    assert (status, out) == (1, '')
    assert str(path) in err
    assert 'Traceback' not in err
