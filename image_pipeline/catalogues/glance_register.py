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

"""How an image becomes a candidate in Glance, step by step.

A record without data, with an id that was journaled before; the data; their
comparison with the digest; the last PATCH, which makes a candidate of it.
"""

import logging
from collections.abc import Callable
from pathlib import Path

from image_pipeline import artifact, exceptions
from image_pipeline.catalogues import (
    glance_checks,
    glance_claim,
    glance_halves,
    glance_records,
    glance_upload,
)
from image_pipeline.clouds import images
from image_pipeline.conf import settings as conf_settings
from image_pipeline.host import cancellation

LOG = logging.getLogger(__name__)


class Registration:
    """The way of one image into Glance.

    :param client: the image service.
    :param target: the target.
    :param project: the id of the project.
    :param state_dir: the state folder.
    """

    def __init__(
        self,
        client: images.Images,
        target: conf_settings.Target,
        project: str,
        state_dir: Path,
    ) -> None:
        self._client = client
        self._target = target
        self._project = project
        self._state_dir = state_dir

    def make(
        self,
        image: artifact.Artifact,
        fresh: artifact.ImageRecord,
        *,
        undo: Callable[[], None],
        progress: glance_upload.Progress,
        cancelled: cancellation.CancellationToken,
    ) -> images.Image:
        """Check, upload, compare and claim.

        :param image: the file.
        :param fresh: what the image is to be.
        :param undo: journals how it is taken away.
        :param progress: told of the bytes.
        :param cancelled: stops it; the image is taken away.
        :returns: the image; or the one that somebody else has registered
            with the same content meanwhile.
        :raises InvalidInput: the image service would not take it.
        :raises QuotaExceeded: it has no room for it.
        :raises DigestMismatch: what arrived is not what the digest says.
        :raises Unavailable: it cannot be reached, or does not go on.
        """
        glance_checks.content(image)
        method = self._method(fresh)
        undo()
        upload = glance_upload.Upload(
            self._client, self._target, progress=progress, cancelled=cancelled
        )
        try:
            self._create(fresh)
            cancelled.check()
            sent = upload.run(
                image, fresh.id, method=method, name=fresh.final_name
            )
            extra = glance_claim.verify(image, sent, cancelled)
            return self._claim(fresh, extra, cancelled)
        except exceptions.Unavailable:
            # Whoever cannot be reached cannot delete it either: the journal
            # has it.
            raise
        except exceptions.PipelineError:
            self._give_up(fresh.id)
            raise

    def _method(self, fresh: artifact.ImageRecord) -> glance_upload.Method:
        """Return how the data get there, if they would be taken."""
        method = glance_upload.choose(self._client, self._target)
        glance_checks.check(
            self._client,
            self._target,
            glance_checks.Wanted(
                name=fresh.name,
                format=fresh.format,
                size=fresh.size,
                properties=fresh.properties,
            ),
            staged=method != glance_upload.Method.UPLOAD,
        )
        for doubt in glance_checks.doubts(self._client, fresh.properties):
            LOG.warning('target "%s": %s', self._target.name, doubt)
        return method

    def _create(self, fresh: artifact.ImageRecord) -> None:
        """Make the record of an image, without data; POST is all or nothing.

        Property protections, reserved names and limits are met here.
        """
        self._client.create(
            fresh.id,
            name=fresh.name,
            disk_format=fresh.format,
            visibility=fresh.visibility,
            hidden=fresh.hidden,
            min_disk=int(fresh.properties.get('min_disk', '0')),
            min_ram=int(fresh.properties.get('min_ram', '0')),
            tags=fresh.tags,
            properties={
                **{
                    key: value
                    for key, value in fresh.properties.items()
                    if key not in glance_records.ATTRIBUTES
                },
                **self._own(fresh),
            },
        )

    def _own(self, fresh: artifact.ImageRecord) -> dict[str, str]:
        """Return the pipeline's own properties of an image to be made."""
        marks = glance_halves.own_marks(
            fresh.run_id or '', self._state_dir, fresh.size
        )
        own = {
            **glance_records.own(fresh),
            **marks.properties,
            glance_records.ID: fresh.id,
            glance_records.SHA256: fresh.sha256,
            glance_records.VIRTUAL_SIZE: str(fresh.virtual_size),
            glance_records.KEYS: glance_records.packed(fresh.properties),
            glance_records.UPLOAD: glance_records.SENDING,
        }
        # It gets its state when it is complete.
        del own[glance_records.STATE]
        return {key: value for key, value in own.items() if value}

    def _claim(
        self,
        fresh: artifact.ImageRecord,
        extra: dict[str, str],
        cancelled: cancellation.CancellationToken,
    ) -> images.Image:
        """Make a complete image a candidate, unless somebody else has one."""
        claim = glance_claim.Claim(self._client, self._project, fresh)
        winner = claim.settle(cancelled)
        if winner is not None:
            LOG.info(
                'image %s has the same content: %s is not needed',
                winner.id,
                fresh.id,
            )
            self._give_up(fresh.id)
            return winner
        return self._client.patch(
            fresh.id,
            {
                **extra,
                glance_records.STATE: fresh.state.value,
                glance_records.REGISTERED_AT: glance_records.now(),
            },
            remove=(
                glance_records.UPLOAD,
                glance_records.HOST,
                glance_records.EXPIRES,
            ),
        )

    def _give_up(self, image_id: str) -> None:
        """Delete an image of ours, as far as that can be done now."""
        try:
            glance_halves.drop(self._client, image_id)
        except exceptions.PipelineError as exc:
            LOG.warning('image %s is left half made: %s', image_id, exc)
