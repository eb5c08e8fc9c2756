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

"""Glance as the catalogue: images of a cloud of clouds.yaml.

What is known of an image is in the image (:mod:`.glance_records`).  An image
is made with an id of ours, journaled before, and becomes a candidate with
its last PATCH, when its data have been compared with the digest and nobody
else has registered the same meanwhile; before that it is nobody's image, and
:mod:`.glance_halves` takes it away if its run dies.

Here is how images come and what is said of them; :mod:`.glance_swap` has how
they change places.
"""

import contextlib
import dataclasses
import functools
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from image_pipeline import artifact, exceptions
from image_pipeline.catalogues import (
    base,
    glance_checks,
    glance_halves,
    glance_preflight,
    glance_records,
    glance_register,
    glance_swap,
)
from image_pipeline.catalogues import states as catalogue_states
from image_pipeline.clouds import cloud as clouds_cloud
from image_pipeline.clouds import images
from image_pipeline.conf import settings as conf_settings
from image_pipeline.host import cancellation

_STATE = artifact.ImageState
#: An image that has all of its data.
_COMPLETE = ('active', 'deactivated')


class GlanceCatalogue(base.Catalogue):
    """Images in the image service of a cloud.

    :param target: the target's settings.
    :param state_dir: the state folder, which knows the runs of this host.
    :param client: the image service; None is that of the target's cloud.
    :param project: the id of the project; None is that of the cloud's user.
    """

    def __init__(
        self,
        target: conf_settings.Target,
        *,
        state_dir: Path,
        client: images.Images | None = None,
        project: str | None = None,
    ) -> None:
        super().__init__(target, state_dir=state_dir)
        self._client = client
        self._project = project

    @property
    def cloud(self) -> clouds_cloud.Cloud:
        """The target's cloud."""
        return clouds_cloud.open_cloud(self.target)

    @property
    def client(self) -> images.Images:
        """The image service."""
        return self._client or self.cloud.images

    @property
    def project(self) -> str:
        """The id of the project that the images are in."""
        return self._project or self.cloud.project_id

    @functools.cached_property
    def _swaps(self) -> glance_swap.Swaps:
        return glance_swap.Swaps(
            self.client,
            self.target,
            project_id=self.project,
            cloud=None if self._client else lambda: self.cloud,
            state_dir=self.state_dir,
        )

    def register(
        self,
        image: artifact.Artifact,
        *,
        name: str,
        recipe: str,
        run_id: str,
        properties: Mapping[str, str],
        undo: Callable[[artifact.UndoRecord], None],
        progress: Callable[[float, float | None, str], None],
        cancelled: cancellation.CancellationToken,
    ) -> artifact.ImageRecord:
        """Upload an image as a candidate; see :meth:`base.Catalogue`.

        :raises InvalidInput: the image service would not take it.
        :raises QuotaExceeded: it has no room for it.
        :raises Unavailable: it cannot be reached, or does not go on.
        """
        cancelled.check()
        registered = self._registered(name)
        known = _same(registered, image, name)
        if known is not None:
            return self._update(known, properties)
        glance_checks.content(image)
        fresh = catalogue_states.candidate(
            image,
            image_id=str(uuid.uuid4()),
            name=name,
            recipe=recipe,
            run_id=run_id,
            properties=properties,
            tags=self.target.tags,
            created_at='',
            rejected=_was_rejected(registered, image),
        )
        registration = glance_register.Registration(
            self.client, self.target, self.project, self.state_dir
        )
        made = registration.make(
            image,
            fresh,
            undo=lambda: undo(self.undo_record(fresh.id)),
            progress=progress,
            cancelled=cancelled,
        )
        if made.id != fresh.id:
            return self._update(made, properties)
        return glance_records.record(made)

    def get(self, image_id: str) -> artifact.ImageRecord:
        """Return one image; see :meth:`base.Catalogue`."""
        return glance_records.record(self._get(image_id))

    def list_images(
        self,
        *,
        name: str | None = None,
        states: Sequence[artifact.ImageState] = (),
    ) -> Iterable[artifact.ImageRecord]:
        """Return the images, the newest first; see :meth:`base.Catalogue`."""
        return catalogue_states.listed(
            map(glance_records.record, self._registered(name)),
            name=name,
            states=states,
        )

    def set_properties(
        self,
        image_id: str,
        properties: Mapping[str, str | None],
        *,
        tested: base.Tested | None = None,
    ) -> artifact.ImageRecord:
        """Change an image's properties; see :meth:`base.Catalogue`."""
        image = self._get(image_id)
        before = glance_records.record(image)
        after = catalogue_states.changed(before, properties, tested)
        known = glance_records.keys(image)
        extra = {}
        if known is not None:
            said = {key for key, value in properties.items() if value}
            extra[glance_records.KEYS] = glance_records.packed(
                (known | said) & after.properties.keys()
            )
        return self._replace(image, after, extra)

    def promote(
        self, image_id: str, *, reason: str | None = None, force: bool = False
    ) -> base.Swap:
        """Make an image the current one; see :meth:`base.Catalogue`."""
        return self._swaps.promote(image_id, reason=reason, force=force)

    def check_promotion(self, image_id: str, *, force: bool = False) -> None:
        """Refuse what could not be done; see :meth:`base.Catalogue`."""
        self._swaps.check_promotion(image_id, force=force)

    def roll_back(
        self, name: str, *, to: str | None = None, reason: str | None = None
    ) -> base.Swap:
        """Bring a previous image back; see :meth:`base.Catalogue`."""
        return self._swaps.roll_back(name, to=to, reason=reason)

    def take_back(self, swap: base.Swap) -> None:
        """Undo a promotion; see :meth:`base.Catalogue`."""
        self._swaps.take_back(swap)

    def retire(
        self, image_id: str, *, delete: bool = False, reason: str | None = None
    ) -> artifact.ImageRecord:
        """Take an image out of service; see :meth:`base.Catalogue`."""
        return self._swaps.retire(image_id, delete=delete, reason=reason)

    def discard(self, image_id: str, *, reason: str) -> None:
        """Delete a candidate; see :meth:`base.Catalogue`."""
        self._swaps.discard(image_id, reason=reason)

    def revoke(
        self, image_id: str, *, reason: str, force: bool = False
    ) -> artifact.ImageRecord:
        """Withdraw an image; see :meth:`base.Catalogue`."""
        return self._swaps.revoke(image_id, reason=reason, force=force)

    def adopt(
        self,
        image_id: str,
        *,
        name: str,
        recipe: str | None = None,
        reason: str | None = None,
        read: bool = False,
    ) -> artifact.ImageRecord:
        """Take an image in; see :meth:`base.Catalogue`."""
        return self._swaps.adopt(
            image_id, name=name, recipe=recipe, reason=reason, read=read
        )

    def in_use(self, image_id: str) -> base.Usage:
        """Say whether anything uses an image; see :meth:`base.Catalogue`."""
        return self._swaps.in_use(image_id)

    def usage(self, image_id: str) -> base.Usage:
        """Say who uses an image; see :meth:`base.Catalogue`."""
        return self._swaps.usage(image_id)

    def recover(self) -> Sequence[str]:
        """Finish or undo what dead runs left; see :meth:`base.Catalogue`."""
        return [
            *glance_halves.sweep(self.client, self.project, self.state_dir),
            *self._swaps.recover(),
        ]

    def preflight(
        self, intent: artifact.Intent
    ) -> Iterable[artifact.Objection]:
        """Give what speaks against it; see :meth:`base.Catalogue`.

        :param intent: what a run is about to do here.
        """
        if self._client is not None:
            return glance_preflight.check(
                self._client, self.target, intent, project=self.project
            )
        return glance_preflight.check_cloud(self.cloud, self.target, intent)

    def leftovers(self) -> Sequence[str]:
        """Say what dead runs left; see :meth:`base.Catalogue`."""
        return [
            line
            for _, line in glance_halves.left(
                self.client, self.project, self.state_dir
            )
        ]

    def undo(self, arguments: Mapping[str, Any]) -> None:
        """Take a candidate away; see :meth:`base.Catalogue`."""
        with contextlib.suppress(exceptions.NotFound):
            image = self.client.get(str(arguments['image_id']))
            # What was promoted meanwhile is no longer this run's own.
            if glance_records.is_under_way(image) or (
                glance_records.is_registered(image)
                and glance_records.record(image).state == _STATE.CANDIDATE
            ):
                self.client.delete(image.id)

    def _update(
        self, image: images.Image, properties: Mapping[str, str]
    ) -> artifact.ImageRecord:
        """Bring the properties of an image up to date, in place."""
        before = glance_records.record(image)
        after = catalogue_states.updated(
            before, properties=properties, tags=self.target.tags
        )
        known = glance_records.keys(image)
        others = {
            key: value
            for key, value in before.properties.items()
            if key not in glance_records.ATTRIBUTES
            and (known is None or key not in known)
        }
        return self._replace(
            image,
            dataclasses.replace(
                after, properties={**others, **after.properties}
            ),
            {glance_records.KEYS: glance_records.packed(properties)},
        )

    def _replace(
        self,
        image: images.Image,
        after: artifact.ImageRecord,
        extra: Mapping[str, str | None],
    ) -> artifact.ImageRecord:
        change, remove = glance_records.changes(image, after, extra)
        if not change and not remove:
            return glance_records.record(image)
        if after.properties != glance_records.custom(image):
            glance_checks.check_properties(
                self.client, self.target, after.properties
            )
        return glance_records.record(
            self.client.patch(image.id, change, remove=remove)
        )

    def _get(self, image_id: str) -> images.Image:
        try:
            image = self.client.get(image_id)
        except exceptions.NotFound:
            image = None
        if image is None or not glance_records.is_registered(image):
            raise exceptions.NotFound(
                f'there is no image {image_id} in the catalogue of target '
                f'"{self.target.name}"',
                hint='`image-pipeline image list` shows those that are there'
                if image is None
                else f'{image.name} is {image.status}, and not the '
                "pipeline's; `image-pipeline image adopt` makes it so",
            )
        return image

    def _registered(self, name: str | None) -> list[images.Image]:
        """Return the images of this project that are registered."""
        return [
            image
            for image in self.client.find(
                owner=self.project,
                properties={glance_records.NAME: name} if name else None,
            )
            if glance_records.is_registered(image)
            and image.status in _COMPLETE
        ]


def _same(
    registered: Iterable[images.Image], image: artifact.Artifact, name: str
) -> images.Image | None:
    """Return the image that a file is registered as, or None."""
    found = {one.id: one for one in registered}
    known = catalogue_states.same_content(
        map(glance_records.record, found.values()), image, name
    )
    return found[known.id] if known else None


def _was_rejected(
    registered: Iterable[images.Image], image: artifact.Artifact
) -> bool:
    """Tell whether the same content was rolled back before."""
    sha256 = image.digest.removeprefix('sha256:')
    return any(
        sha256 in glance_records.rejects(one)
        or (
            one.properties.get(glance_records.SHA256) == sha256
            and glance_records.REJECTED in one.properties
        )
        for one in registered
    )
