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

"""An image service in memory, with Glance's own rules.

It is what several :class:`.fake_images.FakeImages`, one for each user, speak
to.  The rules are those of Glance 25 (Zed) as its sources have them:
``glance/domain/__init__.py`` (statuses, protection), ``glance/api/v2/images
.py`` (PATCH), ``glance/api/v2/image_members.py`` and
``glance/db/sqlalchemy/api.py`` (what a listing shows).
:mod:`image_pipeline.testing.conformance.images` holds both to them.
"""

import dataclasses
import datetime
import hashlib
import uuid
from collections.abc import Callable, Collection, Mapping
from typing import Any

from image_pipeline import exceptions
from image_pipeline.clouds import images, offers

_MAX_NAME = 255
_VISIBILITIES = ('private', 'shared', 'community', 'public')
_MEMBER_STATUSES = ('pending', 'accepted', 'rejected')
_FIELDS = {'os_hidden': 'hidden'}
_QCOW2_MAGIC = b'QFI\xfb'


@dataclasses.dataclass(frozen=True)
class User:
    """Who asks.

    :param project: the id of the project.
    :param admin: may do and see everything.
    :param reader: may change nothing.
    """

    project: str
    admin: bool = False
    reader: bool = False


class FakeGlance:
    """The images, and what may be done with them.

    :param stores: the stores.
    :param import_methods: how data may be imported.
    """

    def __init__(
        self,
        *,
        stores: Collection[offers.Store] = (),
        import_methods: Collection[str] = ('glance-direct', 'web-download'),
    ) -> None:
        #: Those that are not deleted, by id.
        self.images: dict[str, images.Image] = {}
        self.data: dict[str, bytes] = {}
        self.staged: dict[str, bytes] = {}
        #: By image and project.
        self.member_lists: dict[str, dict[str, str]] = {}
        #: An id is used once; the record of a deleted image stays.
        self.gone: set[str] = set()
        #: What can be had by web-download, by its address.
        self.web: dict[str, bytes] = {}
        self.stores = tuple(stores)
        self.import_methods = tuple(import_methods)
        #: Whether an import begins and never ends.
        self.hang_imports = False
        self.quota: offers.Quota | None = None
        self.namespaces: tuple[offers.Namespace, ...] = ()
        self.time = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
        #: Called in the middle of a PATCH: Glance reads the image, changes
        #: it, and writes all of it back; what others wrote meanwhile is lost.
        self.torn: Callable[[str], object] = lambda image_id: None

    def now(self) -> datetime.datetime:
        """Return the time; every call is a second later."""
        self.time += datetime.timedelta(seconds=1)
        return self.time

    def visible(self, user: User, image_id: str) -> images.Image:
        """Return an image that a user may see."""
        image = self.images.get(image_id)
        if image is None or not self._may_see(user, image):
            raise exceptions.NotFound(
                f'image service: there is no image {image_id}'
            )
        return image

    def mutable(self, user: User, image_id: str) -> images.Image:
        """Return an image that a user may change."""
        image = self.visible(user, image_id)
        if user.reader or not (user.admin or image.owner == user.project):
            raise forbidden(f'image {image_id} is not yours to change')
        return image

    def listed(self, user: User, image: images.Image) -> bool:
        """Whether a listing without a visibility shows an image."""
        if image.visibility == 'community':
            return image.owner == user.project
        return user.admin or (
            image.visibility == 'public'
            or image.owner == user.project
            or self.membership(user, image) == 'accepted'
        )

    def membership(self, user: User, image: images.Image) -> str | None:
        """Return how a user's project answered to a share, or None."""
        if image.visibility != 'shared':
            return None
        return self.member_lists.get(image.id, {}).get(user.project)

    def _may_see(self, user: User, image: images.Image) -> bool:
        return (
            user.admin
            or image.owner == user.project
            or image.visibility in ('public', 'community')
            or self.membership(user, image) is not None
        )

    def create(self, user: User, image: images.Image) -> images.Image:
        """Make a record without data."""
        if user.reader:
            raise forbidden('a reader makes no images')
        try:
            uuid.UUID(image.id)
        except ValueError:
            raise exceptions.InvalidInput(f'{image.id} is no UUID') from None
        # Rights come before the id: glance/api/v2/images.py, create().
        self._check_visibility(user, image.visibility)
        _check_keys(image.properties)
        if image.id in self.images or image.id in self.gone:
            raise exceptions.StateConflict(
                f'image service: there is an image {image.id} already'
            )
        now = self.now()
        made = dataclasses.replace(
            image,
            status='queued',
            owner=user.project,
            created_at=now,
            updated_at=now,
            tags=tuple(sorted(set(image.tags))),
            properties=dict(image.properties),
        )
        self.images[made.id] = made
        return made

    def patch(
        self,
        user: User,
        image_id: str,
        changes: Mapping[str, Any],
        remove: Collection[str],
    ) -> images.Image:
        """Read an image, change it, and write all of it back."""
        image = self.mutable(user, image_id)
        if 'visibility' in changes:
            self._check_visibility(user, changes['visibility'])
        properties = dict(image.properties)
        attributes: dict[str, Any] = {}
        for key, value in changes.items():
            if key in images.ATTRIBUTES:
                attributes[_FIELDS.get(key, key)] = value
            else:
                _check_keys({key: value})
                properties[key] = value
        for key in ('disk_format', 'container_format'):
            if key in attributes and image.status != 'queued':
                raise forbidden(f'{key} can be changed while it is queued')
        if 'tags' in attributes:
            attributes['tags'] = tuple(sorted(set(attributes['tags'])))
        for key in remove:
            if properties.pop(key, None) is None:
                raise exceptions.StateConflict(
                    f'image service: image {image_id} has no property {key}'
                )
        self.torn(image_id)
        # What is not in the row of properties and attributes stays.
        now = self.images.get(image_id)
        if now is None:
            raise exceptions.NotFound(
                f'image service: there is no image {image_id}'
            )
        written = {
            name: attributes.get(name, getattr(image, name))
            for name in (
                'name',
                'visibility',
                'hidden',
                'protected',
                'tags',
                'min_disk',
                'min_ram',
                'disk_format',
                'container_format',
            )
        }
        return self.keep(
            dataclasses.replace(now, **written, properties=properties)
        )

    def keep(self, image: images.Image) -> images.Image:
        """Write an image as it is now."""
        image = dataclasses.replace(image, updated_at=self.now())
        self.images[image.id] = image
        return image

    def delete(self, user: User, image_id: str) -> None:
        """Delete an image that is not protected."""
        image = self.mutable(user, image_id)
        if image.protected:
            raise forbidden(f'image {image_id} is protected')
        del self.images[image_id]
        self.gone.add(image_id)
        for kept in (self.data, self.staged, self.member_lists):
            kept.pop(image_id, None)

    def turn(self, user: User, image_id: str, status: str) -> None:
        """Make an image active, or deactivated."""
        image = self.mutable(user, image_id)
        if image.status not in ('active', 'deactivated'):
            raise forbidden(f'image {image_id} is {image.status}')
        if image.status != status:
            self.keep(dataclasses.replace(image, status=status))

    def status(self, image_id: str, status: str) -> None:
        """Set the status of an image, as the service itself does."""
        self.keep(dataclasses.replace(self.images[image_id], status=status))

    def fill(self, image_id: str, data: bytes, store: str | None) -> None:
        """Give an image its data: it is active then."""
        image = self.images[image_id]
        self.data[image_id] = data
        first = next((one.id for one in self.stores if one.default), None)
        chosen = store or first
        self.keep(
            dataclasses.replace(
                image,
                status='active',
                size=len(data),
                virtual_size=_virtual_size(image.disk_format, data),
                hash_algo='sha512',
                hash_value=hashlib.sha512(data).hexdigest(),
                checksum=hashlib.md5(data, usedforsecurity=False).hexdigest(),
                stores=(chosen,) if chosen else (),
            )
        )

    def shared(self, user: User, image_id: str) -> images.Image:
        """Return an image that has members."""
        image = self.visible(user, image_id)
        if image.visibility != 'shared':
            raise forbidden('only shared images have members')
        return image

    def members(self, user: User, image_id: str) -> list[images.Member]:
        """Return the members that a user may see."""
        image = self.shared(user, image_id)
        return [
            images.Member(project=project, status=status)
            for project, status in sorted(
                self.member_lists.get(image_id, {}).items()
            )
            if user.admin or user.project in (image.owner, project)
        ]

    def add_member(
        self, user: User, image_id: str, project: str
    ) -> images.Member:
        """Share an image with one project more."""
        image = self.shared(user, image_id)
        if user.reader or not (user.admin or image.owner == user.project):
            raise forbidden(f'image {image_id} is not yours to share')
        members = self.member_lists.setdefault(image_id, {})
        if project in members:
            raise exceptions.StateConflict(
                f'image service: {project} is a member of {image_id} already'
            )
        members[project] = 'pending'
        return images.Member(project=project, status='pending')

    def remove_member(self, user: User, image_id: str, project: str) -> None:
        """Share an image with one project less."""
        image = self.shared(user, image_id)
        if user.reader or not (user.admin or image.owner == user.project):
            raise forbidden(f'image {image_id} is not yours to share')
        if self.member_lists.get(image_id, {}).pop(project, None) is None:
            raise exceptions.NotFound(f'{project} is no member of {image_id}')

    def set_member(
        self, user: User, image_id: str, project: str, status: str
    ) -> images.Member:
        """Answer to a share."""
        image = self.shared(user, image_id)
        if status not in _MEMBER_STATUSES:
            raise exceptions.InvalidInput(f'{status} is no answer')
        members = self.member_lists.get(image_id, {})
        if project not in members:
            raise exceptions.NotFound(f'{project} is no member of {image_id}')
        if not user.admin and (
            user.project != project or user.project == image.owner
        ):
            raise forbidden('only the member itself answers')
        members[project] = status
        return images.Member(project=project, status=status)

    def _check_visibility(self, user: User, visibility: str) -> None:
        if visibility not in _VISIBILITIES:
            raise exceptions.InvalidInput(f'{visibility} is no visibility')
        if visibility == 'public' and not user.admin:
            raise forbidden('publicize_image needs the role admin')


def forbidden(why: str) -> exceptions.Forbidden:
    """Return Glance's 403.

    :param why: what it says.
    """
    return exceptions.Forbidden(f'image service: {why}')


def _check_keys(properties: Mapping[str, Any]) -> None:
    for key, value in properties.items():
        if len(key) > _MAX_NAME or not isinstance(value, str):
            raise exceptions.InvalidInput(
                f'image service: the property {key} is no short text'
            )
        if key.startswith('os_glance'):
            raise forbidden(f'attribute {key} is reserved')


def _virtual_size(disk_format: str | None, data: bytes) -> int:
    if disk_format == 'qcow2':
        if not data.startswith(_QCOW2_MAGIC):
            return 0
        return int.from_bytes(data[24:32], 'big')
    return len(data) if disk_format == 'raw' else 0
