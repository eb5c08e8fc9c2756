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
import datetime

import pytest

from image_pipeline import artifact
from image_pipeline.catalogues import glance_records
from image_pipeline.clouds import images

ID = '11111111-1111-4111-8111-111111111111'
WHEN = datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.UTC)


def image(**fields):
    own = {
        'image_pipeline_id': ID,
        'image_pipeline_state': 'candidate',
        'image_pipeline_name': 'debian-12',
        'image_pipeline_sha256': 'a' * 64,
    }
    own.update(fields.pop('properties', {}))
    values = {
        'id': ID,
        'name': 'debian-12.candidate-aaaaaaaa',
        'status': 'active',
        'visibility': 'private',
        'hidden': True,
        'size': 10,
        'virtual_size': 20,
        'disk_format': 'qcow2',
        'hash_algo': 'sha512',
        'hash_value': 'b' * 128,
        'created_at': WHEN,
        'properties': own,
        **fields,
    }
    return images.Image(**values)


def test_record_says_what_glance_and_the_properties_say():
    record = glance_records.record(
        image(
            min_disk=2,
            min_ram=512,
            tags=('b', 'a'),
            properties={
                'os_distro': 'debian',
                'os_glance_failed_import': '',
                'image_pipeline_run': 'run-1',
                'image_pipeline_recipe': 'debian',
                'image_pipeline_tested_ram': '256',
                'image_pipeline_anything': 'new',
            },
        )
    )
    assert record == artifact.ImageRecord(
        id=ID,
        name='debian-12.candidate-aaaaaaaa',
        final_name='debian-12',
        state=artifact.ImageState.CANDIDATE,
        sha256='a' * 64,
        sha512='b' * 128,
        size=10,
        virtual_size=20,
        format='qcow2',
        visibility='private',
        hidden=True,
        created_at='2026-01-02T03:04:05.000000Z',
        run_id='run-1',
        recipe='debian',
        tags=('a', 'b'),
        tested_ram=256,
        properties={
            'min_disk': '2',
            'min_ram': '512',
            'os_distro': 'debian',
        },
    )


def test_time_of_registration_is_more_exact_than_glances():
    exact = '2026-01-02T03:04:06.123456Z'
    properties = {'image_pipeline_registered_at': exact}
    assert glance_records.record(image(properties=properties)).created_at == (
        exact
    )


def test_sha512_is_kept_where_glance_computes_another_digest():
    properties = {'image_pipeline_sha512': 'c' * 128}
    other = image(
        hash_algo='sha256', hash_value='d' * 64, properties=properties
    )
    assert glance_records.record(other).sha512 == 'c' * 128


def test_virtual_size_is_kept_where_glance_does_not_tell_it():
    properties = {'image_pipeline_virtual_size': '4096'}
    record = glance_records.record(
        image(virtual_size=None, properties=properties)
    )
    assert record.virtual_size == 4096


def test_snapshot_of_a_server_is_not_ours_though_it_has_our_properties():
    snapshot = image(id='22222222-2222-4222-8222-222222222222')
    assert glance_records.is_ours(image())
    assert not glance_records.is_ours(snapshot)
    assert not glance_records.is_registered(snapshot)
    assert not glance_records.is_under_way(snapshot)


def test_image_without_a_state_is_under_way():
    properties = {'image_pipeline_state': ''}
    assert glance_records.is_under_way(image(properties=properties))
    assert not glance_records.is_registered(image(properties=properties))
    assert not glance_records.is_under_way(image())


def test_image_of_a_state_that_is_not_known_is_not_registered():
    properties = {'image_pipeline_state': 'of-the-future'}
    assert not glance_records.is_registered(image(properties=properties))
    assert not glance_records.is_under_way(image(properties=properties))


def test_record_as_it_is_needs_no_change():
    before = image(
        tags=('b', 'a'), min_ram=5, properties={'os_distro': 'debian'}
    )
    record = glance_records.record(before)
    assert glance_records.changes(before, record) == ({}, set())


def test_changes_are_those_of_one_patch():
    before = image(
        min_ram=512,
        properties={
            'gone': 'x',
            'kept': 'y',
            'image_pipeline_reason': 'old',
            'image_pipeline_swap_token': 'z',
            'os_glance_failed_import': '',
        },
    )
    after = dataclasses.replace(
        glance_records.record(before),
        name='debian-12',
        state=artifact.ImageState.CURRENT,
        hidden=False,
        visibility='public',
        reason=None,
        promoted_at='2026-01-02T03:04:06.000000Z',
        properties={'kept': 'y', 'new': '1', 'min_disk': '3'},
        tags=('t',),
    )
    change, remove = glance_records.changes(
        before,
        after,
        {'image_pipeline_exposed': 'yes', 'image_pipeline_swap_token': None},
    )
    assert change == {
        'name': 'debian-12',
        'visibility': 'public',
        'os_hidden': False,
        'tags': ['t'],
        'min_disk': 3,
        'min_ram': 0,
        'new': '1',
        'image_pipeline_state': 'current',
        'image_pipeline_promoted_at': '2026-01-02T03:04:06.000000Z',
        'image_pipeline_exposed': 'yes',
    }
    assert remove == {
        'gone',
        'image_pipeline_reason',
        'image_pipeline_swap_token',
    }


def test_reason_becomes_what_every_glance_takes():
    assert glance_records.text('broken\n\tby \U0001f41b') == (
        'broken by \N{REPLACEMENT CHARACTER}'
    )
    assert len(glance_records.text('x' * 5000)) == 1000
    assert glance_records.text('señal') == 'señal'


def test_keys_are_those_that_were_packed_but_for_attributes():
    packed = glance_records.packed(['b', 'a', 'min_ram'])
    properties = {'image_pipeline_keys': packed}
    assert glance_records.keys(image(properties=properties)) == {'a', 'b'}


@pytest.mark.parametrize('value', ['', 'no json', '{"a": 1}', '3'])
def test_keys_that_cannot_be_read_are_not_known(value):
    properties = {'image_pipeline_keys': value}
    assert glance_records.keys(image(properties=properties)) is None


def test_keys_of_an_image_made_by_hand_are_not_known():
    assert glance_records.keys(image()) is None
