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

"""A change of the images of a name, from the first look to the last.

The steps, each but the looks one request::

    recover     finish or undo what somebody left; wait for who is at it
    look        decide what is to be done, or refuse it
    claim       PATCH the image: an intent (and its visibility, while hidden)
    look        is anybody else at it?  then one of the two goes back
    hide        PATCH the former one: hidden, marked; guard: still current
    show        PATCH the image: name, visible, current, protected …;
                guard: the intent is there still
    look        is it alone?
    clear       PATCH the former one: no mark

:doc:`/contributor/promotion` says why there is no moment with two visible
images of a name, wherever the process dies.
"""

import contextlib
import dataclasses
from collections.abc import Callable, Iterable

from image_pipeline import artifact, exceptions
from image_pipeline.catalogues import (
    base,
    glance_desk,
    glance_family,
    glance_intents,
    glance_members,
    glance_moves,
    glance_records,
    glance_recovery,
    glance_steps,
)
from image_pipeline.clouds import images

_PRIVATE = 'private'
#: How often a change begins again because others changed the same images.
_TRIES = 50

Decide = Callable[[glance_family.Family], glance_moves.Move | None]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Done:
    """What came of a change.

    :param move: what was done; None if nothing was to be done.
    :param image: the image after it.
    :param former: the one that it replaced, after it.
    :param before: their records before it.
    :param notes: what else was done or seen, one line each.
    :param members: of a shared image.
    """

    move: glance_moves.Move | None
    image: images.Image | None = None
    former: images.Image | None = None
    before: tuple[artifact.ImageRecord, ...] = ()
    notes: tuple[str, ...] = ()
    members: tuple[base.Member, ...] = ()


class Switch:
    """Changes images under an intent.

    :param desk: the desk.
    :param members: ids of projects that shared images are shared with.
    """

    def __init__(
        self, desk: glance_desk.Desk, *, members: Iterable[str] = ()
    ) -> None:
        self._desk = desk
        self._members = tuple(members)
        self.recovery = glance_recovery.Recovery(desk)

    def run(self, name: str, decide: Decide, *, force: bool = False) -> Done:
        """Do what is decided by what is there, once nobody else is at it.

        :param name: the final name.
        :param decide: says what to do; asked again if things have changed.
        :param force: bear visible images of that name of other projects.
        :raises StateConflict: what ``decide`` refuses.
        :raises Unavailable: others are at it for too long.
        """
        desk = self._desk
        patience = glance_desk.Patience(desk.clock)
        notes: list[str] = []
        for _ in range(_TRIES):
            family, said = self.recovery.settled(name, patience)
            notes += said
            move = decide(family)
            if move is None:
                return Done(move=None, notes=tuple(notes))
            seen = []
            if move.shows:
                image = family.get(move.image.image_id)
                assert image is not None  # noqa: S101 - it has a record
                glance_moves.check_active(image)
                seen = glance_family.check_alone(
                    desk.client, desk.project, name, force=force
                )
            intent = self._claim(family, move)
            try:
                now, move = self._carry_out(
                    name, move, decide, intent, patience
                )
            except glance_desk.Lost:
                desk.retreat(move.image.image_id, intent)
                continue
            except BaseException as exc:
                finished = self._abandon(name, move, intent)
                if finished is None or not isinstance(
                    exc, exceptions.PipelineError
                ):
                    raise
                now = finished
            finally:
                desk.forget(intent)
            done = self._done(family, now, move, intent)
            notes += [*seen, *done.notes]
            return dataclasses.replace(done, notes=tuple(notes))
        raise exceptions.Unavailable(
            f'{name}: others change its images all the time',
            hint='try again',
        )

    def _claim(
        self, family: glance_family.Family, move: glance_moves.Move
    ) -> glance_intents.Intent:
        change = move.image
        image = family.get(change.image_id)
        assert image is not None  # noqa: S101 - a move is about what is there
        intent = self._desk.intent(
            move.kind,
            former=move.former.image_id if move.former else None,
            fields={
                key: change.fields[key]
                for key in glance_intents.FIELDS
                if key in change.fields
            },
            protect=change.protect,
        )
        changes = {}
        if move.widens:
            # While it is hidden: who may not do so learns it before
            # anything has changed, and only a shared image has members.
            changes['visibility'] = move.widens
            if glance_intents.WIDENED not in image.properties:
                changes[glance_intents.WIDENED] = image.visibility
            if move.widens != _PRIVATE:
                changes[glance_records.EXPOSED] = 'yes'
        try:
            self._desk.claim(change.image_id, intent, changes)
        except exceptions.Unavailable:
            # It may have been done all the same.
            with contextlib.suppress(exceptions.PipelineError):
                self._desk.retreat(change.image_id, intent)
            raise
        except exceptions.PipelineError:
            self._desk.forget(intent)
            raise
        return intent

    def _carry_out(
        self,
        name: str,
        move: glance_moves.Move,
        decide: Decide,
        intent: glance_intents.Intent,
        patience: glance_desk.Patience,
    ) -> tuple[glance_family.Family, glance_moves.Move]:
        desk = self._desk
        image_id = move.image.image_id
        family = glance_steps.alone(desk, name, image_id, intent, patience)
        # Nobody else changes them now: what holds now will hold.
        now = decide(family)
        if now is None or now.widens or not move.same(now):
            raise glance_desk.Lost
        image = family.get(image_id)
        assert image is not None  # noqa: S101 - it has our intent
        # As the intent says it: by its time anybody knows that it was done.
        said = {**now.image.fields, **intent.fields}
        now = dataclasses.replace(
            now, image=dataclasses.replace(now.image, fields=said)
        )
        if not now.shows:
            return self._change(family, image, intent, now), now
        former = None
        if now.former is not None:
            former = family.get(now.former.image_id)
        glance_members.copy(
            desk.client, image, former=former, also=self._members
        )
        if former is not None and now.former is not None:
            glance_steps.hand_over(
                desk, name, former, change=now.former, to=image_id, by=intent
            )
        return (
            glance_steps.show(
                desk, name, intent, now.image, former=now.former
            ),
            now,
        )

    def _change(
        self,
        family: glance_family.Family,
        image: images.Image,
        intent: glance_intents.Intent,
        move: glance_moves.Move,
    ) -> glance_family.Family:
        """Change an image that no other one makes room for."""
        change = move.image
        try:
            after = self._desk.put(
                image,
                change.fields,
                extra=change.extra,
                guard=[intent.key],
                protect=change.protect,
            )
        except exceptions.StateConflict:
            # A request that was repeated after a silence has done it before.
            after = self._desk.client.get(image.id)
            record = glance_desk.known(after)
            if intent.key in after.properties or any(
                getattr(record, key) != value
                for key, value in change.fields.items()
            ):
                raise glance_desk.Lost from None
        return glance_family.Family(name=family.name, hidden=(after,))

    def _abandon(
        self,
        name: str,
        move: glance_moves.Move,
        intent: glance_intents.Intent,
    ) -> glance_family.Family | None:
        """Leave nothing half done; return the images if it was finished."""
        desk = self._desk
        desk.forget(intent)
        with contextlib.suppress(exceptions.PipelineError, glance_desk.Lost):
            self.recovery.settle(name)
            family = desk.look(name)
            image = family.get(move.image.image_id)
            reign = glance_intents.REIGN + intent.action
            if image and not image.hidden and reign in image.properties:
                return family
        return None

    def _done(
        self,
        before: glance_family.Family,
        after: glance_family.Family,
        move: glance_moves.Move,
        intent: glance_intents.Intent,
    ) -> Done:
        desk = self._desk
        image = after.get(move.image.image_id)
        assert image is not None  # noqa: S101 - it was just changed
        ids = [move.image.image_id]
        former = None
        members: tuple[base.Member, ...] = ()
        notes: list[str] = []
        if move.former is not None:
            ids.append(move.former.image_id)
            former = after.get(move.former.image_id)
        if move.shows:
            try:
                self.recovery.clear(after, image.id, intent.action)
                if image.hidden:
                    # Others have replaced it already; whatever is left goes.
                    self.recovery.settle(before.name)
                members = glance_members.of(desk.client, image)
                notes += glance_members.note(members)
                notes += glance_family.made_meanwhile(
                    desk.client, desk.project, before.name
                )
            except exceptions.PipelineError as exc:
                # It is done all the same, and the next one tidies up.
                notes.append(f'the image is current, but {exc.message}')
        known = {record.id: record for record in before.records}
        return Done(
            move=move,
            image=image,
            former=former,
            before=tuple(known[one] for one in ids),
            notes=tuple(notes),
            members=members,
        )
