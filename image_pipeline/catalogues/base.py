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

"""The contract of a catalogue: where images are registered.

Glance is one, a directory another; both pass
:mod:`image_pipeline.testing.conformance.catalogue`.  What a
catalogue knows of an image is kept with the image itself, so that every
command works from any host that reaches it.
"""

import abc
import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from image_pipeline import artifact, exceptions
from image_pipeline.conf import settings as conf_settings
from image_pipeline.host import cancellation

#: An image in a catalogue.
ImageRecord = artifact.ImageRecord


@dataclasses.dataclass(frozen=True, kw_only=True)
class Member:
    """A project that a shared image is shared with.

    :param project: its id.
    :param status: pending, accepted or rejected; only who accepted an image
        sees it in listings.
    """

    project: str
    status: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class Swap:
    """What a promotion or a rollback did.

    :param current: the image that users get now.
    :param former: the one that they got before; None if there was none.
    :param members: of a shared image: who it is shared with now.
    :param notes: what else was done or seen, one line each.
    :param before: both images as they were, for :meth:`Catalogue.take_back`;
        empty if nothing was changed.
    """

    current: ImageRecord
    former: ImageRecord | None
    members: tuple[Member, ...] = ()
    notes: tuple[str, ...] = ()
    before: tuple[ImageRecord, ...] = dataclasses.field(
        default=(), compare=False, repr=False
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class Usage:
    """Whether an image is in use.

    :param in_use: None if that could not be found out; that is a refusal.
    :param users: who uses it, one line each.
    :param unseen: what this user may not see, one line each.
    """

    in_use: bool | None
    users: tuple[str, ...] = ()
    unseen: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True, kw_only=True)
class Tested:
    """What a smoke test found out of an image.

    :param sha256: of what was booted.
    :param ram: MiB of memory that it was booted with.
    """

    sha256: str
    ram: int


class Catalogue(abc.ABC):
    """Where images are registered.

    :param target: the target's settings.
    :param state_dir: the state folder, for catalogues on this host.
    """

    def __init__(
        self, target: conf_settings.Target, *, state_dir: Path
    ) -> None:
        self.target = target
        self.state_dir = state_dir

    @abc.abstractmethod
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
    ) -> ImageRecord:
        """Put an image into the catalogue as a candidate: private, hidden.

        Registering the same content under the same name again gives the
        image that is there, whatever its state, its properties brought up to
        date; only a retired one does not come back.

        :param image: the file; kind ``image``.
        :param name: the name that it is to have when it is current.
        :param recipe: the recipe's name.
        :param run_id: the run.
        :param properties: image properties.
        :param undo: journals a ``catalogue`` record before the image is made.
        :param progress: told of the bytes copied.
        :param cancelled: stops the copy.
        :returns: the image; rejected, if this content was rolled back before.
        :raises DigestMismatch: the file is not what its digest says.
        """

    @abc.abstractmethod
    def get(self, image_id: str) -> ImageRecord:
        """Return one image.

        :param image_id: its id.
        :raises NotFound: there is none.
        """

    @abc.abstractmethod
    def list_images(
        self,
        *,
        name: str | None = None,
        states: Sequence[artifact.ImageState] = (),
    ) -> Iterable[ImageRecord]:
        """Return the images of the pipeline, the newest first.

        :param name: only those of this final name.
        :param states: only those in one of these states; none means all.
        """

    @abc.abstractmethod
    def set_properties(
        self,
        image_id: str,
        properties: Mapping[str, str | None],
        *,
        tested: Tested | None = None,
    ) -> ImageRecord:
        """Change properties of an image, all of them or none.

        Its state, its name and its file stay.  What is the same already is
        no change.

        :param image_id: the image, in whatever state.
        :param properties: the new values; None takes a property away.
        :param tested: kept with the image: its smoke test has passed.
        :returns: the image as it is now.
        :raises NotFound: there is no such image.
        :raises InvalidInput: a key is reserved.
        """

    @abc.abstractmethod
    def promote(
        self, image_id: str, *, reason: str | None = None, force: bool = False
    ) -> Swap:
        """Make an image the current one of its name, at once for users.

        The former current one becomes previous; it is hidden and keeps its
        name.  Promoting the current image changes nothing.

        :param image_id: the image.
        :param reason: kept with the image.
        :param force: promote even a rejected image.
        :raises NotFound: there is no such image.
        :raises StateConflict: the image is rejected or retired.
        """

    def check_promotion(self, image_id: str, *, force: bool = False) -> None:
        """Refuse a promotion that could not be done; change nothing.

        It is for what the states of images do not show, such as other images
        that users get by the same name.

        :param image_id: the image.
        :param force: as for :meth:`promote`.
        :raises NotFound: there is no such image.
        :raises StateConflict: it would be refused.
        """
        self.get(image_id)

    @abc.abstractmethod
    def roll_back(
        self, name: str, *, to: str | None = None, reason: str | None = None
    ) -> Swap:
        """Bring a previous image back; the current one becomes rejected.

        :param name: the final name.
        :param to: id of the previous image; None is the one that the current
            one replaced.
        :param reason: kept with the rejected image.
        :raises NotFound: there is no image of that name, or no such image.
        :raises StateConflict: there is no current or no previous image, or
            the one asked for is none.
        """

    @abc.abstractmethod
    def take_back(self, swap: Swap) -> None:
        """Undo a promotion: both images are again what they were before it.

        Nothing is rejected.  It is for who promotes in several catalogues,
        all or none.

        :param swap: what :meth:`promote` returned.
        :raises StateConflict: somebody has changed the current image since.
        """

    @abc.abstractmethod
    def retire(
        self, image_id: str, *, delete: bool = False, reason: str | None = None
    ) -> ImageRecord:
        """Take an image out of service: hidden and, if asked for, deleted.

        :param image_id: the image; never the current one.
        :param delete: delete it as well, unless it is in use.
        :param reason: kept with the image.
        :returns: the image as it is now, or was when it was deleted.
        :raises NotFound: there is no such image.
        :raises StateConflict: it is current, or to be deleted and in use, or
            whether it is in use could not be found out.
        """

    def discard(self, image_id: str, *, reason: str) -> None:
        """Delete a candidate that never was current, unless it is in use.

        A site that deletes nothing else keeps no candidates for ever.

        :param image_id: the image: a candidate or a rejected one.
        :param reason: why.
        :raises NotFound: there is no such image.
        :raises StateConflict: it was current once, or is in use, or whether
            it is in use could not be found out.
        """
        if self.get(image_id).promoted_at is not None:
            raise exceptions.StateConflict(
                f'{image_id} was current once',
                hint='`image-pipeline image retire` takes it out of service',
            )
        self.retire(image_id, delete=True, reason=reason)

    @abc.abstractmethod
    def revoke(
        self, image_id: str, *, reason: str, force: bool = False
    ) -> ImageRecord:
        """Withdraw an image that must not be used: hidden and rejected.

        Where the catalogue can, it keeps everybody from its content, too.
        The current image is rolled back first.

        :param image_id: the image.
        :param reason: kept with it.
        :param force: withdraw the current image even if there is none to go
            back to.
        :returns: the image as it is now.
        :raises NotFound: there is no such image.
        :raises StateConflict: it is current, and there is no previous one.
        """

    def adopt(
        self,
        image_id: str,
        *,
        name: str,
        recipe: str | None = None,
        reason: str | None = None,
        read: bool = False,
    ) -> ImageRecord:
        """Take an image that was made by hand in.

        It becomes current if users get it by this name already, and a
        candidate if not.

        :param image_id: the image.
        :param name: the name that it has, or is to have, when it is current.
        :param recipe: the recipe that is to replace it.
        :param reason: kept with it.
        :param read: read its content, to know its SHA-256.
        :raises NotFound: there is no such image.
        :raises StateConflict: it cannot be adopted.
        """
        raise exceptions.StateConflict(
            f'{image_id}: the catalogue of target "{self.target.name}" takes '
            'no images that were made elsewhere',
            hint=f'bake it: recipe {recipe or name}',
        )

    @abc.abstractmethod
    def in_use(self, image_id: str) -> Usage:
        """Say whether anything uses an image.

        :param image_id: the image.
        """

    def usage(self, image_id: str) -> Usage:
        """Say who uses an image, as far as this user may see.

        Other than :meth:`in_use` it looks for all users, not only for one.

        :param image_id: the image.
        """
        return self.in_use(image_id)

    @abc.abstractmethod
    def recover(self) -> Sequence[str]:
        """Finish or undo what a killed process left half done.

        Every change does so first; this is for those who only look, and for
        saying so.

        :returns: what was done, one line each.
        """

    def leftovers(self) -> Sequence[str]:
        """Say what :meth:`recover` would take away, and change nothing.

        :returns: what dead runs left here, one line each.
        """
        return ()

    def preflight(
        self, intent: artifact.Intent
    ) -> Iterable[artifact.Objection]:
        """Give what speaks against an intent, before anything is built.

        It changes nothing, and asks no more than the intent needs.  What it
        raises counts as an objection, too.

        :param intent: what a run is about to do here.
        """
        return ()

    def undo_record(self, image_id: str) -> artifact.UndoRecord:
        """Return what ``register`` journals before it makes an image.

        :param image_id: the image's id.
        """
        return artifact.UndoRecord(
            kind='catalogue',
            arguments={'target': self.target.name, 'image_id': image_id},
        )

    @abc.abstractmethod
    def undo(self, arguments: Mapping[str, Any]) -> None:
        """Undo a ``catalogue`` record; a thing that is not there is undone.

        :param arguments: of the record that ``register`` journaled.
        """
