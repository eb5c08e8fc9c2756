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

"""Take images that were made by hand into the state machine.

What Glance knows of the content is its SHA-512; the SHA-256, by which the
pipeline knows its own, is known only if the content was read.
"""

import hashlib
from typing import Any, BinaryIO, cast

from image_pipeline import artifact, exceptions
from image_pipeline.catalogues import (
    glance_desk,
    glance_family,
    glance_intents,
    glance_records,
    glance_steps,
)
from image_pipeline.catalogues import states as catalogue_states
from image_pipeline.clouds import images

_STATE = artifact.ImageState
_PRIVATE = 'private'


class _Digest:
    """A file that keeps only the digest of what is written to it."""

    def __init__(self) -> None:
        self.sha256 = hashlib.sha256()

    def write(self, data: bytes) -> int:
        """Take a block."""
        self.sha256.update(data)
        return len(data)


def digest(client: images.Images, image_id: str) -> str:
    """Return the SHA-256 of an image's content, which is read for it.

    :param client: the image service.
    :param image_id: the image.
    """
    file = _Digest()
    client.download(image_id, cast('BinaryIO', file))
    return file.sha256.hexdigest()


def adopt(
    desk: glance_desk.Desk,
    image_id: str,
    *,
    name: str,
    recipe: str | None,
    reason: str | None,
    sha256: str | None,
    protect: bool,
) -> artifact.ImageRecord:
    """Take an image in.

    One that users get by the final name becomes current, or, if another one
    is, previous and hidden; it keeps its name, for it is known by that.  Any
    other one becomes a candidate, and is hidden until it is promoted.

    :param desk: the desk.
    :param image_id: the image.
    :param name: the final name.
    :param recipe: the recipe that is to replace it.
    :param reason: kept with it.
    :param sha256: of its content; None if nobody knows.
    :param protect: whether a current image is protected.
    :raises StateConflict: it is another project's, or has another name, or
        has no content.
    """
    image = desk.client.get(image_id)
    if glance_records.is_registered(image):
        return _again(image, name)
    _check(desk, image)
    intent = desk.intent(glance_intents.ADOPT)
    try:
        # A snapshot of a server has the properties of the server's image.
        foreign = [
            key
            for key in image.properties
            if key.startswith(glance_records.PREFIX)
        ]
        own = {glance_records.ID: image_id, glance_records.NAME: name}
        try:
            desk.claim(
                image_id,
                intent,
                own,
                [key for key in foreign if key not in own],
            )
        except exceptions.StateConflict:
            raise glance_desk.Lost from None
        patience = glance_desk.Patience(desk.clock)
        family = glance_steps.alone(desk, name, image_id, intent, patience)
        return _taken_in(
            desk,
            family,
            image_id,
            intent,
            {
                'recipe': recipe,
                'reason': reason,
                'sha256': sha256,
                'protect': protect,
            },
        )
    except glance_desk.Lost:
        desk.retreat(image_id, intent)
        now = desk.client.get(image_id)
        if glance_records.is_registered(now):
            # By a request of ours that was repeated, or by somebody else.
            return _again(now, name)
        raise exceptions.Unavailable(
            f'{name}: somebody else is changing its images',
            hint='try again',
        ) from None
    except exceptions.PipelineError:
        desk.retreat(image_id, intent)
        raise
    finally:
        desk.forget(intent)


def _again(image: images.Image, name: str) -> artifact.ImageRecord:
    record = glance_records.record(image)
    if record.final_name == name:
        return record
    raise exceptions.StateConflict(
        f'{image.name} ({image.id}) is the pipeline\'s already, as '
        f'{record.state.value} of "{record.final_name}"',
    )


def _check(desk: glance_desk.Desk, image: images.Image) -> None:
    if image.owner != desk.project:
        raise exceptions.StateConflict(
            f'{image.name} ({image.id}) belongs to project {image.owner}',
            hint='only images of your own project can be adopted',
        )
    if image.status != 'active':
        raise exceptions.StateConflict(
            f'{image.name} ({image.id}) is {image.status}, not active'
        )


def _taken_in(
    desk: glance_desk.Desk,
    family: glance_family.Family,
    image_id: str,
    intent: glance_intents.Intent,
    said: dict[str, Any],
) -> artifact.ImageRecord:
    image = family.get(image_id)
    assert image is not None  # noqa: S101 - it has our intent
    state = _STATE.CANDIDATE
    if image.name == family.name:
        current = catalogue_states.current(family.records, family.name)
        free = current is None and not image.hidden
        state = _STATE.CURRENT if free else _STATE.PREVIOUS
    is_current = state == _STATE.CURRENT
    now = desk.now()
    fields: dict[str, Any] = {
        'state': state,
        'hidden': not is_current,
        'recipe': said['recipe'],
        'reason': said['reason'],
    }
    extra: dict[str, str | None] = {}
    if said['sha256']:
        extra[glance_records.SHA256] = said['sha256']
    if image.visibility != _PRIVATE:
        extra[glance_records.EXPOSED] = 'yes'
    if state != _STATE.CANDIDATE:
        fields['promoted_at'] = now
    if is_current:
        extra[glance_intents.REIGN + intent.action] = now
    try:
        after = desk.put(
            image,
            fields,
            extra=extra,
            guard=[intent.key],
            protect=True if is_current and said['protect'] else None,
        )
    except exceptions.StateConflict:
        raise glance_desk.Lost from None
    return glance_records.record(after)
