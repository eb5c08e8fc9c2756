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

"""A directory as the catalogue: the target ``local``.

In ``catalogue/`` of the state folder are

- ``records/ID.json``: what is known of an image,
- ``files/ID.FORMAT``: its file, read-only; where possible another name of
  the artifact, which takes no room,
- ``images/NAME.FORMAT``: a symlink to the current one, for users, with its
  checksums in ``NAME.FORMAT.CHECKSUM``,
- ``rejected/``: digests that were rolled back,
- ``incoming/ID/``: files on their way in, locked by whoever copies,
- ``journal.json``: the change under way, if there is one.
"""

import dataclasses
import os
import re
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from image_pipeline import artifact, exceptions
from image_pipeline.catalogues import (
    base,
    directory_records,
    journal,
    records,
    withdrawal,
)
from image_pipeline.catalogues import states as catalogue_states
from image_pipeline.host import cancellation

_STATE = artifact.ImageState
_CHECKSUM = '.CHECKSUM'
_NAME = re.compile(r'[A-Za-z0-9_][A-Za-z0-9._+@-]{0,199}')


class DirectoryCatalogue(directory_records.DirectoryRecords):
    """Images in a folder of this host.

    :param target: the target's settings.
    :param state_dir: the state folder.
    """

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
        _check_name(name)
        cancelled.check()
        with self._journal.writing():
            known = catalogue_states.same_content(self._present(), image, name)
            if known is not None:
                return self._update(known, properties)
            image_id = str(uuid.uuid4())
            undo(self.undo_record(image_id))
            # Locked before anybody can take it for a dead one's.
            lock = self._incoming.reserve(image_id)
        with self._incoming.taking(
            image, lock, progress=progress, cancelled=cancelled
        ) as arrived:
            with self._journal.writing():
                # Somebody else may have registered it meanwhile.
                known = catalogue_states.same_content(
                    self._present(), image, name
                )
                if known is not None:
                    return self._update(known, properties)
                record = self._candidate(
                    image, image_id, name, recipe, run_id, properties
                )
                self._journal.commit(
                    journal.Change(
                        summary=f'registration of {record.name} ({image_id})',
                        steps=(
                            journal.move(
                                str(arrived.relative_to(self.root)),
                                f'files/{directory_records.file_name(record)}',
                            ),
                            self._write(record),
                        ),
                    )
                )
            return record

    def set_properties(
        self,
        image_id: str,
        properties: Mapping[str, str | None],
        *,
        tested: base.Tested | None = None,
    ) -> artifact.ImageRecord:
        """Change an image's properties; see :meth:`base.Catalogue`."""
        with self._journal.writing():
            record = self._get(image_id)
            changed = catalogue_states.changed(record, properties, tested)
            return self._replace(record, changed)

    def promote(
        self, image_id: str, *, reason: str | None = None, force: bool = False
    ) -> base.Swap:
        """Make an image the current one; see :meth:`base.Catalogue`."""
        with self._journal.writing():
            record = self._get(image_id)
            if record.state == _STATE.CURRENT:
                return base.Swap(current=record, former=None)
            former = catalogue_states.current(
                self._records(), record.final_name
            )
            swap = catalogue_states.promote(
                record,
                former,
                visibility=self.target.visibility,
                reason=reason,
                force=force,
                now=records.now(),
            )
            swap = dataclasses.replace(
                swap, before=(record, former) if former else (record,)
            )
            mark = _mark(record.final_name, record.sha256)
            unmark = [journal.remove(mark)] if self._has(mark) else []
            self._swap('promotion', swap, unmark)
            return swap

    def roll_back(
        self, name: str, *, to: str | None = None, reason: str | None = None
    ) -> base.Swap:
        """Bring a previous image back; see :meth:`base.Catalogue`."""
        with self._journal.writing():
            return self._roll_back(name, to, reason)

    def take_back(self, swap: base.Swap) -> None:
        """Undo a promotion; see :meth:`base.Catalogue`."""
        if not swap.before:
            return
        with self._journal.writing():
            if self._get(swap.current.id).state != _STATE.CURRENT:
                raise exceptions.StateConflict(
                    f'{swap.current.name} ({swap.current.id}) is not current '
                    'any more',
                    hint='`image-pipeline image list` shows what is',
                )
            was = swap.before[0]
            steps = [self._write(one) for one in swap.before]
            if was.state == _STATE.REJECTED:
                steps.append(_reject(was))
            if len(swap.before) > 1:
                again = swap.before[1]
                back = base.Swap(current=again, former=swap.current)
                self._swap('taking back', back, steps)
            else:
                self._journal.commit(
                    journal.Change(
                        summary=f'taking back of {was.id}',
                        steps=(*steps, *_unlink(was)),
                    )
                )

    def revoke(
        self, image_id: str, *, reason: str, force: bool = False
    ) -> artifact.ImageRecord:
        """Hide and reject an image; see :meth:`base.Catalogue`."""
        with self._journal.writing():
            record = self._get(image_id)
            known = self._present(states=(_STATE.CURRENT,))
            if withdrawal.check_revoke(record, known, force=force):
                self._roll_back(record.final_name, None, reason)
                return self._get(image_id)
            revoked = withdrawal.revoke(record, reason=reason)
            gone = _unlink(record) if record.state == _STATE.CURRENT else ()
            self._journal.commit(
                journal.Change(
                    summary=f'withdrawal of {record.name} ({image_id})',
                    steps=(_reject(revoked), self._write(revoked), *gone),
                )
            )
            return revoked

    def _roll_back(
        self, name: str, to: str | None, reason: str | None
    ) -> base.Swap:
        known = self._present(states=(_STATE.CURRENT,))
        swap = catalogue_states.roll_back(
            known, name, to=to, reason=reason, now=records.now()
        )
        assert swap.former is not None  # noqa: S101 - it was current
        self._swap('roll back', swap, [_reject(swap.former)])
        return swap

    def retire(
        self, image_id: str, *, delete: bool = False, reason: str | None = None
    ) -> artifact.ImageRecord:
        """Take an image out of service; see :meth:`base.Catalogue`."""
        with self._journal.writing():
            record = self._get(image_id)
            retired = catalogue_states.retire(record, reason=reason)
            if not delete:
                if retired != record:
                    self._journal.commit(
                        journal.Change(
                            summary=f'retirement of {record.name} '
                            f'({image_id})',
                            steps=(self._write(retired),),
                        )
                    )
                return retired
            withdrawal.check_unused(record, self._usage(record))
            self._delete(record)
            return dataclasses.replace(retired, path=None)

    def recover(self) -> Sequence[str]:
        """Finish what was left half done; see :meth:`base.Catalogue`."""
        # Who may only read sees what is half done as if it were done.
        if not os.access(self.root, os.W_OK):
            return ()
        with self._journal.writing() as done:
            return [*done, *self._incoming.drop_dead()]

    def undo(self, arguments: Mapping[str, Any]) -> None:
        """Take a candidate away; see :meth:`base.Catalogue`."""
        image_id = str(arguments['image_id'])
        if not self.root.is_dir():
            return
        with self._journal.writing():
            self._incoming.drop(image_id)
            try:
                record = self._get(image_id)
            except exceptions.NotFound:
                return
            # What was promoted meanwhile is no longer this run's own.
            if record.state == _STATE.CANDIDATE:
                self._delete(record)

    def _candidate(
        self,
        image: artifact.Artifact,
        image_id: str,
        name: str,
        recipe: str,
        run_id: str,
        properties: Mapping[str, str],
    ) -> artifact.ImageRecord:
        record = catalogue_states.candidate(
            image,
            image_id=image_id,
            name=name,
            recipe=recipe,
            run_id=run_id,
            properties=properties,
            tags=self.target.tags,
            created_at=records.now(),
            rejected=self._has(_mark(name, image.digest)),
        )
        return self._located(record)

    def _update(
        self, record: artifact.ImageRecord, properties: Mapping[str, str]
    ) -> artifact.ImageRecord:
        changed = catalogue_states.updated(
            record, properties=properties, tags=self.target.tags
        )
        return self._replace(record, changed)

    def _replace(
        self, record: artifact.ImageRecord, changed: artifact.ImageRecord
    ) -> artifact.ImageRecord:
        if changed != record:
            self._journal.commit(
                journal.Change(
                    summary=f'change of properties of {record.name} '
                    f'({record.id})',
                    steps=(self._write(changed),),
                )
            )
        return changed

    def _swap(
        self,
        what: str,
        swap: base.Swap,
        steps: Sequence[Mapping[str, Any]],
    ) -> None:
        """Commit a change of the current image, users' symlink included.

        What the steps write already is not written again.
        """
        current, former = swap.current, swap.former
        link = _link(current)
        after = [
            journal.link(
                link, f'../files/{directory_records.file_name(current)}'
            ),
            journal.text(link + _CHECKSUM, records.checksums(current)),
        ]
        written = {step['path'] for step in steps}
        for one in filter(None, (former, current)):
            step = self._write(one)
            if step['path'] not in written:
                steps = [*steps, step]
        if former and former.format != current.format:
            after += _unlink(former)
        self._journal.commit(
            journal.Change(
                summary=f'{what} of {current.final_name} to {current.id}',
                steps=(*steps, *after),
            )
        )


def _check_name(name: str) -> None:
    if not _NAME.fullmatch(name):
        raise exceptions.InvalidInput(
            f'"{name}" cannot be the name of an image in a directory',
            hint='use letters, digits, ".", "_", "+", "@" and "-"; 200 at '
            'most',
        )


def _link(record: artifact.ImageRecord) -> str:
    return f'images/{record.final_name}.{record.format}'


def _unlink(record: artifact.ImageRecord) -> list[Mapping[str, Any]]:
    """Return what takes an image from users."""
    link = _link(record)
    return [journal.remove(link), journal.remove(link + _CHECKSUM)]


def _reject(record: artifact.ImageRecord) -> Mapping[str, Any]:
    """Return what keeps in mind that an image was rejected."""
    return journal.write(
        _mark(record.final_name, record.sha256),
        {'reason': record.reason, 'id': record.id},
    )


def _mark(name: str, digest: str) -> str:
    """Return the file which says that a digest was rolled back."""
    return f'rejected/{name}.{digest.removeprefix("sha256:")}.json'
