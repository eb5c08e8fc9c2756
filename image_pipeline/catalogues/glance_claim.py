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

"""The last steps of a registration: compare the data, and claim the name.

Glance has no unique names and no compare-and-swap, and two runs may register
the same content at the same time.  Each makes an image of its own, and the
one that is there first stays.  Which one that is, is agreed upon by the
one-bit algorithm (J. E. Burns, N. A. Lynch: Bounds on shared memory for
mutual exclusion, 1993): whoever wants to finish says so at its own image,
then looks; of two that say so the lower id goes on, the other takes its word
back and waits.
"""

import hashlib
import time
from collections.abc import Iterable

from image_pipeline import artifact, exceptions
from image_pipeline.catalogues import glance_records
from image_pipeline.clouds import images
from image_pipeline.host import cancellation

#: A claim is held for two requests; who holds it longer is dead, or so slow
#: that he is not waited for, in seconds.
_PATIENCE = 120.0
_PAUSE = 0.3


def verify(
    image: artifact.Artifact,
    sent: images.Image,
    cancelled: cancellation.CancellationToken,
) -> dict[str, str]:
    """Raise unless an image of Glance has the bytes of a file.

    :param image: the file.
    :param sent: the image, active.
    :param cancelled: stops it.
    :returns: properties that the image is to get: the SHA-512, where Glance
        computes another digest.
    :raises DigestMismatch: its bytes are others.
    :raises StageFailed: nobody can tell, or the cloud made another format
        of it.
    """
    if sent.disk_format != image.properties['format']:
        raise exceptions.StageFailed(
            f'the cloud made an image of the format {sent.disk_format} of '
            f'{image.path}',
            hint=f'set formats = {sent.disk_format} at the target: then what '
            'was tested is what is there',
        )
    algorithm, found = _digest(sent)
    sha512 = str(image.properties['sha512'])
    wanted = (
        sha512
        if algorithm == 'sha512'
        else _compute(image, algorithm, cancelled)
    )
    if found != wanted or sent.size not in (None, image.size):
        raise exceptions.DigestMismatch(
            f'the image service has {sent.size} bytes with the {algorithm} '
            f'{found[:16]}…, but {image.path} should have {image.size} with '
            f'{wanted[:16]}…',
            hint='the file was changed, or damaged on its way: bake again',
        )
    return {} if algorithm == 'sha512' else {glance_records.SHA512: sha512}


def _digest(sent: images.Image) -> tuple[str, str]:
    if sent.hash_algo and sent.hash_value:
        return sent.hash_algo.replace('-', '_').lower(), sent.hash_value
    if sent.checksum:
        return 'md5', sent.checksum
    raise exceptions.StageFailed(
        f'the image service tells no digest of image {sent.id}',
        hint='whether it has what was sent cannot be found out; ask the '
        'operators of the cloud for hashing_algorithm',
    )


def _compute(
    image: artifact.Artifact,
    algorithm: str,
    cancelled: cancellation.CancellationToken,
) -> str:
    try:
        digest = hashlib.new(algorithm, usedforsecurity=False)
    except ValueError:
        raise exceptions.StageFailed(
            f'the image service tells a {algorithm}, which this host cannot '
            'compute',
        ) from None
    with image.path.open('rb') as file:
        while piece := file.read(1 << 20):
            cancelled.check()
            digest.update(piece)
    return digest.hexdigest()


class Claim:
    """One image's way from being complete to being a candidate.

    :param client: the image service.
    :param project: the id of the project.
    :param fresh: what the image is to be.
    :param patience: seconds that another one's claim is waited for.
    """

    def __init__(
        self,
        client: images.Images,
        project: str,
        fresh: artifact.ImageRecord,
        *,
        patience: float = _PATIENCE,
    ) -> None:
        self._client = client
        self._project = project
        self._fresh = fresh
        self._patience = patience
        #: Since when each rival has claimed, as far as was seen.
        self._since: dict[str, float] = {}

    def settle(
        self, cancelled: cancellation.CancellationToken
    ) -> images.Image | None:
        """Agree with all who register the same content now.

        :param cancelled: stops the wait.
        :returns: the image that somebody else has registered; or None: then
            ours is to be, and nobody else finishes before it is.
        """
        claimed = False
        while True:
            if not claimed:
                self._say(glance_records.CLAIMING)
                claimed = True
            others = self._others()
            winner = self._registered(others)
            if winner is not None:
                return winner
            rivals = self._rivals(others)
            if not rivals:
                return None
            if claimed and any(one.id < self._fresh.id for one in rivals):
                self._say(glance_records.SENDING)
                claimed = False
                winner = self._wait(cancelled)
                if winner is not None:
                    return winner
            else:
                cancelled.wait(_PAUSE)

    def _wait(
        self, cancelled: cancellation.CancellationToken
    ) -> images.Image | None:
        """Wait until no lower one claims; return who is registered then."""
        while True:
            cancelled.wait(_PAUSE)
            others = self._others()
            winner = self._registered(others)
            if winner is not None:
                return winner
            if not any(
                one.id < self._fresh.id for one in self._rivals(others)
            ):
                return None

    def _say(self, step: str) -> None:
        self._client.patch(self._fresh.id, {glance_records.UPLOAD: step})

    def _others(self) -> list[images.Image]:
        """Return the other images of the same name and content."""
        found = self._client.find(
            owner=self._project,
            properties={
                glance_records.NAME: self._fresh.final_name,
                glance_records.SHA256: self._fresh.sha256,
            },
        )
        return [
            one
            for one in found
            if one.id != self._fresh.id
            and one.disk_format == self._fresh.format
            and one.status == 'active'
            and glance_records.is_ours(one)
        ]

    def _registered(
        self, others: Iterable[images.Image]
    ) -> images.Image | None:
        for one in others:
            if (
                glance_records.is_registered(one)
                and glance_records.record(one).state
                != artifact.ImageState.RETIRED
            ):
                return one
        return None

    def _rivals(self, others: Iterable[images.Image]) -> list[images.Image]:
        """Return those who claim now, but for those who never finish."""
        now = time.monotonic()
        claiming = [
            one
            for one in others
            if glance_records.is_under_way(one)
            and one.properties.get(glance_records.UPLOAD)
            == glance_records.CLAIMING
        ]
        self._since = {
            one.id: self._since.get(one.id, now) for one in claiming
        }
        return [
            one
            for one in claiming
            if now - self._since[one.id] < self._patience
        ]
