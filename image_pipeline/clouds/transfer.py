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
many there are ("Transfer-Encoding: chunked"), so a proxy cannot refuse what is
too big before it has all of it, and cannot be told to send it again.
"""

import contextlib
import hashlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, BinaryIO

from image_pipeline import exceptions
from image_pipeline.clouds import images

if TYPE_CHECKING:
    from image_pipeline.clouds import cloud as clouds_cloud

SERVICE = 'Glance'

_PARTIAL = 206
_PAST_THE_END = 416

#: Bytes that are read and sent at once.
BLOCK = 1 << 20


class Body:
    """A file as the body of a request: with a length, and from the start.

    requests sends what has a length and can be iterated as it comes, with
    "Content-Length"; each iteration begins anew, so that the request can be
    sent again.

    :param file: open for reading, seekable.
    :param size: bytes.
    :param progress: called with the bytes sent so far.
    :param cancelled: called before each block.
    """

    def __init__(
        self,
        file: BinaryIO,
        size: int,
        progress: images.Progress | None = None,
        cancelled: images.Check | None = None,
    ) -> None:
        self._file = file
        self._size = size
        self._progress = progress
        self._cancelled = cancelled

    def __len__(self) -> int:
        return self._size

    def __iter__(self) -> Iterator[bytes]:
        self._file.seek(0)
        done = 0
        while done < self._size:
            if self._cancelled:
                self._cancelled()
            block = self._file.read(min(BLOCK, self._size - done))
            if not block:
                raise exceptions.DigestMismatch(
                    f'the file ended after {done} of {self._size} bytes '
                    'while it was sent'
                )
            yield block
            done += len(block)
            if self._progress:
                self._progress(done)


class Data:
    """The data of one image in Glance, or its staging area.

    :param cloud: whose image service it is.
    :param url: of the data.
    :param what: for messages, such as ``image 4f1c``.
    """

    def __init__(
        self, cloud: 'clouds_cloud.Cloud', url: str, what: str
    ) -> None:
        self._cloud = cloud
        self._url = url
        self._what = what

    def send(self, body: Body, *, store: str | None = None) -> None:
        """Send the data.

        :param body: the data.
        :param store: id of the store; None is the default one.
        """
        patience = self._cloud.requests.upload_timeout
        headers = {'Content-Type': 'application/octet-stream'}
        if store:
            headers['x-image-meta-store'] = store
        with self._translated('upload'):
            self._cloud.session.request(
                self._url,
                'PUT',
                data=body,
                headers=headers,
                # While it sends, the first counts.
                timeout=(patience, patience),
            )

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
        with self._get(wanted) as response:
            if response.status_code == _PAST_THE_END:
                return b''
            if response.status_code != _PARTIAL:
                raise exceptions.StageFailed(
                    f'{SERVICE} of cloud "{self._cloud.name}" sends whole '
                    f'images only, not a part of {self._what}'
                )
            with self._translated('read a part of'):
                data: bytes = response.content
            return data

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
                from keystoneauth1 import exceptions as ksa_exceptions

                raise ksa_exceptions.from_response(response, 'GET', self._url)
            return response

    def _translated(
        self, doing: str
    ) -> contextlib.AbstractContextManager[None]:
        return self._cloud.translated(SERVICE, f'{doing} {self._what}')
