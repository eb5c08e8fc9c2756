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

"""The data of an image, to and from Glance.

Not by python-glanceclient's own upload: that sends pieces without saying how
many there are ("Transfer-Encoding: chunked"), so that nobody on the way can
refuse at once what is too big, and it cannot be told to begin anew.
"""

import contextlib
import contextvars
import hashlib
import io
import logging
import threading
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, BinaryIO

from keystoneauth1 import exceptions as ksa_exceptions

from image_pipeline import exceptions
from image_pipeline.clouds import images

if TYPE_CHECKING:
    from image_pipeline.clouds import cloud as clouds_cloud

LOG = logging.getLogger(__name__)

SERVICE = 'Glance'

_PARTIAL = 206
_PAST_THE_END = 416

#: Bytes that are read and sent at once.
BLOCK = 1 << 20

#: States in which Glance may not have seen yet that a connection broke.
_PENDING = frozenset({images.QUEUED, images.SAVING, 'uploading'})

#: How often the data are sent at most.
_TRIES = 3
#: Seconds for which Glance may take to see that a connection broke.
_SETTLED = 30.0
#: How often it is looked at then, in seconds, and how many looks in a row must
#: find it queued.
_LOOK = 0.5
_QUIET = 5
#: How often a person is told of progress, in seconds.
_TELL = 0.1
#: Bytes a second that an upload has at least, for the life of a token.
_SLOW = 5 << 20
_SHORT = 600.0


class Body:
    """A file as the body of a request: with a length, and from the start.

    requests sends what has a length and can be iterated as it comes, with
    "Content-Length"; each iteration begins anew, so that the request can be
    sent again.

    :param file: open for reading, seekable.
    :param size: bytes.
    :raises DigestMismatch: it has more or less.
    """

    def __init__(self, file: BinaryIO, size: int) -> None:
        found = file.seek(0, io.SEEK_END)
        if found != size:
            raise exceptions.DigestMismatch(
                f'the file has {found} bytes, not {size}'
            )
        self._file = file
        self._size = size
        self._stopped = False
        #: Bytes that were handed over to be sent.
        self.done = 0

    def __len__(self) -> int:
        return self._size

    def __iter__(self) -> Iterator[bytes]:
        self._file.seek(0)
        self.done = 0
        while self.done < self._size:
            block = self._file.read(min(BLOCK, self._size - self.done))
            if self._stopped:
                raise exceptions.Interrupted('nobody waits for it any more')
            if not block:
                raise exceptions.DigestMismatch(
                    f'the file ended after {self.done} of {self._size} '
                    'bytes while it was sent'
                )
            yield block
            self.done += len(block)

    def stop(self) -> None:
        """Send no more of it."""
        self._stopped = True


class Data:
    """The data of one image in Glance, or its staging area.

    :param cloud: whose image service it is.
    :param url: of the data.
    :param image_id: the image.
    :param status: returns the image's status as it is now.
    """

    def __init__(
        self,
        cloud: 'clouds_cloud.Cloud',
        url: str,
        image_id: str,
        status: Callable[[], str],
    ) -> None:
        self._cloud = cloud
        self._url = url
        self._what = f'image {image_id}'
        self._status = status

    def send(
        self,
        body: Body,
        progress: images.Progress | None,
        cancelled: images.Check | None,
        *,
        store: str | None = None,
    ) -> None:
        """Send the data, and from the start again if the connection broke.

        :param body: the data.
        :param progress: called with the bytes sent so far.
        :param cancelled: called ten times a second; raises to stop.
        :param store: id of the store; None is the default one.
        """
        size = len(body)
        headers = {
            'Content-Type': 'application/octet-stream',
            # As python-glanceclient does, for releases that look at it.
            'x-openstack-image-size': str(size),
        }
        if store:
            headers['x-image-meta-store'] = store
        broke: exceptions.Unavailable | None = None
        for left in range(_TRIES - 1, -1, -1):
            # A token must last until Glance has seen the last byte.
            self._cloud.renew(max(_SHORT, size / _SLOW))
            try:
                with self._translated('upload'):
                    _watched(
                        lambda: self._put(body, headers),
                        body,
                        progress,
                        cancelled,
                    )
            except exceptions.Unavailable as exc:
                broke = exc
            except exceptions.StateConflict as exc:
                if broke is None:
                    raise
                # Glance has come to the former request only now.
                broke = exceptions.Unavailable(exc.message, hint=exc.hint)
            else:
                return
            status = self._settled(cancelled)
            if status == images.ACTIVE:
                # It was done; only the answer was lost.
                return
            message = f'{broke.message}, after {body.done} of {size} bytes'
            if status != images.QUEUED or not left:
                raise exceptions.Unavailable(
                    f'{message}; the image is {status}', hint=broke.hint
                ) from broke
            LOG.warning('%s; sending it again', message)
            # Glance may have closed the connection on a token it refused,
            # before we could read that.
            self._cloud.session.invalidate()

    def _put(self, body: Body, headers: dict[str, str]) -> None:
        patience = self._cloud.requests.upload_timeout
        self._cloud.session.request(
            self._url,
            'PUT',
            data=body,
            headers=headers,
            # urllib3 has the first hold while it sends, too.
            timeout=(patience, patience),
        )

    def _settled(self, cancelled: images.Check | None) -> str:
        """Return the image's status, when Glance has seen that we are gone."""
        until = time.monotonic() + _SETTLED
        quiet = 0
        while True:
            try:
                status = self._status()
            except exceptions.Unavailable:
                return 'not to be seen now'
            # A busy Glance has not begun with the request that broke: it is
            # queued, then saving, and queued again.
            quiet = quiet + 1 if status == images.QUEUED else 0
            over = time.monotonic() > until
            if quiet == _QUIET or over or status not in _PENDING:
                return status
            if cancelled:
                cancelled()
            time.sleep(_LOOK)

    def ranges(self) -> bool:
        """Whether the store honours ranges."""
        with self._get('bytes=0-0') as response:
            return bool(response.status_code == _PARTIAL)

    def read(self, offset: int, length: int) -> bytes:
        """Return a part of the data.

        :param offset: from the start, in bytes.
        :param length: bytes.
        :raises StageFailed: the service does not honour ranges.
        """
        if length <= 0:
            return b''
        wanted = f'bytes={offset}-{offset + length - 1}'
        left = _TRIES
        while True:
            left -= 1
            with self._get(wanted) as response:
                if response.status_code == _PAST_THE_END:
                    return b''
                if response.status_code != _PARTIAL:
                    raise exceptions.StageFailed(
                        f'{SERVICE} of cloud "{self._cloud.name}" sends '
                        f'whole images only, not a part of {self._what}'
                    )
                try:
                    with self._translated('read a part of'):
                        data: bytes = response.content
                        return data
                except exceptions.Unavailable:
                    # The session repeats only what has no answer at all.
                    if not left:
                        raise

    def download(
        self,
        file: BinaryIO,
        image: images.Image,
        *,
        progress: images.Progress | None = None,
        cancelled: images.Check | None = None,
    ) -> int:
        """Write all of the data to a file, and check its digest.

        :param file: open for writing.
        :param image: the image.
        :param progress: called with the bytes so far.
        :param cancelled: called before each block.
        :returns: bytes.
        :raises DigestMismatch: it is not what the service says it is.
        """
        algorithm = image.hash_algo
        digest = hashlib.new(algorithm) if algorithm else None
        done = 0
        with self._get(None) as response:
            blocks = response.iter_content(BLOCK)
            while True:
                with self._translated('download'):
                    block = next(blocks, b'')
                if not block:
                    break
                if cancelled:
                    cancelled()
                file.write(block)
                if digest:
                    digest.update(block)
                done += len(block)
                if progress:
                    progress(done)
        if digest and digest.hexdigest() != image.hash_value:
            raise exceptions.DigestMismatch(
                f'{self._what} of cloud "{self._cloud.name}" came with '
                f'another {algorithm} than it is registered with'
            )
        return done

    def _get(self, part: str | None) -> Any:
        patience = self._cloud.requests
        with self._translated('read the data of'):
            response = self._cloud.session.request(
                self._url,
                'GET',
                headers={'Range': part} if part else {},
                timeout=(patience.connect_timeout, patience.upload_timeout),
                stream=True,
                raise_exc=False,
            )
            status = response.status_code
            if status >= 400 and status != _PAST_THE_END:
                raise ksa_exceptions.from_response(response, 'GET', self._url)
            return response

    def _translated(
        self, doing: str
    ) -> contextlib.AbstractContextManager[None]:
        return self._cloud.translated(SERVICE, f'{doing} {self._what}')


def _watched(
    work: Callable[[], None],
    body: Body,
    progress: images.Progress | None,
    cancelled: images.Check | None,
) -> None:
    """Do work in a thread of its own, so that it can be given up at once.

    A request that waits for a service cannot be interrupted.  Given up, it
    fails with its time-out, or at the next block of its body.

    :param work: sends the body.
    :param body: what is sent.
    :param progress: called from this thread.
    :param cancelled: called from this thread.
    """
    over = threading.Event()
    raised: list[BaseException] = []

    def run() -> None:
        try:
            work()
        except BaseException as exc:
            raised.append(exc)
        finally:
            over.set()

    context = contextvars.copy_context()
    thread = threading.Thread(
        target=context.run, args=(run,), name='upload', daemon=True
    )
    thread.start()
    told = 0
    try:
        while not over.wait(_TELL):
            if cancelled:
                cancelled()
            if progress and body.done != told:
                told = body.done
                progress(told)
    except BaseException:
        body.stop()
        raise
    if raised:
        raise raised[0]
    if progress and body.done != told:
        progress(body.done)
