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

from image_pipeline.catalogues import base as catalogue_base
from image_pipeline.testing.conformance import catalogue as conformance

NAME = conformance.NAME
BOTH = ('--target', 'one', '--target', 'two')


def rows(out):
    return {one['id']: one for one in json.loads(out)}


def test_every_image_of_a_name_is_shown_with_its_users(call, add):
    used, free = add(b'1', promote=True), add(b'2')
    other = add(b'3', name='other')
    with used.path.open('rb'):
        status, out, _ = call('image', 'usage', NAME, '-f', 'json')
    assert status == 0
    assert set(rows(out)) == {used.id, free.id}
    assert rows(out)[used.id]['in_use'] is True
    assert rows(out)[used.id]['users']
    assert rows(out)[free.id]['in_use'] is False
    _, out, _ = call('image', 'usage', '--all', '-f', 'json')
    assert set(rows(out)) == {used.id, free.id, other.id}


def test_what_is_not_known_is_said(call, two):
    catalogue, add = two['one']
    record = add(b'1')
    catalogue.used[record.id] = None
    words = ('image', 'usage', record.id, '--target', 'one')
    _, out, _ = call(*words, '-f', 'json')
    assert rows(out)[record.id]['in_use'] is None
    _, out, _ = call(*words)
    assert 'unknown' in out


def test_what_may_not_be_seen_is_said(call, two, monkeypatch):
    catalogue, add = two['one']
    record = add(b'1')
    used = catalogue_base.Usage(
        in_use=True, users=('server a', 'volume b'), unseen=('of others',)
    )
    monkeypatch.setattr(catalogue, 'usage', lambda image_id: used)
    words = ('image', 'usage', '--all', '--target', 'one', '-f', 'json')
    _, out, _ = call(*words)
    assert rows(out)[record.id]['users'] == ['server a', 'volume b']
    assert rows(out)[record.id]['unseen'] == ['of others']


def test_targets_are_asked_one_after_the_other(call, two):
    two['one'][1](b'1')
    two['two'][1](b'1')
    _, out, _ = call('image', 'usage', '--all', *BOTH, '-f', 'json')
    assert [one['target'] for one in json.loads(out)] == ['one', 'two']


@pytest.mark.parametrize('words', [(), ('--all', NAME)])
def test_it_wants_to_know_which(call, words):
    status, _, err = call('image', 'usage', *words)
    assert status == 2
    assert '--all' in err


def test_unknown_image_is_bad_input(call, add):
    add(b'1')
    status, _, err = call('image', 'usage', 'conformanec')
    assert status == 2
    assert f'did you mean "{NAME}"?' in err
