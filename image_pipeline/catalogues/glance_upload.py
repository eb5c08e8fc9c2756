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

"""How an image's data get into Glance, and what is waited for."""

import enum
import logging
import re
import time
from collections.abc import Callable, Sequence

from image_pipeline import artifact, exceptions
from image_pipeline.clouds import images
from image_pipeline.conf import settings as conf_settings
from image_pipeline.host import cancellation

LOG = logging.getLogger(__name__)

Progress = Callable[[float, float | None, str], None]

#: Glance's own words about an import: the stores that are yet to get the
#: data, and those that could not (glance/async_/flows/api_image_import.py).
_IMPORTING = 'os_glance_importing_to_stores'
_FAILED = 'os_glance_failed_import'
#: How often an import is looked at, in seconds: at first, at last.
_PAUSE = (0.1, 3.0)
_COPIED = re.compile(r'Copied (\d+) MiB')
_FULL = re.compile(
    r'storage ?full|not enough disk|no space|quota|exceed', re.I
)


class Method(enum.StrEnum):
    """How the data get there."""

    #: ``PUT /v2/images/ID/file``: every Glance has it.
    UPLOAD = 'upload'
    #: Sent to a staging area, then imported to one store or several.
    DIRECT = 'glance-direct'
    #: Glance fetches them.
    WEB = 'web-download'


def choose(client: images.Images, target: conf_settings.Target) -> Method:
    """Return how the data get to a target.

    A plain upload is what every cloud has, and takes the data once instead
    of twice; it cannot fill several stores.

    :param client: the image service.
    :param target: the target.
    :raises InvalidInput: what the target asks for is not offered.
    """
    said = target.import_method
    several = len(target.stores) > 1
    if said == 'auto':
        method = Method.DIRECT if several else Method.UPLOAD
    else:
        method = Method(said)
    if method == Method.UPLOAD:
        if several:
            raise exceptions.InvalidInput(
                f'target "{target.name}": an upload goes to one store, not to '
                + ', '.join(target.stores),
                hint='set import_method of the target to glance-direct',
            )
        return method
    if method == Method.WEB and not target.import_url:
        raise exceptions.InvalidInput(
            f'target "{target.name}": web-download needs an address',
            hint='set import_url of the target',
        )
    offered = client.import_methods()
    if method not in offered:
        raise exceptions.InvalidInput(
            f'target "{target.name}": its cloud does not offer {method}'
            + (', which several stores need' if said == 'auto' else ''),
            hint=f'it offers {", ".join(offered)}'
            if offered
            else 'it offers no way to import',
        )
    return method


class Upload:
    """One image's data on their way.

    :param client: the image service.
    :param target: the target.
    :param progress: told of the bytes.
    :param cancelled: stops it.
    :param patience: seconds without any progress after which an import is
        given up.
    """

    def __init__(
        self,
        client: images.Images,
        target: conf_settings.Target,
        *,
        progress: Progress,
        cancelled: cancellation.CancellationToken,
        patience: float | None = None,
    ) -> None:
        self._client = client
        self._target = target
        self._progress = progress
        self._cancelled = cancelled
        self._patience = (
            target.requests.upload_timeout if patience is None else patience
        )

    def run(
        self,
        image: artifact.Artifact,
        image_id: str,
        *,
        method: Method,
        name: str,
    ) -> images.Image:
        """Get the data there.

        :param image: the file.
        :param image_id: the queued image.
        :param method: how.
        :param name: the image's final name, for an address.
        :returns: the image, active, in all stores of the target.
        :raises DigestMismatch: the file changed meanwhile.
        :raises Unavailable: the service does not go on with it.
        :raises StageFailed: it could not do it.
        """
        stores = self._target.stores
        if method == Method.WEB:
            self._client.import_image(
                image_id,
                method,
                uri=self._address(image, name),
                stores=stores,
            )
        else:
            self._send(image, image_id, method)
            if method == Method.DIRECT:
                self._client.import_image(image_id, method, stores=stores)
        found = self._wait(image_id, image.size, method)
        missing = sorted(set(stores) - set(found.stores))
        if missing and found.stores:
            raise exceptions.StageFailed(
                f'image {image_id} did not get to the store'
                f'{"s" * (len(missing) > 1)} {", ".join(missing)}; it is in '
                + ', '.join(found.stores),
                hint='ask the operators of the cloud about that store',
            )
        return found

    def _send(
        self, image: artifact.Artifact, image_id: str, method: Method
    ) -> None:
        def progress(done: int) -> None:
            self._progress(done, image.size, 'B')

        with image.path.open('rb') as file:
            if method == Method.DIRECT:
                self._client.stage_data(
                    image_id,
                    file,
                    image.size,
                    progress=progress,
                    cancelled=self._cancelled.check,
                )
            else:
                self._client.upload(
                    image_id,
                    file,
                    image.size,
                    progress=progress,
                    cancelled=self._cancelled.check,
                    store=next(iter(self._target.stores), None),
                )

    def _address(self, image: artifact.Artifact, name: str) -> str:
        template = self._target.import_url or ''
        for key, value in (
            ('{name}', name),
            ('{sha256}', image.digest.removeprefix('sha256:')),
            ('{format}', str(image.properties['format'])),
        ):
            template = template.replace(key, value)
        return template

    def _wait(self, image_id: str, size: int, method: Method) -> images.Image:
        """Wait until the image is active, and in all stores."""
        seen: object = None
        since = time.monotonic()
        pause = _PAUSE[0]
        while True:
            image = self._look(image_id)
            pending = image.properties.get(_IMPORTING)
            if image.status in ('active', 'deactivated') and not pending:
                self._check_stores(image)
                return image
            tasks = (
                [] if method == Method.UPLOAD else self._client.tasks(image_id)
            )
            self._check(image, tasks)
            now = (image.status, image.size, pending, image.stores, tasks)
            if now != seen:
                seen, since = now, time.monotonic()
                self._tell(tasks, size)
            elif time.monotonic() - since > self._patience:
                raise self._hangs(image, tasks)
            self._cancelled.wait(pause)
            pause = min(pause * 1.5, _PAUSE[1])

    def _look(self, image_id: str) -> images.Image:
        try:
            return self._client.get(image_id)
        except exceptions.NotFound as exc:
            raise exceptions.StageFailed(
                f'image {image_id} was deleted while it was registered',
                hint='somebody else did so; bake again',
            ) from exc

    def _tell(self, tasks: Sequence[images.Task], size: int) -> None:
        for task in tasks:
            if found := _COPIED.search(task.message):
                done = min(int(found.group(1)) << 20, size)
                self._progress(done, size, 'B')

    def _check(
        self, image: images.Image, tasks: Sequence[images.Task]
    ) -> None:
        """Raise if the import has failed."""
        bad = [task for task in tasks if task.status == 'failure']
        running = [
            task for task in tasks if task.status in ('pending', 'processing')
        ]
        if running:
            return
        failed = image.properties.get(_FAILED)
        if bad or failed or image.status in ('killed', 'deleted'):
            raise self._failure(image, failed, [one.message for one in bad])

    def _check_stores(self, image: images.Image) -> None:
        if failed := image.properties.get(_FAILED):
            tasks = self._client.tasks(image.id)
            raise self._failure(
                image,
                failed,
                [one.message for one in tasks if one.status == 'failure'],
            )

    def _failure(
        self, image: images.Image, stores: str | None, said: Sequence[str]
    ) -> exceptions.PipelineError:
        why = '; '.join(dict.fromkeys(one for one in said if one))
        where = (
            f' to the store{"s" * ("," in stores)} {stores}' if stores else ''
        )
        message = f'the import of image {image.id}{where} failed'
        if why:
            message += f': {why}'
        if _FULL.search(why):
            return exceptions.QuotaExceeded(
                message,
                hint='a store or a quota is full: delete what is not needed, '
                'or ask the operators of the cloud',
            )
        return exceptions.StageFailed(
            message,
            hint='a store may be full or down; the log of the image service '
            'says more',
        )

    def _hangs(
        self, image: images.Image, tasks: Sequence[images.Task]
    ) -> exceptions.PipelineError:
        said = [
            f'the image is {image.status}',
            *(
                f'task {task.id} is {task.status}'
                + (f': {task.message}' if task.message else '')
                for task in tasks
            ),
        ]
        if pending := image.properties.get(_IMPORTING):
            said.append(f'the stores {pending} are still to come')
        return exceptions.Unavailable(
            f'the import of image {image.id} has not gone on for '
            f'{self._patience:.0f} seconds: {"; ".join(said)}',
            hint='the image service may have been restarted meanwhile; bake '
            'again, nothing is built anew',
        )
