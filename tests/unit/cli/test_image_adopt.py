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


def test_revoked_image_is_hidden_and_rejected(call, add, catalogue):
    record = add(b'1')
    words = ('image', 'revoke', record.id, '--reason', 'leaked key')
    status, out, _ = call(*words, '-f', 'json')
    assert status == 0
    [row] = json.loads(out)
    assert (row['before'], row['after']) == ('candidate', 'rejected')
    assert row['reason'] == 'leaked key'
    assert row['image_after']['hidden'] is True
    assert states(catalogue) == {record.id: 'rejected'}


def test_revoking_the_current_image_brings_the_previous_back(
    call, add, catalogue
):
    old, new = add(b'1', promote=True), add(b'2', promote=True)
    words = ('image', 'revoke', new.id[:8], '--reason', 'leaked key')
    status, out, _ = call(*words, '-f', 'json')
    assert status == 0
    assert {one['id']: one['after'] for one in json.loads(out)} == {
        old.id: 'current',
        new.id: 'rejected',
    }
    assert states(catalogue) == {old.id: 'current', new.id: 'rejected'}


def test_only_image_of_a_name_is_revoked_by_force(call, add, catalogue):
    record = add(b'1', promote=True)
    words = ('image', 'revoke', record.id, '--reason', 'leaked key')
    status, out, _ = call(*words)
    assert (status, out) == (1, '')
    assert states(catalogue) == {record.id: 'current'}
    status, _, _ = call(*words, '--force')
    assert status == 0
    assert states(catalogue) == {record.id: 'rejected'}


def test_name_does_not_say_which_image_is_revoked(call, add, catalogue):
    record = add(b'1', promote=True)
    status, _, err = call('image', 'revoke', NAME, '--reason', 'x')
    assert status == 2
    assert f'image list {NAME}' in err
    assert states(catalogue) == {record.id: 'current'}


@pytest.mark.parametrize('reason', [(), ('--reason', ' ')])
def test_reason_is_wanted(call, add, catalogue, reason):
    record = add(b'1')
    status, _, err = call('image', 'revoke', record.id, *reason)
    assert status == 2
    assert 'reason' in err
    assert states(catalogue) == {record.id: 'candidate'}


def test_unknown_image_cannot_be_revoked(call, add):
    add(b'1')
    status, _, err = call('image', 'revoke', '0' * 36, '--reason', 'x')
    assert status == 2
    assert 'image list' in err


def test_adopted_image_is_shown_as_it_is_now(call, two, monkeypatch):
    catalogue, add = two['one']
    record = add(b'1')
    asked = []

    def adopt(image_id, **more):
        asked.append((image_id, more))
        return record

    monkeypatch.setattr(catalogue, 'adopt', adopt)
    words = ('image', 'adopt', 'by-hand', '--name', NAME, '--target', 'one')
    more = ('--recipe', 'r', '--reason', 'made in 2019', '--read')
    status, out, _ = call(*words, *more, '-f', 'json')
    assert status == 0
    assert asked == [
        (
            'by-hand',
            {
                'name': NAME,
                'recipe': 'r',
                'reason': 'made in 2019',
                'read': True,
            },
        )
    ]
    assert json.loads(out) == [
        {
            'target': 'one',
            'id': record.id,
            'name': record.name,
            'state': 'candidate',
            'visibility': 'private',
            'hidden': True,
            'reason': '',
        }
    ]


def test_catalogue_that_adopts_nothing_says_so(call, add):
    add(b'1')
    status, out, err = call('image', 'adopt', 'x', '--name', NAME)
    assert (status, out) == (1, '')
    assert 'takes no images' in err


def test_adopted_image_needs_a_name(call):
    status, _, err = call('image', 'adopt', 'x')
    assert status == 2
    assert '--name' in err
