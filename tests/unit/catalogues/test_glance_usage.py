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

"""Who uses an image, as far as somebody may see."""

import contextlib
import types

import pytest

from image_pipeline import exceptions
from image_pipeline.catalogues import glance_records, glance_usage
from image_pipeline.testing import fake_images

IMAGE = '6f1f1b9e-0000-4000-8000-000000000001'
OTHER = '6f1f1b9e-0000-4000-8000-000000000002'


class FakeCloud:
    """What is asked of a cloud's servers and volumes."""

    def __init__(self, *, admin=False, servers=(), volumes=None):
        self.is_admin = admin
        self.asked = []
        self.compute = types.SimpleNamespace(servers=self._servers)
        self.volume = types.SimpleNamespace(volumes=self._volumes)
        self._of_nova = servers
        self._of_cinder = volumes

    def offers(self, service):
        assert service == 'block-storage'
        return self._of_cinder is not None

    @contextlib.contextmanager
    def translated(self, service, doing):
        yield

    def _servers(self, **said):
        self.asked.append(said)
        if isinstance(self._of_nova, Exception):
            raise self._of_nova
        return iter(self._of_nova)

    def _volumes(self, **said):
        self.asked.append(said)
        return iter(self._of_cinder)


SERVER = types.SimpleNamespace(
    name='web', id='s-1', status='ERROR', project_id='project'
)


def volume(image_id):
    return types.SimpleNamespace(
        name='root',
        id='v-1',
        project_id='p',
        volume_image_metadata=image_id and {'image_id': image_id},
    )


@pytest.fixture
def client():
    images = fake_images.FakeImages()
    images.create(IMAGE, name='x', disk_format='raw')
    return images


def usage(client, cloud=None):
    return glance_usage.usage(
        client, client.get(IMAGE), project='project', cloud=cloud
    )


def test_server_in_any_state_uses_its_image(client):
    cloud = FakeCloud(servers=[SERVER])
    found = usage(client, cloud)
    assert found.in_use
    assert found.users == ('server web (s-1, ERROR) of project project',)
    assert cloud.asked == [{'image': IMAGE}]


def test_administrator_asks_for_all_projects(client):
    client.patch(IMAGE, {glance_records.EXPOSED: 'yes'})
    cloud = FakeCloud(admin=True, volumes=[])
    assert usage(client, cloud).in_use is False
    assert cloud.asked == [
        {'image': IMAGE, 'all_projects': True},
        {'all_projects': True},
    ]


def test_volume_made_of_an_image_uses_it(client):
    cloud = FakeCloud(volumes=[volume(OTHER), volume(None), volume(IMAGE)])
    assert usage(client, cloud).users == ('volume root (v-1) of project p',)


def test_who_may_not_list_servers_cannot_tell(client):
    cloud = FakeCloud(servers=exceptions.Forbidden('not you'))
    found = usage(client, cloud)
    assert found.in_use is None
    assert found.unseen == ('servers: not you',)


def test_use_that_is_seen_counts_whatever_is_not_seen(client):
    client.patch(IMAGE, {'visibility': 'community'})
    found = usage(client, FakeCloud(servers=[SERVER]))
    assert found.in_use is True
    assert len(found.unseen) == 1


def test_private_image_that_never_was_exposed_is_judged_by_its_project(
    client,
):
    assert usage(client, FakeCloud()).in_use is False


@pytest.mark.parametrize('key', ['base_image_ref', 'image_ref'])
def test_image_made_of_it_uses_it(client, key):
    client.create(
        OTHER, name='snap', disk_format='raw', properties={key: IMAGE}
    )
    assert usage(client).users == (f'image snap ({OTHER}) was made of it',)
    client.patch(OTHER, {'os_hidden': True, 'image_type': 'snapshot'})
    assert usage(client).users == (f'snapshot snap ({OTHER}) was made of it',)


def test_member_that_rejected_an_image_does_not_use_it(client):
    client.patch(IMAGE, {'visibility': 'shared'})
    for name in ('a', 'b'):
        client.add_member(IMAGE, name)
    other = fake_images.FakeImages(client.service, project='a')
    other.set_member(IMAGE, 'a', 'rejected')
    assert usage(client).users == ('shared with project b (pending)',)
