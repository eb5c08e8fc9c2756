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

"""What is to become of images: values only."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from image_pipeline import artifact, exceptions
from image_pipeline.catalogues import (
    glance_desk,
    glance_family,
    glance_intents,
    glance_records,
)
from image_pipeline.clouds import images

_STATE = artifact.ImageState
#: What an image that was rejected keeps, whatever becomes of it.
REJECTED: Mapping[str, str | None] = {glance_records.REJECTED: 'yes'}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Change:
    """What is to become of one image.

    :param image_id: the image.
    :param fields: of its record.
    :param extra: properties that a record does not have; None takes one
        away.
    :param protect: whether it is protected then; None leaves it.
    """

    image_id: str
    fields: Mapping[str, Any]
    extra: Mapping[str, str | None] = dataclasses.field(default_factory=dict)
    protect: bool | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Move:
    """What is done under one intent.

    :param kind: such as :data:`.glance_intents.PROMOTE`.
    :param image: the image that has the intent.
    :param former: the one that it replaces: hidden before it is shown.
    :param shows: whether users see the image from then on.
    :param widens: the visibility that it gets while it is still hidden.
    """

    kind: str
    image: Change
    former: Change | None = None
    shows: bool = False
    widens: str | None = None

    def same(self, other: 'Move | None') -> bool:
        """Whether another move is about the same images.

        :param other: the other one.
        """
        return other is not None and (
            self.image.image_id == other.image.image_id
            and (self.former and self.former.image_id)
            == (other.former and other.former.image_id)
        )


def difference(
    before: artifact.ImageRecord, after: artifact.ImageRecord
) -> dict[str, Any]:
    """Return the fields of a record that are to change.

    :param before: as it is.
    :param after: as it is to be.
    """
    return {
        field.name: getattr(after, field.name)
        for field in dataclasses.fields(after)
        if getattr(after, field.name) != getattr(before, field.name)
    }


def taken_back(
    family: glance_family.Family,
    current: images.Image,
    was: artifact.ImageRecord,
    again: artifact.ImageRecord | None,
    *,
    protect: bool | None,
) -> Move:
    """Return what makes two images what they were before a promotion.

    :param family: the images of the name.
    :param current: the one that was promoted.
    :param was: what it was before.
    :param again: what the former one was before; None if there was none.
    :param protect: whether that is to be protected; None leaves it.
    :raises StateConflict: the former one is gone.
    """
    rejected = was.state == _STATE.REJECTED
    back = Change(
        image_id=was.id,
        fields=_state_of(current, was),
        extra={
            glance_records.REPLACED_BY: None,
            **(REJECTED if rejected else {}),
        },
        protect=False if was.promoted_at is None else None,
    )
    if again is None:
        reigns = glance_intents.keys(current, glance_intents.REIGN)
        return Move(
            kind=glance_intents.TAKE_BACK,
            image=Change(
                image_id=was.id,
                fields=back.fields,
                extra={**back.extra, **dict.fromkeys(reigns)},
                protect=back.protect,
            ),
        )
    image = family.get(again.id)
    if image is None:
        raise exceptions.StateConflict(
            f'{again.name}: the former image {again.id} is gone'
        )
    return Move(
        kind=glance_intents.TAKE_BACK,
        image=Change(
            image_id=again.id,
            fields=_state_of(image, again),
            protect=protect,
        ),
        former=back,
        shows=True,
    )


def _state_of(
    image: images.Image, was: artifact.ImageRecord
) -> dict[str, object]:
    """Return what brings an image back to a state; properties stay."""
    names = (
        'name',
        'state',
        'visibility',
        'hidden',
        'promoted_at',
        'previous_id',
        'reason',
    )
    now = glance_desk.known(image)
    return {
        name: getattr(was, name)
        for name in names
        if getattr(was, name) != getattr(now, name)
    }


def member(
    family: glance_family.Family, image_id: str
) -> artifact.ImageRecord:
    """Return the record of one of a name's images.

    :param family: the images of the name.
    :param image_id: its id.
    :raises NotFound: it is gone.
    """
    for record in family.records:
        if record.id == image_id:
            return record
    raise exceptions.NotFound(
        f'{family.name}: image {image_id} is gone',
        hint='`image-pipeline image list` shows those that are there',
    )


def bootable(
    family: glance_family.Family, record: artifact.ImageRecord
) -> bool:
    """Tell whether users could boot an image if they saw it.

    :param family: the images of the name.
    :param record: its record.
    """
    image = family.get(record.id)
    return image is not None and image.status == 'active'


def check_active(image: images.Image) -> None:
    """Refuse to show an image that nobody could boot.

    :param image: the image.
    :raises StateConflict: it is not active.
    """
    if image.status == 'deactivated':
        raise exceptions.StateConflict(
            f'{image.name} ({image.id}) is deactivated',
            hint='if it may be used again after all: `openstack image set '
            f'--activate {image.id}`',
        )
    if image.status != 'active':
        raise exceptions.StateConflict(
            f'{image.name} ({image.id}) is {image.status}, not active'
        )
