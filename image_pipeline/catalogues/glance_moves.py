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

"""What is to become of images, and how one is shown and others hidden."""

import dataclasses
import json
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
#: How often a client looks again where others change the same images.
_ROUNDS = 20
#: How often a change may fail because the service cannot be reached.
_FAILURES = 3


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


def hide(
    desk: glance_desk.Desk,
    image: images.Image,
    *,
    by: str,
    change: Change | None = None,
    action: str | None = None,
) -> images.Image:
    """Hide an image for another one.

    That it is the current one still is the guard: who has made it current
    gave it a property that nobody else would.

    :param desk: the desk.
    :param image: the image, as it was seen last.
    :param by: id of the other one.
    :param change: what becomes of it; None makes a current one previous.
    :param action: the change that this is a part of; it is marked, so that
        anybody can undo it.
    :raises Lost: somebody else has hidden it, or deleted it.
    """
    before = glance_desk.known(image)
    fields: dict[str, Any] = {}
    if change is not None:
        fields.update(change.fields)
    elif before.state == _STATE.CURRENT:
        fields['state'] = _STATE.PREVIOUS
    extra: dict[str, str | None] = {glance_records.REPLACED_BY: by}
    if action is not None:
        was = {key: getattr(before, key) for key in fields if key in _KEPT}
        extra[glance_intents.HANDOVER + action] = json.dumps(
            was, sort_keys=True, separators=(',', ':')
        )
    if change is not None:
        extra.update(change.extra)
    try:
        return desk.put(
            image,
            {**fields, 'hidden': True},
            extra=extra,
            guard=glance_intents.keys(image, glance_intents.REIGN),
            protect=change.protect if change else None,
        )
    except (exceptions.StateConflict, exceptions.NotFound):
        raise glance_desk.Lost from None


#: What a mark remembers of the image that was hidden.
_KEPT = ('name', 'visibility', *glance_intents.FIELDS)


def before_handover(kept: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields that undo :func:`hide`.

    :param kept: what the mark says.
    """
    fields = {key: kept[key] for key in _KEPT if key in kept}
    return {**fields, 'state': _STATE.CURRENT, 'hidden': False}


def show(
    desk: glance_desk.Desk,
    name: str,
    intent: glance_intents.Intent,
    change: Change,
    *,
    former: Change | None = None,
) -> glance_family.Family:
    """Make an image the one that users see, and look that it is the only one.

    :param desk: the desk.
    :param name: the final name.
    :param intent: what the image has; taking it away is the guard.
    :param change: what becomes of the image.
    :param former: what becomes of the one that it replaces, should that be
        seen again.
    :returns: the images of the name after it.
    :raises Lost: somebody took the intent away.
    :raises Unavailable: the service is not there.
    """
    reign = glance_intents.REIGN + intent.action
    failures = 0
    for _ in range(_ROUNDS):
        family = desk.look(name)
        image = family.get(change.image_id)
        if image is None:
            raise glance_desk.Lost
        mine = intent.key in image.properties
        if not mine and (image.hidden or reign not in image.properties):
            raise glance_desk.Lost
        others = [one for one in family.shown if one.id != image.id]
        for other in others:
            same = former is not None and former.image_id == other.id
            hide(desk, other, by=image.id, change=former if same else None)
        if others:
            continue
        if not mine:
            return family
        try:
            desk.put(
                image,
                {**change.fields, 'state': _STATE.CURRENT, 'hidden': False},
                extra={
                    glance_records.REPLACED_BY: None,
                    glance_records.REJECTED: None,
                    reign: desk.now(),
                    **change.extra,
                },
                guard=[intent.key],
                protect=change.protect,
            )
        except exceptions.StateConflict:
            # Others have helped, or undone it: the next look tells.
            continue
        except exceptions.Unavailable:
            # It may have been done all the same.
            failures += 1
            if failures > _FAILURES:
                raise
            desk.clock.sleep(failures)
    raise glance_desk.Lost


def alone(
    desk: glance_desk.Desk,
    name: str,
    image_id: str,
    intent: glance_intents.Intent,
    patience: glance_desk.Patience,
) -> glance_family.Family:
    """Wait until no other change of the name is under way.

    Everybody writes what they are about to do, and looks only then: of two
    at least one sees the other.  The one with the lower rank goes back.

    :param desk: the desk.
    :param name: the final name.
    :param image_id: the image that has our intent.
    :param intent: our intent.
    :param patience: how long to wait.
    :returns: the images of the name: nobody else changes them now.
    :raises Lost: our intent is gone, or has to go.
    """
    while True:
        family = desk.look(name)
        image = family.get(image_id)
        if image is None or intent.key not in image.properties:
            raise glance_desk.Lost
        rivals = [
            (one, rival)
            for one, rival in family.intents
            if rival.token != intent.token
        ]
        if not rivals:
            return family
        for one, rival in rivals:
            if rival.rank > intent.rank or not desk.alive(one, rival):
                raise glance_desk.Lost
        patience.wait(*rivals[0])


def taken_back(
    family: glance_family.Family,
    current: images.Image,
    was: artifact.ImageRecord,
    again: artifact.ImageRecord | None,
) -> Move:
    """Return what makes two images what they were before a promotion.

    :param family: the images of the name.
    :param current: the one that was promoted.
    :param was: what it was before.
    :param again: what the former one was before; None if there was none.
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
        image=Change(image_id=again.id, fields=_state_of(image, again)),
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
