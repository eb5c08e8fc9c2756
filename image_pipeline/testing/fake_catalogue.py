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

"""A catalogue in memory, for the tests of stages and commands."""

import dataclasses
import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from image_pipeline import artifact, exceptions
from image_pipeline.catalogues import base, withdrawal
from image_pipeline.catalogues import states as catalogue_states
from image_pipeline.conf import settings as conf_settings
from image_pipeline.host import cancellation

_STATE = artifact.ImageState


class FakeCatalogue(base.Catalogue):
    """Images in memory.

    :param target: the target's settings.
    :param state_dir: not used.
    """

    def __init__(
        self, target: conf_settings.Target, *, state_dir: Path = Path()
    ) -> None:
        super().__init__(target, state_dir=state_dir)
        #: By id.
        self.images: dict[str, artifact.ImageRecord] = {}
        #: What :meth:`in_use` answers, by id; None: not known.
        self.used: dict[str, bool | None] = {}
        #: What :meth:`recover` answers next.
        self.half_done: list[str] = []
        self._rejected: set[tuple[str, str]] = set()
        self._ids = itertools.count(1)
        self._seconds = itertools.count()

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
        """Put an image in as a candidate; see :meth:`base.Catalogue`."""
        cancelled.check()
        known = catalogue_states.same_content(
            self.images.values(), image, name
        )
        if known is not None:
            return self._keep(
                catalogue_states.updated(
                    known, properties=properties, tags=self.target.tags
                )
            )
        image_id = f'fake-image-{next(self._ids)}'
        undo(self.undo_record(image_id))
        record = catalogue_states.candidate(
            image,
            image_id=image_id,
            name=name,
            recipe=recipe,
            run_id=run_id,
            properties=properties,
            tags=self.target.tags,
            created_at=self._now(),
            rejected=(name, image.digest) in self._rejected,
        )
        progress(image.size, image.size, 'B')
        return self._keep(record)

    def get(self, image_id: str) -> artifact.ImageRecord:
        """Return one image; see :meth:`base.Catalogue`."""
        try:
            return self.images[image_id]
        except KeyError:
            raise exceptions.NotFound(
                f'there is no image {image_id}'
            ) from None

    def list_images(
        self,
        *,
        name: str | None = None,
        states: Sequence[artifact.ImageState] = (),
    ) -> Iterable[artifact.ImageRecord]:
        """Return the images, the newest first; see :meth:`base.Catalogue`."""
        return catalogue_states.listed(
            self.images.values(), name=name, states=states
        )

    def set_properties(
        self,
        image_id: str,
        properties: Mapping[str, str | None],
        *,
        tested: base.Tested | None = None,
    ) -> artifact.ImageRecord:
        """Change an image's properties; see :meth:`base.Catalogue`."""
        return self._keep(
            catalogue_states.changed(self.get(image_id), properties, tested)
        )

    def promote(
        self, image_id: str, *, reason: str | None = None, force: bool = False
    ) -> base.Swap:
        """Make an image the current one; see :meth:`base.Catalogue`."""
        record = self.get(image_id)
        if record.state == _STATE.CURRENT:
            return base.Swap(current=record, former=None)
        former = catalogue_states.current(
            self.images.values(), record.final_name
        )
        swap = catalogue_states.promote(
            record,
            former,
            visibility=self.target.visibility,
            reason=reason,
            force=force,
            now=self._now(),
        )
        self._rejected.discard((record.final_name, f'sha256:{record.sha256}'))
        return self._swap(
            dataclasses.replace(
                swap, before=(record, former) if former else (record,)
            )
        )

    def roll_back(
        self, name: str, *, to: str | None = None, reason: str | None = None
    ) -> base.Swap:
        """Bring a previous image back; see :meth:`base.Catalogue`."""
        swap = catalogue_states.roll_back(
            list(self.images.values()),
            name,
            to=to,
            reason=reason,
            now=self._now(),
        )
        if swap.former:
            self._rejected.add((name, f'sha256:{swap.former.sha256}'))
        return self._swap(swap)

    def take_back(self, swap: base.Swap) -> None:
        """Undo a promotion; see :meth:`base.Catalogue`."""
        if not swap.before:
            return
        if self.get(swap.current.id).state != _STATE.CURRENT:
            raise exceptions.StateConflict(
                f'{swap.current.id} is not current any more'
            )
        for record in swap.before:
            self._keep(record)
            if record.state == _STATE.REJECTED:
                self._rejected.add(
                    (record.final_name, f'sha256:{record.sha256}')
                )

    def revoke(
        self, image_id: str, *, reason: str, force: bool = False
    ) -> artifact.ImageRecord:
        """Hide and reject an image; see :meth:`base.Catalogue`."""
        record = self.get(image_id)
        known = list(self.images.values())
        if withdrawal.check_revoke(record, known, force=force):
            self.roll_back(record.final_name, reason=reason)
        self._rejected.add((record.final_name, f'sha256:{record.sha256}'))
        return self._keep(withdrawal.revoke(self.get(image_id), reason=reason))

    def retire(
        self, image_id: str, *, delete: bool = False, reason: str | None = None
    ) -> artifact.ImageRecord:
        """Take an image out of service; see :meth:`base.Catalogue`."""
        record = self.get(image_id)
        retired = catalogue_states.retire(record, reason=reason)
        if delete:
            withdrawal.check_unused(record, self.in_use(image_id))
            del self.images[image_id]
            return retired
        return self._keep(retired)

    def in_use(self, image_id: str) -> base.Usage:
        """Say what the test said; see :meth:`base.Catalogue`."""
        self.get(image_id)
        return base.Usage(in_use=self.used.get(image_id, False))

    def recover(self) -> Sequence[str]:
        """Return :attr:`half_done`, once; see :meth:`base.Catalogue`."""
        done, self.half_done = self.half_done, []
        return done

    def undo(self, arguments: Mapping[str, Any]) -> None:
        """Take a candidate away; see :meth:`base.Catalogue`."""
        record = self.images.get(arguments['image_id'])
        if record and record.state == _STATE.CANDIDATE:
            del self.images[record.id]

    def _swap(self, swap: base.Swap) -> base.Swap:
        self._keep(swap.current)
        if swap.former:
            self._keep(swap.former)
        return swap

    def _keep(self, record: artifact.ImageRecord) -> artifact.ImageRecord:
        self.images[record.id] = record
        return record

    def _now(self) -> str:
        # Every change has its own time, as far as anybody can tell.
        minutes, seconds = divmod(next(self._seconds), 60)
        return f'2026-01-01T{minutes // 60:02}:{minutes % 60:02}:{seconds:02}Z'
