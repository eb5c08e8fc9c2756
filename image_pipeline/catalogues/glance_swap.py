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

"""Promote, roll back, retire, revoke and adopt images of Glance.

What becomes of an image is decided in :mod:`.states` and
:mod:`.withdrawal`, as for every catalogue; :mod:`.glance_switch` does it
without a moment of two visible images, and survives a kill.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

from image_pipeline import artifact, exceptions
from image_pipeline.catalogues import (
    base,
    glance_adoption,
    glance_deletion,
    glance_desk,
    glance_family,
    glance_intents,
    glance_moves,
    glance_records,
    glance_switch,
    glance_usage,
    withdrawal,
)
from image_pipeline.catalogues import states as catalogue_states
from image_pipeline.clouds import cloud as clouds_cloud
from image_pipeline.clouds import images, marks
from image_pipeline.conf import settings as conf_settings

_STATE = artifact.ImageState


class Swaps:
    """What changes the state of a project's images.

    :param client: the image service.
    :param target: the target's settings.
    :param project_id: the id of the project.
    :param cloud: gives the cloud, with its servers and volumes; None if
        there are none.
    :param state_dir: the state folder.
    :param me: who changes images; None is this process.
    :param clock: the time.
    """

    def __init__(
        self,
        client: images.Images,
        target: conf_settings.Target,
        *,
        project_id: str,
        cloud: Callable[[], clouds_cloud.Cloud] | None = None,
        state_dir: Path = Path(),
        me: glance_desk.Client | None = None,
        clock: glance_desk.Clock | None = None,
    ) -> None:
        self._client = client
        self._target = target
        self._project = project_id
        self._cloud = cloud
        self._desk = glance_desk.Desk(
            client,
            project_id,
            me=me
            or glance_desk.Client(
                host=marks.host_id(state_dir),
                process=glance_intents.own_process(),
            ),
            clock=clock,
        )
        self._switch = glance_switch.Switch(self._desk, members=target.members)
        # What is protected by hand stays so.
        self._protect = True if target.protect else None

    def promote(
        self, image_id: str, *, reason: str | None = None, force: bool = False
    ) -> base.Swap:
        """Make an image the current one; see :class:`.base.Catalogue`."""
        name = self._registered(image_id).final_name

        def decide(
            family: glance_family.Family,
        ) -> glance_moves.Move | None:
            record = glance_moves.member(family, image_id)
            if record.state == _STATE.CURRENT and not record.hidden:
                return None
            others = [one for one in family.records if one.id != image_id]
            swap = catalogue_states.promote(
                record,
                catalogue_states.current(others, name),
                visibility=self._target.visibility,
                reason=reason,
                force=force,
                now=self._desk.now(),
            )
            return self._move(glance_intents.PROMOTE, family, swap)

        done = self._switch.run(name, decide, force=force)
        return self._swap(done, image_id)

    def check_promotion(self, image_id: str, *, force: bool = False) -> None:
        """Refuse what could not be done; see :class:`.base.Catalogue`."""
        record = self._registered(image_id)
        glance_moves.check_active(self._client.get(image_id))
        glance_family.check_alone(
            self._client, self._project, record.final_name, force=force
        )

    def roll_back(
        self, name: str, *, to: str | None = None, reason: str | None = None
    ) -> base.Swap:
        """Bring a previous image back; see :class:`.base.Catalogue`."""

        def decide(
            family: glance_family.Family,
        ) -> glance_moves.Move | None:
            known = [
                one
                for one in family.records
                if one.state != _STATE.PREVIOUS
                or one.id == to
                or glance_moves.bootable(family, one)
            ]
            swap = catalogue_states.roll_back(
                known, name, to=to, reason=reason, now=self._desk.now()
            )
            return self._move(glance_intents.ROLL_BACK, family, swap)

        # At three in the morning other projects' images are no obstacle.
        done = self._switch.run(name, decide, force=True)
        return self._swap(done, None)

    def take_back(self, swap: base.Swap) -> None:
        """Undo a promotion; see :class:`.base.Catalogue`."""
        if not swap.before:
            return
        was = swap.before[0]
        again = swap.before[1] if len(swap.before) > 1 else None

        def decide(
            family: glance_family.Family,
        ) -> glance_moves.Move | None:
            current = family.get(was.id)
            if current is None or (
                glance_desk.known(current).state != _STATE.CURRENT
            ):
                raise exceptions.StateConflict(
                    f'{was.final_name}: {was.id} is not current any more',
                    hint='`image-pipeline image list` shows what is',
                )
            return glance_moves.taken_back(
                family, current, was, again, protect=self._protect
            )

        self._switch.run(was.final_name, decide, force=True)

    def retire(
        self, image_id: str, *, delete: bool = False, reason: str | None = None
    ) -> artifact.ImageRecord:
        """Take an image out of service; see :class:`.base.Catalogue`."""
        if delete and not self._target.delete:
            raise exceptions.StateConflict(
                f'target "{self._target.name}" has no image deleted',
                hint='retire it without --delete: it is hidden then; or set '
                f'delete = true in [target:{self._target.name}]',
            )
        return self._retire(image_id, delete=delete, reason=reason)

    def discard(self, image_id: str, *, reason: str) -> None:
        """Delete what never was current; see :class:`.base.Catalogue`."""
        record = self._registered(image_id)
        if record.promoted_at is not None:
            raise exceptions.StateConflict(
                f'{record.name} ({image_id}) was current once',
                hint='`image-pipeline image retire` takes it out of service',
            )
        self._retire(image_id, delete=True, reason=reason)

    def revoke(
        self, image_id: str, *, reason: str, force: bool = False
    ) -> artifact.ImageRecord:
        """Withdraw an image; see :class:`.base.Catalogue`."""
        record = self._registered(image_id)
        name = record.final_name

        def decide(
            family: glance_family.Family,
        ) -> glance_moves.Move | None:
            now = glance_moves.member(family, image_id)
            image = family.get(image_id)
            assert image is not None  # noqa: S101 - it has a record
            known = [
                one
                for one in family.records
                if glance_moves.bootable(family, one)
            ]
            if withdrawal.check_revoke(now, known, force=force):
                back = catalogue_states.roll_back(
                    known, name, reason=reason, now=self._desk.now()
                )
                return self._move(glance_intents.ROLL_BACK, family, back)
            reigns = glance_intents.keys(image, glance_intents.REIGN)
            return glance_moves.Move(
                kind=glance_intents.REVOKE,
                image=glance_moves.Change(
                    image_id=image_id,
                    fields=glance_moves.difference(
                        now, withdrawal.revoke(now, reason=reason)
                    ),
                    extra={**glance_moves.REJECTED, **dict.fromkeys(reigns)},
                ),
            )

        self._switch.run(name, decide, force=True)
        try:
            self._client.deactivate(image_id)
        except exceptions.Forbidden as exc:
            raise exceptions.Forbidden(
                f'{record.name} ({image_id}) is hidden and rejected, but '
                f'whoever has its id can still boot it: {exc.message}',
                hint='ask somebody who may: `openstack image set '
                f'--deactivate {image_id}`',
            ) from exc
        return self._registered(image_id)

    def adopt(
        self,
        image_id: str,
        *,
        name: str,
        recipe: str | None = None,
        reason: str | None = None,
        read: bool = False,
    ) -> artifact.ImageRecord:
        """Take an image made by hand in; see :class:`.base.Catalogue`."""
        self._switch.recovery.settle(
            name, glance_desk.Patience(self._desk.clock)
        )
        return glance_adoption.adopt(
            self._desk,
            image_id,
            name=name,
            recipe=recipe,
            reason=reason,
            sha256=glance_adoption.digest(self._client, image_id)
            if read
            else None,
            protect=self._target.protect,
        )

    def in_use(self, image_id: str) -> base.Usage:
        """Say whether anything uses an image; see :class:`.base.Catalogue`."""
        return self.usage(image_id)

    def usage(self, image_id: str) -> base.Usage:
        """Say who uses an image; see :class:`.base.Catalogue`."""
        return glance_usage.usage(
            self._client,
            self._image(image_id),
            project=self._project,
            cloud=self._cloud() if self._cloud else None,
        )

    def recover(self) -> Sequence[str]:
        """Finish what was left half done; see :class:`.base.Catalogue`."""
        return self._switch.recovery.all()

    def _retire(
        self, image_id: str, *, delete: bool, reason: str | None
    ) -> artifact.ImageRecord:
        record = self._registered(image_id)

        def decide(
            family: glance_family.Family,
        ) -> glance_moves.Move | None:
            now = glance_moves.member(family, image_id)
            image = family.get(image_id)
            fields = glance_moves.difference(
                now, catalogue_states.retire(now, reason=reason)
            )
            if not fields and image is not None and not image.protected:
                return None
            return glance_moves.Move(
                kind=glance_intents.RETIRE,
                image=glance_moves.Change(
                    image_id=image_id, fields=fields, protect=False
                ),
            )

        if delete:
            catalogue_states.retire(record, reason=reason)
            withdrawal.check_unused(record, self.in_use(image_id))
        self._switch.run(record.final_name, decide)
        retired = self._registered(image_id)
        if delete:
            # Nobody finds it in a listing any more; who has found it before?
            withdrawal.check_unused(retired, self.in_use(image_id))
            glance_deletion.delete(self._desk, self._image(image_id))
        return retired

    def _move(
        self,
        kind: str,
        family: glance_family.Family,
        swap: base.Swap,
    ) -> glance_moves.Move:
        """Return what makes two images what they are to be."""
        before = glance_moves.member(family, swap.current.id)
        former = None
        if swap.former is not None:
            bad = swap.former.state == _STATE.REJECTED
            former = glance_moves.Change(
                image_id=swap.former.id,
                fields=glance_moves.difference(
                    glance_moves.member(family, swap.former.id), swap.former
                ),
                extra=glance_moves.REJECTED if bad else {},
            )
        widens = swap.current.visibility
        return glance_moves.Move(
            kind=kind,
            image=glance_moves.Change(
                image_id=before.id,
                fields=glance_moves.difference(before, swap.current),
                protect=self._protect,
            ),
            former=former,
            shows=True,
            widens=widens if widens != before.visibility else None,
        )

    def _swap(
        self, done: glance_switch.Done, image_id: str | None
    ) -> base.Swap:
        if done.image is None:
            assert image_id is not None  # noqa: S101 - else much was done
            return base.Swap(
                current=self._registered(image_id),
                former=None,
                notes=done.notes,
            )
        return base.Swap(
            current=glance_records.record(done.image),
            former=glance_records.record(done.former) if done.former else None,
            members=done.members,
            notes=done.notes,
            before=done.before,
        )

    def _image(self, image_id: str) -> images.Image:
        image = self._client.get(image_id)
        if glance_records.is_registered(image):
            return image
        raise exceptions.NotFound(
            f'image {image_id} of target "{self._target.name}" is none of '
            'the pipeline',
            hint=f'take it in: `image-pipeline image adopt {image_id} '
            '--name NAME`',
        )

    def _registered(self, image_id: str) -> artifact.ImageRecord:
        return glance_records.record(self._image(image_id))
