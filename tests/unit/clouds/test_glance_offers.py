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

from image_pipeline import exceptions
from image_pipeline.clouds import glance_offers, offers


class Service:
    """Answer by path; what is not there is not found."""

    def __init__(self, **answers):
        self.answers = answers
        self.asked = []

    def __call__(self, method, path, doing):
        assert method == 'GET'
        self.asked.append(path)
        for name, answer in self.answers.items():
            if path.replace('/', '_').replace('-', '_').endswith(name):
                if isinstance(answer, Exception):
                    raise answer
                return answer
        raise exceptions.NotFound(path)


STORES = {'stores': [{'id': 'a', 'default': 'true'}, {'id': 'b'}]}


def test_service_with_one_store_names_none():
    assert glance_offers.stores(Service(), True) == ()


def test_stores_are_told_to_everybody_and_more_to_administrators():
    detail = {'stores': [{'id': 'b', 'type': 'rbd', 'weight': 5}]}
    service = Service(info_stores=STORES, stores_detail=detail)
    assert glance_offers.stores(service, False) == (
        offers.Store(id='a', default=True),
        offers.Store(id='b'),
    )
    assert len(service.asked) == 1
    assert glance_offers.stores(service, True)[1] == offers.Store(
        id='b', kind='rbd', weight=5
    )


@pytest.mark.parametrize('error', [exceptions.NotFound, exceptions.Forbidden])
def test_detail_that_is_refused_is_done_without(error):
    service = Service(info_stores=STORES, stores_detail=error('no'))
    assert len(glance_offers.stores(service, True)) == 2


def test_ways_to_import_may_be_none():
    assert glance_offers.import_methods(Service()) == ()
    service = Service(
        info_import={'import-methods': {'value': ['glance-direct']}}
    )
    assert glance_offers.import_methods(service) == ('glance-direct',)


@pytest.mark.parametrize('answers', [{}, {'info_usage': {'usage': {}}}])
def test_quota_may_be_none(answers):
    assert glance_offers.quota(Service(**answers)) is None


def test_quota_is_in_bytes_and_in_pieces():
    usage = {
        'image_size_total': {'limit': 10, 'usage': 1},
        'image_count_total': {'limit': -1, 'usage': 4},
    }
    found = glance_offers.quota(Service(info_usage={'usage': usage}))
    assert found == offers.Quota(
        size=offers.Limit(limit=10 << 20, used=1 << 20),
        images=offers.Limit(limit=None, used=4),
    )


def test_definitions_are_read_with_their_prefixes():
    class Definitions(Service):
        def __call__(self, method, path, doing):
            self.asked.append(path)
            if path.startswith('/v2/metadefs/namespaces?'):
                more = 'marker' not in path
                return {
                    'namespaces': [{'namespace': 'A::B' if more else 'C'}],
                    **({'next': f'{path}&marker=1'} if more else {}),
                }
            return {'properties': {'hw_x': {'type': 'string'}}}

    service = Definitions()
    found = glance_offers.namespaces(service)
    assert [one.name for one in found] == ['A::B', 'C']
    assert found[0].properties == {'hw_x': {'type': 'string'}}
    assert (
        '/v2/metadefs/namespaces/A%3A%3AB?resource_type=OS%3A%3AGlance%3A%3A'
        'Image'
    ) in service.asked


def test_schema_is_as_the_service_has_it():
    assert glance_offers.schema(Service(schemas_image={'a': 1})) == {'a': 1}
