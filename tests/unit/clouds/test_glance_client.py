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

import pytest
from keystoneauth1 import exceptions as ksa_exceptions

from image_pipeline.clouds import glance_client


@pytest.mark.parametrize(
    'endpoint',
    [
        'http://glance.test:9292',
        'http://glance.test:9292/',
        'http://glance.test:9292/v2',
        'http://glance.test:9292/v2.9/',
    ],
)
def test_endpoint_has_no_version(cloud, endpoint):
    found = glance_client.Clients(cloud.session, endpoint)
    assert found.endpoint == 'http://glance.test:9292'


@pytest.mark.parametrize('status', [400, 403, 410, 429, 500, 504])
def test_every_refusal_has_its_status(cloud, wire, status):
    wire.answer('GET', '/v2/x', status, {'error': {'message': 'no'}})
    clients = glance_client.Clients(cloud.session, 'http://glance.test:9292')
    with pytest.raises(ksa_exceptions.HttpError) as caught:
        clients.send('GET', '/v2/x')
    assert caught.value.http_status == status


def test_json_values_and_text_are_sent(cloud, wire):
    wire.answer('POST', '/v2/x', 200, {'b': 2})
    clients = glance_client.Clients(cloud.session, 'http://glance.test:9292')
    assert clients.send('POST', '/v2/x', {'a': 1}) == {'b': 2}
    clients.send('POST', '/v2/x', '[]', {'Content-Type': 'text/x'})
    assert wire.bodies[-2:] in (
        ['{"a": 1}', '[]'],
        [b'{"a": 1}', b'[]'],
    )


@pytest.mark.parametrize('content', [b'<p>a page of a proxy', b'', []])
def test_answer_that_is_no_mapping_is_of_another_service(cloud, wire, content):
    wire.answer('GET', '/v2/x', 200, content)
    clients = glance_client.Clients(cloud.session, 'http://glance.test:9292')
    with pytest.raises(ksa_exceptions.InvalidResponse):
        clients.send('GET', '/v2/x')
