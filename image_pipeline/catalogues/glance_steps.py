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

"""The steps of a change: one image is shown, others are hidden."""

import json
from collections.abc import Mapping
from typing import Any

from image_pipeline import artifact, exceptions
from image_pipeline.catalogues import (
    glance_desk,
    glance_family,
    glance_intents,
    glance_moves,
    glance_records,
)
from image_pipeline.clouds import images

_STATE = artifact.ImageState
#: How often a client looks again where others change the same images.
_ROUNDS = 20
#: How often a change may fail because the service cannot be reached.
_FAILURES = 3


def hide(
    desk: glance_desk.Desk,
    image: images.Image,
    *,
    by: str,
    change: glance_moves.Change | None = None,
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
    except exceptions.StateConflict:
        # A request that was repeated after a silence meets what it has done.
        again = desk.look(image.properties[glance_records.NAME]).get(image.id)
        mark = glance_intents.HANDOVER + (action or '')
        if again is None or mark not in again.properties:
            raise glance_desk.Lost from None
        return again
    except exceptions.NotFound:
        raise glance_desk.Lost from None


def hand_over(
    desk: glance_desk.Desk,
    name: str,
    image: images.Image,
    *,
    change: glance_moves.Change,
    to: str,
    by: glance_intents.Intent,
) -> None:
    """Hide the former image, even if the service fails for a moment.

    :param desk: the desk.
    :param name: the final name.
    :param image: the former image, as it was seen last.
    :param change: what becomes of it.
    :param to: id of the image that replaces it.
    :param by: our intent.
    :raises Lost: somebody else has hidden it, or deleted it.
    :raises Unavailable: the service is not there.
    """
    mark = glance_intents.HANDOVER + by.action
    for failures in range(1, _FAILURES + 1):
        try:
            hide(desk, image, by=to, change=change, action=by.action)
            return
        except exceptions.Unavailable:
            if failures == _FAILURES:
                raise
        desk.clock.sleep(failures)
        now = desk.look(name).get(image.id)
        if now is None:
            raise glance_desk.Lost
        if mark in now.properties:
            return
        image = now


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
    change: glance_moves.Change,
    *,
    former: glance_moves.Change | None = None,
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
            if _was_done(image, intent):
                # Somebody has replaced it since.
                return family
            raise glance_desk.Lost
        others = [one for one in family.shown if one.id != image.id]
        for other in others:
            same = former is not None and former.image_id == other.id
            # Marked: should we be late, it is somebody's current image.
            hide(
                desk,
                other,
                by=image.id,
                change=former if same else None,
                action=intent.action,
            )
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
                    glance_intents.WIDENED: None,
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


def _was_done(image: images.Image, intent: glance_intents.Intent) -> bool:
    """Tell whether an image was shown under an intent, by whomever."""
    promoted_at = intent.fields.get('promoted_at')
    return promoted_at is not None and (
        image.properties.get(glance_records.PROMOTED_AT) == promoted_at
    )


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
