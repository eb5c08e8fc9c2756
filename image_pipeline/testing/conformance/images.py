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

"""The contract of :class:`image_pipeline.clouds.images.Images`, as tests.

The fake of :mod:`image_pipeline.testing.fake_images` and a real Glance both
keep it, so that what was tested with the fake holds for a cloud.  Derive a
class from :class:`ImagesConformance`, and say how to come to two users of
different projects, neither of them an administrator.
"""

import abc
import contextlib
import hashlib
import io
import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from image_pipeline import exceptions
from image_pipeline.clouds import images as cloud_images

_DATA = b'0123456789abcdef' * 64


class ImagesConformance(abc.ABC):
    """What every image service does for us."""

    @abc.abstractmethod
    def make(self) -> tuple[Any, Any]:
        """Return two users' views of the same service."""

    @abc.abstractmethod
    def project(self, client: Any) -> str:
        """Return the id of the project of a user.

        :param client: what :meth:`make` returned.
        """

    @pytest.fixture
    def clients(self) -> Iterator[tuple[Any, Any]]:
        """Give two users; what they make is deleted."""
        made = self.make()
        self.made: list[str] = []
        yield made
        for image_id in self.made:
            with contextlib.suppress(exceptions.NotFound):
                if made[0].get(image_id).protected:
                    made[0].patch(image_id, {'protected': False})
                made[0].delete(image_id)

    @pytest.fixture
    def client(self, clients: tuple[Any, Any]) -> Any:
        """Give the first user."""
        return clients[0]

    @pytest.fixture
    def other(self, clients: tuple[Any, Any]) -> Any:
        """Give the user of another project."""
        return clients[1]

    def new(self, client: Any, **said: Any) -> cloud_images.Image:
        """Make an image without data."""
        image_id = said.pop('image_id', None) or str(uuid.uuid4())
        self.made.append(image_id)
        given = {
            'name': f'conformance-{image_id[:8]}',
            'disk_format': 'raw',
            'visibility': 'private',
            **said,
        }
        made = client.create(image_id, **given)
        assert isinstance(made, cloud_images.Image)
        return made

    def active(self, client: Any, **said: Any) -> cloud_images.Image:
        """Make an image with data."""
        image = self.new(client, **said)
        client.upload(image.id, io.BytesIO(_DATA), len(_DATA))
        got = client.get(image.id)
        assert isinstance(got, cloud_images.Image)
        return got

    def ids(self, found: Any) -> list[str]:
        """Return those of our images that were found."""
        return [one.id for one in found if one.id in self.made]

    def test_made_image_is_queued_and_as_it_was_asked_for(
        self, client: Any
    ) -> None:
        image = self.new(
            client,
            hidden=True,
            min_disk=3,
            min_ram=256,
            tags=['b', 'a'],
            properties={'hw_disk_bus': 'virtio', 'x/y~z': 'odd'},
        )
        assert image == client.get(image.id)
        assert (image.status, image.visibility) == ('queued', 'private')
        assert (image.hidden, image.protected) == (True, False)
        assert (image.min_disk, image.min_ram) == (3, 256)
        assert image.tags == ('a', 'b')
        assert dict(image.properties) == {
            'hw_disk_bus': 'virtio',
            'x/y~z': 'odd',
        }
        assert image.owner == self.project(client)
        assert image.size is None

    def test_id_is_used_once_even_of_a_deleted_image(
        self, client: Any
    ) -> None:
        image = self.new(client)
        with pytest.raises(exceptions.StateConflict):
            self.new(client, image_id=image.id)
        client.delete(image.id)
        with pytest.raises(exceptions.NotFound):
            client.get(image.id)
        with pytest.raises(exceptions.StateConflict):
            self.new(client, image_id=image.id)

    def test_image_that_is_not_there_is_not_found(self, client: Any) -> None:
        unknown = str(uuid.uuid4())
        for ask in (
            client.get,
            client.delete,
            client.deactivate,
            lambda image_id: client.patch(image_id, {'name': 'x'}),
        ):
            with pytest.raises(exceptions.NotFound):
                ask(unknown)

    def test_uploaded_image_is_active_and_has_its_digest(
        self, client: Any
    ) -> None:
        image = self.new(client)
        seen: list[int] = []
        client.upload(
            image.id, io.BytesIO(_DATA), len(_DATA), progress=seen.append
        )
        now = client.get(image.id)
        assert (now.status, now.size) == ('active', len(_DATA))
        assert now.hash_algo == 'sha512'
        assert now.hash_value == hashlib.sha512(_DATA).hexdigest()
        assert seen[-1] == len(_DATA)
        assert client.read(image.id, 16, 32) == _DATA[16:48]

    def test_second_upload_is_a_conflict(self, client: Any) -> None:
        image = self.active(client)
        with pytest.raises(exceptions.StateConflict):
            client.upload(image.id, io.BytesIO(_DATA), len(_DATA))

    def test_one_patch_changes_everything_at_once(self, client: Any) -> None:
        image = self.active(
            client, hidden=True, properties={'a': '1', 'b': '2'}
        )
        after = client.patch(
            image.id,
            {
                'name': 'conformance-renamed',
                'os_hidden': False,
                'protected': True,
                'visibility': 'community',
                'tags': ['t'],
                'a': '3',
                'c': '4',
            },
            remove=['b'],
        )
        assert after == client.get(image.id)
        assert after.name == 'conformance-renamed'
        assert (after.hidden, after.protected) == (False, True)
        assert (after.visibility, after.tags) == ('community', ('t',))
        assert dict(after.properties) == {'a': '3', 'c': '4'}

    def test_removal_of_what_is_not_there_changes_nothing(
        self, client: Any
    ) -> None:
        image = self.new(client, hidden=True, properties={'a': '1'})
        with pytest.raises(exceptions.StateConflict):
            client.patch(
                image.id,
                {'os_hidden': False, 'a': '2'},
                remove=['not_there'],
            )
        now = client.get(image.id)
        assert now.hidden
        assert dict(now.properties) == {'a': '1'}

    def test_second_removal_of_a_property_is_a_conflict(
        self, client: Any
    ) -> None:
        image = self.new(client, properties={'guard': 'x'})
        client.patch(image.id, {'a': '1'}, remove=['guard'])
        with pytest.raises(exceptions.StateConflict):
            client.patch(image.id, {'a': '2'}, remove=['guard'])
        assert client.get(image.id).properties['a'] == '1'

    def test_protected_image_is_not_deleted(self, client: Any) -> None:
        image = self.new(client, protected=True)
        with pytest.raises(exceptions.Forbidden):
            client.delete(image.id)
        client.patch(image.id, {'protected': False})
        client.delete(image.id)

    def test_listing_tells_hidden_ones_from_others(self, client: Any) -> None:
        mark = {'mark': str(uuid.uuid4())}
        hidden = self.new(client, hidden=True, properties=mark)
        shown = self.new(client, properties=mark)
        find = client.find
        assert self.ids(find(hidden=True, properties=mark)) == [hidden.id]
        assert self.ids(find(hidden=False, properties=mark)) == [shown.id]
        assert set(self.ids(find(properties=mark))) == {hidden.id, shown.id}

    def test_listing_is_narrowed_by_the_service(self, client: Any) -> None:
        one = self.new(
            client, tags=['t1'], properties={'k': 'v', 'l': 'w'}, name='x y'
        )
        self.new(client, properties={'k': 'v'})
        owner = self.project(client)
        for said in (
            {'properties': {'k': 'v', 'l': 'w'}},
            {'name': 'x y'},
            {'tag': 't1'},
            {'tag': 't1', 'owner': owner, 'status': 'queued'},
        ):
            assert self.ids(client.find(hidden=False, **said)) == [one.id]
        assert self.ids(client.find(owner=str(uuid.uuid4()))) == []
        assert self.ids(client.find(name='x y', status='active')) == []

    def test_private_image_is_for_nobody_else(
        self, client: Any, other: Any
    ) -> None:
        image = self.active(client)
        with pytest.raises(exceptions.NotFound):
            other.get(image.id)
        assert self.ids(other.find()) == []

    def test_only_an_administrator_makes_an_image_public(
        self, client: Any
    ) -> None:
        image = self.new(client)
        with pytest.raises(exceptions.Forbidden):
            client.patch(image.id, {'visibility': 'public'})
        assert client.get(image.id).visibility == 'private'

    def test_community_image_is_listed_when_it_is_asked_for(
        self, client: Any, other: Any
    ) -> None:
        image = self.active(client, visibility='community')
        assert other.get(image.id).id == image.id
        assert self.ids(other.find()) == []
        assert self.ids(other.find(visibility='community')) == [image.id]
        assert self.ids(client.find(owner=self.project(client))) == [image.id]
        with pytest.raises(exceptions.Forbidden):
            other.patch(image.id, {'name': 'mine'})
        with pytest.raises(exceptions.Forbidden):
            other.delete(image.id)

    def test_only_a_shared_image_has_members(
        self, client: Any, other: Any
    ) -> None:
        image = self.new(client)
        with pytest.raises(exceptions.Forbidden):
            client.add_member(image.id, self.project(other))
        with pytest.raises(exceptions.Forbidden):
            client.members(image.id)

    def test_member_sees_the_image_in_listings_once_it_accepts(
        self, client: Any, other: Any
    ) -> None:
        project = self.project(other)
        image = self.active(client, visibility='shared')
        assert client.members(image.id) == []
        added = client.add_member(image.id, project)
        assert added == cloud_images.Member(project=project, status='pending')
        assert client.members(image.id) == [added]
        with pytest.raises(exceptions.StateConflict):
            client.add_member(image.id, project)
        assert other.get(image.id).id == image.id
        assert self.ids(other.find()) == []
        other.set_member(image.id, project, 'accepted')
        assert self.ids(other.find()) == [image.id]
        assert client.members(image.id) == [
            cloud_images.Member(project=project, status='accepted')
        ]
        with pytest.raises(exceptions.Forbidden):
            client.set_member(image.id, project, 'rejected')
        client.remove_member(image.id, project)
        with pytest.raises(exceptions.NotFound):
            client.remove_member(image.id, project)
        with pytest.raises(exceptions.NotFound):
            other.get(image.id)

    def test_members_survive_that_an_image_is_hidden(
        self, client: Any, other: Any
    ) -> None:
        project = self.project(other)
        image = self.active(client, visibility='shared', hidden=True)
        client.add_member(image.id, project)
        other.set_member(image.id, project, 'accepted')
        assert self.ids(other.find(hidden=False)) == []
        client.patch(image.id, {'os_hidden': False})
        assert self.ids(other.find(hidden=False)) == [image.id]

    def test_deactivated_image_can_be_changed_but_not_read(
        self, client: Any
    ) -> None:
        image = self.active(client)
        client.deactivate(image.id)
        client.deactivate(image.id)
        assert client.get(image.id).status == 'deactivated'
        assert client.patch(image.id, {'a': '1'}).properties['a'] == '1'
        with pytest.raises(exceptions.Forbidden):
            client.read(image.id, 0, 16)
        client.reactivate(image.id)
        assert client.get(image.id).status == 'active'
        assert client.read(image.id, 0, 16) == _DATA[:16]

    def test_image_without_data_is_not_deactivated(self, client: Any) -> None:
        image = self.new(client)
        with pytest.raises(exceptions.Forbidden):
            client.deactivate(image.id)
