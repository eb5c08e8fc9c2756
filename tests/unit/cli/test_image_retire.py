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

from image_pipeline.testing.conformance import catalogue as conformance

NAME = conformance.NAME


def states(catalogue):
    return {one.id: one.state.value for one in catalogue.list_images()}


def test_retire_by_policy_keeps_the_latest(call, add, catalogue):
    ids = [add(bytes([65 + n]), promote=True).id for n in range(5)]
    words = ('image', 'retire', NAME, '--keep', '2', '-f', 'json')
    status, out, _ = call(*words)
    assert status == 0
    assert {one['id'] for one in json.loads(out)} == set(ids[:2])
    assert [states(catalogue)[one] for one in ids] == [
        'retired',
        'retired',
        'previous',
        'previous',
        'current',
    ]


def test_retire_an_image_by_its_id(call, add, catalogue):
    add(b'1', promote=True)
    record = add(b'2')
    status, _, _ = call('image', 'retire', record.id, '--delete')
    assert status == 0
    assert record.id not in states(catalogue)


def test_retire_goes_on_after_an_image_in_use(call, add, catalogue):
    used, free = add(b'1'), add(b'2')
    with used.path.open('rb'):
        words = ('image', 'retire', used.id, free.id, '--delete')
        status, out, err = call(*words, '-f', 'json')
    assert status == 1
    rows = {one['id']: one for one in json.loads(out)}
    assert 'in use' in rows[used.id]['reason']
    assert err == 'hint: retire it without --delete; it is hidden then\n'
    assert rows[free.id]['after'] == 'deleted'
    assert set(states(catalogue)) == {used.id}


def test_current_image_is_not_retired(call, add, catalogue):
    record = add(b'1', promote=True)
    status, out, _ = call('image', 'retire', record.id, '-f', 'json')
    assert status == 1
    assert 'is the current image' in json.loads(out)[0]['reason']


@pytest.mark.parametrize('words', [(), ('--all', NAME)])
def test_retire_wants_to_know_what(call, words):
    status, _, err = call('image', 'retire', *words)
    assert status == 2
    assert '--all' in err


@pytest.mark.parametrize('value', ['-1', 'x'])
def test_keep_is_a_count(call, value):
    status, _, err = call('image', 'retire', '--all', f'--keep={value}')
    assert status == 2
    assert 'Traceback' not in err


def test_dry_run_shows_and_changes_nothing(call, add, catalogue):
    add(b'0', promote=True)
    add(b'1', promote=True)
    before = states(catalogue)
    words = ('image', 'retire', '--all', '--keep', '0', '--dry-run')
    status, out, _ = call(*words, '-f', 'json')
    assert status == 0
    assert json.loads(out)
    assert states(catalogue) == before
