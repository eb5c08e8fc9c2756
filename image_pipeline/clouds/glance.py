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

"""The image service of a cloud: Glance, over python-glanceclient.

Its models of images are not used: they fetch schemas, validate what the
service is to validate, and turn one change into three requests.
"""

import contextlib
import datetime
import json
import threading
import urllib.parse
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, BinaryIO

from image_pipeline import exceptions
from image_pipeline.clouds import (
    glance_json,
    glance_offers,
    images,
    offers,
    session,
    transfer,
)

if TYPE_CHECKING:
    from image_pipeline.clouds import cloud as clouds_cloud
    from image_pipeline.clouds import glance_client

SERVICE = 'Glance'

_PATCH = 'application/openstack-images-v2.1-json-patch'
_PAGE = 500


class GlanceImages(images.Images):
    """The image service of a cloud.

    :param cloud: whose.
    """

    def __init__(self, cloud: 'clouds_cloud.Cloud') -> None:
        self._cloud = cloud
        self._lock = threading.Lock()
        self._made: glance_client.Clients | None = None

    @property
    def _clients(self) -> 'glance_client.Clients':
        with self._lock:
            if self._made is None:
                from image_pipeline.clouds import glance_client

                self._made = glance_client.Clients(
                    self._cloud.session,
                    self._cloud.endpoint('image', SERVICE),
                )
            return self._made

    def _asked(self, doing: str) -> contextlib.AbstractContextManager[None]:
        # Which logs in first, and says so if that does not work.
        _ = self._clients
        return self._cloud.translated(SERVICE, doing)

    @contextlib.contextmanager
    def _deleted(self, doing: str) -> Iterator[None]:
        try:
            with self._asked(doing):
                yield
        except exceptions.NotFound as exc:
            # The answer to the first request was lost.
            if not session.repeated(exc):
                raise

    def _send(
        self,
        method: str,
        path: str,
        doing: str,
        *,
        data: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        """Return the body of an answer.

        :param method: of HTTP.
        :param path: below the endpoint.
        :param doing: as in "cannot ...".
        :param data: JSON values, or text.
        :param headers: of the request.
        """
        with self._asked(doing):
            return self._clients.send(method, path, data, headers)

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
        """Make a record without data; see :meth:`.Images.create`."""
        wanted = {
            'id': image_id,
            'name': name,
            'disk_format': disk_format,
            'container_format': container_format,
            'visibility': visibility,
            'os_hidden': hidden,
            'protected': protected,
            'min_disk': min_disk,
            'min_ram': min_ram,
            'tags': sorted(tags),
            **(properties or {}),
        }
        body = self._send(
            'POST', '/v2/images', f'create image {image_id}', data=wanted
        )
        return glance_json.image_from(body)

    def get(self, image_id: str) -> images.Image:
        """Return an image; see :meth:`.Images.get`."""
        return glance_json.image_from(
            self._send('GET', _path(image_id), f'read image {image_id}')
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
        """Return the images that fit; see :meth:`.Images.find`."""
        filters = {
            **(properties or {}),
            'name': name,
            'tag': tag,
            'visibility': visibility,
            'owner': owner,
            'status': status,
            'member_status': member_status,
        }
        query = {
            key: value for key, value in filters.items() if value is not None
        }
        found = {
            one.id: one
            for flag in ((False, True) if hidden is None else (hidden,))
            for one in self._list(
                query | {'os_hidden': 'true' if flag else 'false'}
            )
        }
        first = datetime.datetime.min.replace(tzinfo=datetime.UTC)
        return sorted(
            found.values(), key=lambda one: (one.created_at or first, one.id)
        )

    def _list(self, query: Mapping[str, str]) -> Iterator[images.Image]:
        text = urllib.parse.urlencode({**query, 'limit': str(_PAGE)})
        path: str | None = f'/v2/images?{text}'
        while path:
            body = self._send('GET', path, 'list images')
            yield from map(glance_json.image_from, body['images'])
            path = body.get('next')

    def patch(
        self,
        image_id: str,
        changes: Mapping[str, Any] | None = None,
        remove: Collection[str] = (),
    ) -> images.Image:
        """Change an image with one PATCH; see :meth:`.Images.patch`."""
        body = self._send('GET', _path(image_id), f'read image {image_id}')
        operations = glance_json.operations(body, changes or {}, remove)
        if operations:
            body = self._send(
                'PATCH',
                _path(image_id),
                f'change image {image_id}',
                data=json.dumps(operations),
                headers={'Content-Type': _PATCH},
            )
        return glance_json.image_from(body)

    def delete(self, image_id: str) -> None:
        """Delete an image; see :meth:`.Images.delete`."""
        with self._deleted(f'delete image {image_id}'):
            self._clients.images.delete(_quoted(image_id))

    def deactivate(self, image_id: str) -> None:
        """Keep everybody from the data; see :meth:`.Images.deactivate`."""
        with self._asked(f'deactivate image {image_id}'):
            self._clients.images.deactivate(_quoted(image_id))

    def reactivate(self, image_id: str) -> None:
        """Undo :meth:`deactivate`; see :meth:`.Images.reactivate`."""
        with self._asked(f'reactivate image {image_id}'):
            self._clients.images.reactivate(_quoted(image_id))

    def upload(
        self,
        image_id: str,
        file: BinaryIO,
        size: int,
        *,
        progress: images.Progress | None = None,
        cancelled: images.Check | None = None,
        store: str | None = None,
    ) -> None:
        """Send the data; see :meth:`.Images.upload`."""
        self._data(image_id, 'file').send(
            transfer.Body(file, size), progress, cancelled, store=store
        )

    def stage_data(
        self,
        image_id: str,
        file: BinaryIO,
        size: int,
        *,
        progress: images.Progress | None = None,
        cancelled: images.Check | None = None,
    ) -> None:
        """Send the data for an import; see :meth:`.Images.stage_data`."""
        self._data(image_id, 'stage').send(
            transfer.Body(file, size), progress, cancelled
        )

    def import_image(
        self,
        image_id: str,
        method: str,
        *,
        uri: str | None = None,
        stores: Sequence[str] = (),
        all_stores: bool = False,
        all_must_succeed: bool = True,
    ) -> None:
        """Ask for an import; see :meth:`.Images.import_image`."""
        with self._asked(f'import image {image_id}'):
            self._clients.images.image_import(
                _quoted(image_id),
                method,
                uri=uri,
                stores=list(stores) or None,
                all_stores=all_stores,
                allow_failure=not all_must_succeed,
            )

    def tasks(self, image_id: str) -> list[images.Task]:
        """Return the tasks about an image; see :meth:`.Images.tasks`."""
        try:
            body = self._send(
                'GET',
                _path(image_id, 'tasks'),
                f'list the tasks of image {image_id}',
            )
        except (exceptions.NotFound, exceptions.Forbidden):
            # Before API v2.12, or not for this user.
            return []
        return [
            images.Task(
                id=one['id'],
                kind=one.get('type') or '',
                status=one.get('status') or '',
                message=one.get('message') or '',
            )
            for one in body.get('tasks', ())
        ]

    def ranges(self, image_id: str) -> bool:
        """Whether a part can be read; see :meth:`.Images.ranges`."""
        return self._data(image_id, 'file').ranges()

    def read(self, image_id: str, offset: int, length: int) -> bytes:
        """Return a part of the data; see :meth:`.Images.read`."""
        return self._data(image_id, 'file').read(offset, length)

    def download(
        self,
        image_id: str,
        file: BinaryIO,
        *,
        progress: images.Progress | None = None,
        cancelled: images.Check | None = None,
    ) -> int:
        """Write the data to a file; see :meth:`.Images.download`."""
        image = self.get(image_id)
        return self._data(image_id, 'file').download(
            file, image, progress=progress, cancelled=cancelled
        )

    def _data(self, image_id: str, part: str) -> transfer.Data:
        return transfer.Data(
            self._cloud,
            self._clients.endpoint + _path(image_id, part),
            image_id,
            lambda: self.get(image_id).status,
        )

    def members(self, image_id: str) -> list[images.Member]:
        """Return the members; see :meth:`.Images.members`."""
        with self._asked(f'list the members of image {image_id}'):
            found = self._clients.members.list(_quoted(image_id))
            return [glance_json.member(one) for one in found]

    def add_member(self, image_id: str, project: str) -> images.Member:
        """Share an image; see :meth:`.Images.add_member`."""
        with self._asked(f'share image {image_id} with project {project}'):
            return glance_json.member(
                self._clients.members.create(_quoted(image_id), project)
            )

    def remove_member(self, image_id: str, project: str) -> None:
        """Take an image back; see :meth:`.Images.remove_member`."""
        with self._deleted(f'take image {image_id} from project {project}'):
            self._clients.members.delete(_quoted(image_id), _quoted(project))

    def set_member(
        self, image_id: str, project: str, status: str
    ) -> images.Member:
        """Answer to a share; see :meth:`.Images.set_member`."""
        with self._asked(f'answer to the share of image {image_id}'):
            return glance_json.member(
                self._clients.members.update(
                    _quoted(image_id), _quoted(project), status
                )
            )

    def stores(self) -> tuple[offers.Store, ...]:
        """Return the stores; see :meth:`.Images.stores`."""
        return glance_offers.stores(self._send, self._cloud.is_admin)

    def delete_from_store(self, image_id: str, store: str) -> None:
        """Delete one copy; see :meth:`.Images.delete_from_store`."""
        with self._deleted(f'delete image {image_id} from store {store}'):
            self._clients.images.delete_from_store(
                _quoted(store), _quoted(image_id)
            )

    def import_methods(self) -> tuple[str, ...]:
        """Return the ways to import; see :meth:`.Images.import_methods`."""
        return glance_offers.import_methods(self._send)

    def schema(self) -> Mapping[str, Any]:
        """Return the schema of an image; see :meth:`.Images.schema`."""
        return glance_offers.schema(self._send)

    def namespaces(
        self, *, but: Sequence[str] = ()
    ) -> tuple[offers.Namespace, ...]:
        """Return metadata definitions; see :meth:`.Images.namespaces`."""
        return glance_offers.namespaces(self._send, but=but)

    def quota(self) -> offers.Quota | None:
        """Return limits and usage; see :meth:`.Images.quota`."""
        return glance_offers.quota(self._send)


def _path(image_id: str, *parts: str) -> str:
    return '/'.join(['/v2/images', *map(_quoted, (image_id, *parts))])


def _quoted(text: str) -> str:
    return urllib.parse.quote(text, safe='')
