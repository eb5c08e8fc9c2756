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

"""How a fake of an image service is asked, and what it does with data."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import BinaryIO, TypeVar

from image_pipeline import exceptions
from image_pipeline.clouds import images
from image_pipeline.testing import fake_glance

_T = TypeVar('_T')
_BLOCK = 65536


class Died(BaseException):
    """The process was killed here: nothing of it goes on."""


@dataclasses.dataclass(frozen=True)
class Request:
    """A request to the service.

    :param number: how many there were before it, of this client.
    :param method: the method of :class:`.images.Images`.
    :param image_id: the image, if it is about one.
    """

    number: int
    method: str
    image_id: str | None = None


Hook = Callable[[Request], object]


class FakeData(images.Images):
    """One user's view of the data; the base of :class:`.FakeImages`.

    :param service: the service; a new one if there is none.
    :param project: the id of the user's project.
    :param admin: whether the user may do and see everything.
    :param reader: whether the user may change nothing.
    """

    def __init__(
        self,
        service: fake_glance.FakeGlance | None = None,
        *,
        project: str = 'project',
        admin: bool = False,
        reader: bool = False,
    ) -> None:
        self.service = service or fake_glance.FakeGlance()
        self.user = fake_glance.User(project, admin=admin, reader=reader)
        #: Called with every request before it is done.
        self.before: list[Hook] = []
        #: Called with every request that was done.
        self.after: list[Hook] = []
        #: Every request.
        self.requests: list[Request] = []

    def die(self, number: int, *, after: bool = False) -> None:
        """Let the client die at one of its requests.

        :param number: how many requests from now, from 0.
        :param after: when it has been done, but no answer came.
        """
        at = len(self.requests) + number

        def hook(request: Request) -> None:
            if request.number >= at:
                raise Died(f'{request.method} {request.image_id}')

        (self.after if after else self.before).append(hook)

    def _ask(
        self, method: str, image_id: str | None, do: Callable[[], _T]
    ) -> _T:
        request = Request(len(self.requests), method, image_id)
        self.requests.append(request)
        for hook in self.before:
            hook(request)
        answer = do()
        for hook in self.after:
            hook(request)
        return answer

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
        """Send the data; see :class:`.images.Images`."""

        def send() -> None:
            self._queued(image_id)
            self.service.status(image_id, 'saving')
            try:
                data = _read(file, size, progress, cancelled)
            except BaseException:
                # As Glance does when the connection breaks.
                self.service.status(image_id, 'queued')
                raise
            self.service.fill(image_id, data, store)

        self._ask('upload', image_id, send)

    def stage_data(
        self,
        image_id: str,
        file: BinaryIO,
        size: int,
        *,
        progress: images.Progress | None = None,
        cancelled: images.Check | None = None,
    ) -> None:
        """Send the data to be staged; see :class:`.images.Images`."""

        def send() -> None:
            self._queued(image_id)
            data = _read(file, size, progress, cancelled)
            self.service.staged[image_id] = data
            self.service.status(image_id, 'uploading')

        self._ask('stage_data', image_id, send)

    def _queued(self, image_id: str) -> None:
        image = self.service.mutable(self.user, image_id)
        if image.status != 'queued':
            raise exceptions.StateConflict(
                f'image service: image {image_id} is {image.status}, '
                'not queued'
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
        """Import the data at once; see :class:`.images.Images`."""

        def start() -> None:
            image = self.service.mutable(self.user, image_id)
            if method not in self.service.import_methods:
                raise exceptions.InvalidInput(f'{method} is not offered')
            wanted = 'uploading' if method == 'glance-direct' else 'queued'
            if image.status != wanted:
                raise exceptions.StateConflict(
                    f'image service: image {image_id} is {image.status}'
                )
            self.service.status(image_id, 'importing')
            if self.service.hang_imports:
                return
            if method == 'glance-direct':
                data = self.service.staged.pop(image_id)
            elif uri in self.service.web:
                data = self.service.web[uri]
            else:
                self.service.status(image_id, 'queued')
                return
            self.service.fill(image_id, data, next(iter(stores), None))

        self._ask('import_image', image_id, start)

    def tasks(self, image_id: str) -> list[images.Task]:
        """Return none; see :class:`.images.Images`."""
        return self._ask('tasks', image_id, list)

    def ranges(self, image_id: str) -> bool:
        """Whether parts can be read; see :class:`.images.Images`."""
        return True

    def read(self, image_id: str, offset: int, length: int) -> bytes:
        """Return a part of the data; see :class:`.images.Images`."""
        return self._ask(
            'read',
            image_id,
            lambda: self._data(image_id)[offset : offset + length],
        )

    def download(
        self,
        image_id: str,
        file: BinaryIO,
        *,
        progress: images.Progress | None = None,
        cancelled: images.Check | None = None,
    ) -> int:
        """Write the data to a file; see :class:`.images.Images`."""
        return self._ask(
            'download', image_id, lambda: file.write(self._data(image_id))
        )

    def _data(self, image_id: str) -> bytes:
        image = self.service.visible(self.user, image_id)
        if image.status == 'deactivated' and not self.user.admin:
            raise fake_glance.forbidden(f'image {image_id} is deactivated')
        return self.service.data.get(image_id, b'')


def _read(
    file: BinaryIO,
    size: int,
    progress: images.Progress | None,
    cancelled: images.Check | None,
) -> bytes:
    file.seek(0)
    data = bytearray()
    while block := file.read(_BLOCK):
        if cancelled:
            cancelled()
        data += block
        if progress:
            progress(len(data))
    if cancelled:
        cancelled()
    if len(data) != size:
        raise exceptions.DigestMismatch(
            f'the file has {len(data)} bytes, not {size}'
        )
    return bytes(data)
