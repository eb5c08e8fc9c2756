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

"""Finish or undo what somebody left half done.

Whatever is left between two requests says by itself what is to be done:

- an intent, and nobody was hidden for it: nothing has happened yet, and it
  is taken away;
- an intent, and an image that was hidden for it: the other image is shown;
  if that cannot be (it is gone, or revoked), the hidden one is;
- an image that was hidden for a change that nobody is at: it is shown again,
  unless another one is;
- two images that are shown: the one that became current last stays.
"""

import contextlib

from image_pipeline import artifact, exceptions
from image_pipeline.catalogues import (
    glance_desk,
    glance_family,
    glance_intents,
    glance_moves,
    glance_steps,
)
from image_pipeline.clouds import images

_STATE = artifact.ImageState
_SHOWING = (
    glance_intents.PROMOTE,
    glance_intents.ROLL_BACK,
    glance_intents.TAKE_BACK,
)


class Recovery:
    """What the next one does for a dead one.

    :param desk: the desk.
    """

    def __init__(self, desk: glance_desk.Desk) -> None:
        self._desk = desk

    def settle(
        self, name: str, patience: glance_desk.Patience | None = None
    ) -> list[str]:
        """Leave no image of a name half changed.

        :param name: the final name.
        :param patience: how long to wait for those who are at it; None is
            not at all: what they do is left to them.
        :returns: what was done, one line each.
        :raises Unavailable: somebody is at it for too long.
        """
        return self.settled(name, patience)[1]

    def settled(
        self, name: str, patience: glance_desk.Patience | None
    ) -> tuple[glance_family.Family, list[str]]:
        """Do as :meth:`settle`; return the images of the name, too.

        :param name: the final name.
        :param patience: how long to wait.
        """
        done: list[str] = []
        while True:
            family = self._desk.look(name)
            living = [
                (image, intent)
                for image, intent in family.intents
                if self._desk.alive(image, intent)
            ]
            if living and patience is None:
                return family, done
            if living and patience is not None:
                patience.wait(*living[0])
                continue
            try:
                line = self._step(family)
            except glance_desk.Lost:
                if patience is None:
                    return family, done
                continue
            if line is None:
                return family, done
            done += [line] if line else []

    def all(self) -> list[str]:
        """Leave nothing half changed that nobody is at.

        :returns: what was done, one line each.
        """
        done = []
        desk = self._desk
        for name in glance_family.names(desk.client, desk.project):
            try:
                done += self.settle(name)
            except exceptions.Forbidden as exc:
                done.append(
                    f'{name}: something is half done, and this user may not '
                    f'finish it: {exc.message}'
                )
            except exceptions.Unavailable:
                # Somebody else is at it, after all.
                continue
        return done

    def _step(self, family: glance_family.Family) -> str | None:
        """Do one thing, and say what; None if there is nothing to do."""
        for image, intent in family.intents:
            handed_over = family.handed_over(intent.action)
            if handed_over and intent.kind in _SHOWING:
                return self._finish(family.name, image, intent)
            self._desk.retreat(image.id, intent)
            return _say('took back', family.name, image, intent)
        for image, action in family.orphans:
            return self._bring_back(family, image, action)
        if len(family.shown) > 1:
            return self._hide_all_but_one(family)
        return self._narrow(family)

    def _narrow(self, family: glance_family.Family) -> str | None:
        """Let nobody else see what never was shown."""
        for image in family:
            changes, remove = glance_desk.narrow(image)
            if remove:
                try:
                    self._desk.client.patch(image.id, changes, remove)
                except (exceptions.StateConflict, exceptions.NotFound):
                    raise glance_desk.Lost from None
                return ''
        return None

    def _finish(
        self,
        name: str,
        image: images.Image,
        dead: glance_intents.Intent,
    ) -> str:
        desk = self._desk
        if image.status != 'active':
            desk.retreat(image.id, dead)
            return _say('gave up', name, image, dead)
        intent = desk.intent(
            dead.kind,
            action=dead.action,
            former=dead.former,
            fields=dead.fields,
            protect=dead.protect,
            helper=True,
        )
        try:
            # It is ours only if nobody else has taken it.
            desk.claim(image.id, intent, remove=[dead.key])
        except (exceptions.StateConflict, exceptions.NotFound):
            desk.forget(intent)
            raise glance_desk.Lost from None
        patience = glance_desk.Patience(desk.clock)
        try:
            glance_steps.alone(desk, name, image.id, intent, patience)
            family = glance_steps.show(
                desk,
                name,
                intent,
                glance_moves.Change(
                    image_id=image.id,
                    fields={**dead.fields, 'name': name},
                    protect=dead.protect,
                ),
            )
        except glance_desk.Lost:
            desk.retreat(image.id, intent)
            raise
        except exceptions.Unavailable:
            desk.forget(intent)
            raise
        except exceptions.PipelineError:
            # It cannot be shown; then the former one is.
            desk.retreat(image.id, intent)
            return _say('gave up', name, image, dead)
        desk.forget(intent)
        self.clear(family, image.id, dead.action)
        return _say('finished', name, image, dead)

    def clear(
        self, family: glance_family.Family, image_id: str, action: str
    ) -> None:
        """Take the marks from the images that another one has replaced.

        :param family: the images of the name, as seen last.
        :param image_id: the one that replaced them; if it is not shown any
            more, the next one sees to them.
        :param action: the change.
        """
        if any(one.id == image_id for one in family.shown):
            for image in family.handed_over(action):
                self._clear(image.id, action)

    def _clear(self, image_id: str, action: str) -> None:
        with contextlib.suppress(
            exceptions.StateConflict, exceptions.NotFound
        ):
            self._desk.client.patch(
                image_id, {}, [glance_intents.HANDOVER + action]
            )

    def _bring_back(
        self,
        family: glance_family.Family,
        image: images.Image,
        action: str,
    ) -> str:
        desk = self._desk
        name = family.name
        if family.shown or image.status != 'active':
            # All was done but this; there is nothing to say.
            self._clear(image.id, action)
            return ''
        kept = glance_intents.handovers(image)[action]
        intent = desk.intent(glance_intents.RESTORE)
        mark = glance_intents.HANDOVER + action
        try:
            desk.claim(image.id, intent)
        except exceptions.NotFound:
            desk.forget(intent)
            raise glance_desk.Lost from None
        patience = glance_desk.Patience(desk.clock)
        try:
            now = glance_steps.alone(desk, name, image.id, intent, patience)
            again = now.get(image.id)
            if now.shown or again is None or mark not in again.properties:
                raise glance_desk.Lost
            glance_steps.show(
                desk,
                name,
                intent,
                glance_moves.Change(
                    image_id=image.id,
                    fields=glance_steps.before_handover(kept),
                    extra={mark: None},
                ),
            )
        except glance_desk.Lost:
            desk.retreat(image.id, intent)
            raise
        finally:
            desk.forget(intent)
        return (
            f'{name}: image {image.id} is current again, as nothing came of '
            'what was to replace it'
        )

    def _hide_all_but_one(self, family: glance_family.Family) -> str:
        def rank(image: images.Image) -> tuple[bool, str, str]:
            record = glance_desk.known(image)
            return (
                record.state == _STATE.CURRENT,
                record.promoted_at or '',
                image.id,
            )

        keep = max(family.shown, key=rank)
        gone = [one for one in family.shown if one.id != keep.id]
        for image in gone:
            glance_steps.hide(self._desk, image, by=keep.id)
        return (
            f'{family.name}: hid {", ".join(one.id for one in gone)}, as '
            f'{keep.id} is current'
        )


def _say(
    what: str,
    name: str,
    image: images.Image,
    intent: glance_intents.Intent,
) -> str:
    kind = intent.kind or 'change'
    number = intent.process.partition('.')[0] or '?'
    return (
        f'{name}: {what} the {kind} of image {image.id} that process '
        f'{number} of host {intent.host[:12] or "?"} began at '
        f'{intent.at or "?"}'
    )
