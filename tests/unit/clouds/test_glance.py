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

from image_pipeline import exceptions
from image_pipeline.clouds import images

IMAGE = {
    'id': 'i1',
    'name': 'one',
    'status': 'queued',
    'visibility': 'private',
    'os_hidden': False,
    'tags': ['b', 'a'],
    'min_disk': 0,
    'created_at': '2026-03-01T12:00:00Z',
    'hw_disk_bus': 'virtio',
}


@pytest.fixture
def client(cloud):
    return cloud.images


def patched(wire):
    return json.loads(wire.bodies[-1])


def test_image_is_made_with_the_id_that_was_chosen(client, wire):
    wire.answer('POST', '/v2/images', 201, IMAGE)
    made = client.create(
        'i1', name='one', disk_format='raw', tags={'a'}, properties={'x': 'y'}
    )
    assert made.id == 'i1'
    assert json.loads(wire.bodies[-1]) == {
        'id': 'i1',
        'name': 'one',
        'disk_format': 'raw',
        'container_format': 'bare',
        'visibility': 'private',
        'os_hidden': False,
        'protected': False,
        'min_disk': 0,
        'min_ram': 0,
        'tags': ['a'],
        'x': 'y',
    }
    assert wire.sent() == ['POST /v2/images']


def test_both_listings_are_asked_and_all_their_pages(client, wire):
    def listed(request):
        query = request.url.partition('?')[2]
        if 'marker=i1' in query:
            return 200, {'images': [IMAGE | {'id': 'i2'}]}
        if 'os_hidden=true' in query:
            return (
                200,
                {
                    'images': [
                        IMAGE
                        | {'id': 'i3', 'created_at': '2025-01-01T00:00:00Z'}
                    ]
                },
            )
        return (
            200,
            {'images': [IMAGE], 'next': f'/v2/images?{query}&marker=i1'},
        )

    wire.answers['GET', 'http://glance.test:9292/v2/images'] = [listed]
    found = client.find(properties={'a b': 'c/d'}, name='one', tag='t')
    assert [one.id for one in found] == ['i3', 'i1', 'i2']
    first, second, third = wire.sent()
    assert first == (
        'GET /v2/images?a+b=c%2Fd&name=one&tag=t&os_hidden=false&limit=500'
    )
    assert second.endswith('&marker=i1')
    assert 'os_hidden=true' in third


def test_one_listing_is_asked_where_that_is_enough(client, wire):
    wire.answer('GET', '/v2/images', 200, {'images': []})
    assert client.find(hidden=True, visibility='all', owner='p1') == []
    assert wire.sent() == [
        'GET /v2/images?visibility=all&owner=p1&os_hidden=true&limit=500'
    ]


def test_change_is_one_patch_of_what_differs(client, wire):
    wire.answer('GET', '/v2/images/i1', 200, IMAGE)
    wire.answer('PATCH', '/v2/images/i1', 200, IMAGE | {'name': 'two'})
    found = client.patch(
        'i1',
        {
            'name': 'two',
            'visibility': 'private',
            'tags': ['a', 'b'],
            'protected': True,
            'hw_disk_bus': 'scsi',
            'a/b~c': 'new',
        },
        remove={'x', 'w'},
    )
    assert found.name == 'two'
    assert wire.sent() == ['GET /v2/images/i1', 'PATCH /v2/images/i1']
    assert patched(wire) == [
        {'op': 'replace', 'path': '/name', 'value': 'two'},
        {'op': 'replace', 'path': '/protected', 'value': True},
        {'op': 'replace', 'path': '/hw_disk_bus', 'value': 'scsi'},
        {'op': 'add', 'path': '/a~1b~0c', 'value': 'new'},
        {'op': 'remove', 'path': '/w'},
        {'op': 'remove', 'path': '/x'},
    ]
    assert wire.requests[-1].headers['Content-Type'] in (
        'application/openstack-images-v2.1-json-patch',
        b'application/openstack-images-v2.1-json-patch',
    )


def test_change_of_nothing_is_no_patch(client, wire):
    wire.answer('GET', '/v2/images/i1', 200, IMAGE)
    assert client.patch('i1', {'name': 'one', 'tags': ('a', 'b')}).id == 'i1'
    assert wire.sent() == ['GET /v2/images/i1']


def test_removal_of_what_is_gone_is_a_conflict(client, wire):
    wire.answer('GET', '/v2/images/i1', 200, IMAGE)
    wire.answer('PATCH', '/v2/images/i1', 409, b'<p>Property x is not there')
    with pytest.raises(exceptions.StateConflict, match='Property x'):
        client.patch('i1', remove=['x'])
    assert len(wire.sent('PATCH')) == 1


@pytest.mark.parametrize(
    ('method', 'path', 'ask'),
    [
        ('DELETE', '/v2/images/i1', lambda one: one.delete('i1')),
        (
            'POST',
            '/v2/images/i1/actions/deactivate',
            lambda one: one.deactivate('i1'),
        ),
        (
            'POST',
            '/v2/images/i1/actions/reactivate',
            lambda one: one.reactivate('i1'),
        ),
        (
            'DELETE',
            '/v2/stores/s1/i1',
            lambda one: one.delete_from_store('i1', 's1'),
        ),
        (
            'DELETE',
            '/v2/images/i1/members/p2',
            lambda one: one.remove_member('i1', 'p2'),
        ),
    ],
)
def test_simple_request_is_one(client, wire, method, path, ask):
    wire.answer(method, path, 204)
    ask(client)
    assert wire.sent() == [f'{method} {path}']


def test_deletion_whose_answer_was_lost_is_done(client, wire):
    wire.answer('DELETE', '/v2/images/i1', (503,), (404,))
    client.delete('i1')
    assert len(wire.sent('DELETE')) == 2
    wire.answer('DELETE', '/v2/images/i1', 404)
    with pytest.raises(exceptions.NotFound):
        client.delete('i1')


def test_import_says_method_stores_and_address(client, wire):
    wire.answer('POST', '/v2/images/i1/import', 202)
    client.import_image(
        'i1', 'web-download', uri='http://x/y', stores=['s1', 's2']
    )
    assert patched(wire) == {
        'method': {'name': 'web-download', 'uri': 'http://x/y'},
        'stores': ['s1', 's2'],
    }
    client.import_image(
        'i1', 'copy-image', all_stores=True, all_must_succeed=False
    )
    assert patched(wire) == {
        'method': {'name': 'copy-image'},
        'all_stores': True,
        'all_stores_must_succeed': False,
    }


def test_tasks_are_told_where_the_service_has_them(client, wire):
    wire.answer(
        'GET',
        '/v2/images/i1/tasks',
        200,
        {
            'tasks': [
                {
                    'id': 't1',
                    'type': 'api_image_import',
                    'status': 'failure',
                    'message': None,
                }
            ]
        },
    )
    assert client.tasks('i1') == [
        images.Task(id='t1', kind='api_image_import', status='failure')
    ]


@pytest.mark.parametrize('status', [403, 404])
def test_tasks_that_nobody_may_see_are_none(client, wire, status):
    wire.answer('GET', '/v2/images/i1/tasks', status)
    assert client.tasks('i1') == []


def test_members_are_told_and_changed(client, wire):
    member = {'member_id': 'p2', 'image_id': 'i1', 'status': 'pending'}
    schema = {'name': 'member', 'properties': {}}
    wire.answer('GET', '/v2/schemas/member', 200, schema)
    wire.answer('GET', '/v2/images/i1/members', 200, {'members': [member]})
    wire.answer('POST', '/v2/images/i1/members', 200, member)
    wire.answer(
        'PUT',
        '/v2/images/i1/members/p2',
        200,
        member | {'status': 'accepted'},
    )
    pending = images.Member(project='p2', status='pending')
    assert client.members('i1') == [pending]
    assert client.add_member('i1', 'p2') == pending
    assert client.set_member('i1', 'p2', 'accepted').status == 'accepted'
    assert patched(wire) == {'status': 'accepted'}


@pytest.mark.parametrize('bad', ['a/b', '../x', 'a?b', 'ä'])
def test_id_is_never_more_than_a_part_of_the_path(client, wire, bad):
    with pytest.raises(exceptions.NotFound):
        client.get(bad)
    (sent,) = wire.sent()
    assert sent.count('/') == 3
    assert '?' not in sent


@pytest.mark.parametrize(
    ('status', 'kind'),
    [
        (403, exceptions.Forbidden),
        (404, exceptions.NotFound),
        (410, exceptions.NotFound),
        (429, exceptions.Unavailable),
        (504, exceptions.Unavailable),
    ],
)
def test_refusal_names_service_cloud_and_operation(client, wire, status, kind):
    wire.answer('GET', '/v2/images/i1', status, b'<b>because</b>')
    with pytest.raises(kind) as caught:
        client.get('i1')
    assert 'Glance of cloud "mycloud": cannot read image i1' in str(
        caught.value
    )


def test_version_in_the_catalog_is_not_asked_twice(
    clouds_yaml, entry, wire, cloud
):
    clouds_yaml(
        {
            'mycloud': entry
            | {'image_endpoint_override': 'http://glance.test:9292/v2/'}
        }
    )
    wire.answer('GET', '/v2/images/i1', 200, IMAGE)
    assert cloud.images.get('i1').name == 'one'
