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

"""The image service as one user sees it, in memory.

Several of them may share one :class:`.fake_glance.FakeGlance`.  Hooks see
every request before and after it is done, so that a test can let a client
die there (:meth:`FakeImages.die`), let another one go first, or break things.
"""

import dataclasses
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from image_pipeline.clouds import images, offers
from image_pipeline.testing import fake_data, fake_glance

Died = fake_data.Died
Request = fake_data.Request


class FakeImages(fake_data.FakeData):
    """One user's view.

    :param service: the service; a new one if there is none.
    :param project: the id of the user's project.
    :param admin: whether the user may do and see everything.
    :param reader: whether the user may change nothing.
    """

    def create(
        self,
        image_id: str,
        *,
        name: str,
        disk_format: str,
        container_format: str = 'bare',
        visibility: str = 'private',
        hidden: bool = False,
        protected: bool = False,
        min_disk: int = 0,
        min_ram: int = 0,
        tags: Collection[str] = (),
        properties: Mapping[str, str] | None = None,
    ) -> images.Image:
        """Make a record without data; see :class:`.images.Images`."""
        image = images.Image(
            id=image_id,
            name=name,
            status='queued',
            visibility=visibility,
            hidden=hidden,
            protected=protected,
            disk_format=disk_format,
            container_format=container_format,
            min_disk=min_disk,
            min_ram=min_ram,
            tags=tuple(tags),
            properties=dict(properties or {}),
        )
        return self._ask(
            'create', image_id, lambda: self.service.create(self.user, image)
        )

    def get(self, image_id: str) -> images.Image:
        """Return an image; see :class:`.images.Images`."""
        return self._ask(
            'get', image_id, lambda: self.service.visible(self.user, image_id)
        )

    def find(
        self,
        *,
        hidden: bool | None = None,
        properties: Mapping[str, str] | None = None,
        name: str | None = None,
        tag: str | None = None,
        visibility: str | None = None,
        owner: str | None = None,
        status: str | None = None,
        member_status: str | None = None,
    ) -> list[images.Image]:
        """Return the images that fit; see :class:`.images.Images`."""
        wanted = {
            'name': name,
            'owner': owner,
            'status': status,
            'visibility': None if visibility == 'all' else visibility,
        }

        def fits(image: images.Image, of_hidden: bool) -> bool:
            return (
                image.hidden == of_hidden
                and self._listed(image, visibility, member_status)
                and all(
                    value in (None, getattr(image, key))
                    for key, value in wanted.items()
                )
                and tag in (None, *image.tags)
                and dict(properties or {}).items() <= image.properties.items()
            )

        found = []
        for one in (True, False) if hidden is None else (hidden,):
            found += self._ask(
                'find',
                None,
                lambda one=one: [  # type: ignore[misc]
                    image
                    for image in self.service.images.values()
                    if fits(image, one)
                ],
            )
        return sorted(found, key=lambda one: (str(one.created_at), one.id))

    def _listed(
        self,
        image: images.Image,
        visibility: str | None,
        member_status: str | None,
    ) -> bool:
        if member_status is not None:
            answer = self.service.membership(self.user, image)
            if answer is not None and member_status in ('all', answer):
                return True
        if visibility in ('all', 'community') and (
            image.visibility == 'community'
        ):
            return True
        return self.service.listed(self.user, image)

    def patch(
        self,
        image_id: str,
        changes: Mapping[str, Any] | None = None,
        remove: Collection[str] = (),
    ) -> images.Image:
        """Change an image at once; see :class:`.images.Images`."""
        return self._ask(
            'patch',
            image_id,
            lambda: self.service.patch(
                self.user, image_id, changes or {}, remove
            ),
        )

    def delete(self, image_id: str) -> None:
        """Delete an image; see :class:`.images.Images`."""
        self._ask(
            'delete',
            image_id,
            lambda: self.service.delete(self.user, image_id),
        )

    def deactivate(self, image_id: str) -> None:
        """Keep everybody from the data; see :class:`.images.Images`."""
        self._ask(
            'deactivate',
            image_id,
            lambda: self.service.turn(self.user, image_id, 'deactivated'),
        )

    def reactivate(self, image_id: str) -> None:
        """Undo :meth:`deactivate`; see :class:`.images.Images`."""
        self._ask(
            'reactivate',
            image_id,
            lambda: self.service.turn(self.user, image_id, 'active'),
        )

    def members(self, image_id: str) -> list[images.Member]:
        """Return whom it is shared with; see :class:`.images.Images`."""
        return self._ask(
            'members',
            image_id,
            lambda: self.service.members(self.user, image_id),
        )

    def add_member(self, image_id: str, project: str) -> images.Member:
        """Share it; see :class:`.images.Images`."""
        return self._ask(
            'add_member',
            image_id,
            lambda: self.service.add_member(self.user, image_id, project),
        )

    def remove_member(self, image_id: str, project: str) -> None:
        """Take it back; see :class:`.images.Images`."""
        self._ask(
            'remove_member',
            image_id,
            lambda: self.service.remove_member(self.user, image_id, project),
        )

    def set_member(
        self, image_id: str, project: str, status: str
    ) -> images.Member:
        """Answer to a share; see :class:`.images.Images`."""
        return self._ask(
            'set_member',
            image_id,
            lambda: self.service.set_member(
                self.user, image_id, project, status
            ),
        )

    def stores(self) -> tuple[offers.Store, ...]:
        """Return the stores; see :class:`.images.Images`."""
        return self._ask('stores', None, lambda: self.service.stores)

    def delete_from_store(self, image_id: str, store: str) -> None:
        """Delete one copy of the data; see :class:`.images.Images`."""

        def drop() -> None:
            image = self.service.mutable(self.user, image_id)
            left = tuple(one for one in image.stores if one != store)
            if not left:
                raise fake_glance.forbidden(f'{store} has the only copy')
            self.service.keep(dataclasses.replace(image, stores=left))

        self._ask('delete_from_store', image_id, drop)

    def import_methods(self) -> tuple[str, ...]:
        """Return the ways to import; see :class:`.images.Images`."""
        return self._ask(
            'import_methods', None, lambda: self.service.import_methods
        )

    def schema(self) -> Mapping[str, Any]:
        """Return an open schema; see :class:`.images.Images`."""
        return self._ask(
            'schema',
            None,
            lambda: {
                'name': 'image',
                'properties': {},
                'additionalProperties': {'type': 'string'},
            },
        )

    def namespaces(
        self, *, but: Sequence[str] = ()
    ) -> tuple[offers.Namespace, ...]:
        """Return the definitions; see :class:`.images.Images`."""
        return self._ask(
            'namespaces',
            None,
            lambda: tuple(
                one
                for one in self.service.namespaces
                if not one.name.startswith(tuple(but))
            ),
        )

    def quota(self) -> offers.Quota | None:
        """Return the limits; see :class:`.images.Images`."""
        return self._ask('quota', None, lambda: self.service.quota)
