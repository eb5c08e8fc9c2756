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

import datetime

import pytest

from image_pipeline.clouds import glance_json, images, offers

BODY = {
    'id': 'i1',
    'name': None,
    'status': 'active',
    'visibility': 'shared',
    'os_hidden': True,
    'protected': True,
    'owner': 'p1',
    'size': 7,
    'virtual_size': 9,
    'disk_format': 'qcow2',
    'container_format': 'bare',
    'min_disk': 1,
    'min_ram': 512,
    'os_hash_algo': 'sha512',
    'os_hash_value': 'ff',
    'checksum': 'ee',
    'created_at': '2026-03-01T12:00:00Z',
    'updated_at': None,
    'tags': ['b', 'a'],
    'stores': 's1,s2',
    'file': '/v2/images/i1/file',
    'self': '/v2/images/i1',
    'schema': '/v2/schemas/image',
    'direct_url': 'file:///x',
    'locations': [],
    'hw_disk_bus': 'virtio',
    'os_glance_failed_import': '',
    'kernel_id': None,
}


def test_image_has_every_attribute_and_the_rest_as_properties():
    assert glance_json.image_from(BODY) == images.Image(
        id='i1',
        name=None,
        status='active',
        visibility='shared',
        hidden=True,
        protected=True,
        owner='p1',
        size=7,
        virtual_size=9,
        disk_format='qcow2',
        container_format='bare',
        min_disk=1,
        min_ram=512,
        hash_algo='sha512',
        hash_value='ff',
        checksum='ee',
        created_at=datetime.datetime(2026, 3, 1, 12, tzinfo=datetime.UTC),
        tags=('a', 'b'),
        stores=('s1', 's2'),
        properties={'hw_disk_bus': 'virtio', 'os_glance_failed_import': ''},
    )


def test_image_of_an_old_service_has_defaults():
    found = glance_json.image_from({'id': 'i1', 'status': 'queued'})
    assert found == images.Image(
        id='i1', name=None, status='queued', visibility='private'
    )


@pytest.mark.parametrize('name', sorted(images.ATTRIBUTES))
def test_attribute_is_replaced_even_where_it_is_not_told(name):
    value = ['x'] if name == 'tags' else 'x'
    (found,) = glance_json.operations({}, {name: value}, ())
    assert found == {'op': 'replace', 'path': f'/{name}', 'value': value}


def test_store_reads_flags_as_text_and_as_such():
    body = {'id': 's', 'default': 'true', 'read-only': True, 'weight': '3'}
    assert glance_json.store(body) == offers.Store(
        id='s', default=True, read_only=True, weight=3
    )
    assert glance_json.store({'id': 's'}) == offers.Store(id='s')


def test_limit_below_nothing_is_none():
    assert glance_json.limit({'limit': -1, 'usage': 2}) == offers.Limit(
        limit=None, used=2
    )
    assert glance_json.limit({'limit': 3, 'usage': 2}, 10) == offers.Limit(
        limit=30, used=20
    )
    assert glance_json.limit(None) is None
