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
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from image_pipeline import artifact, exceptions
from image_pipeline.catalogues import (
    base,
    incoming,
    journal,
    openers,
    records,
)
from image_pipeline.catalogues import states as catalogue_states
from image_pipeline.conf import settings as conf_settings
from image_pipeline.host import cancellation

_STATE = artifact.ImageState
_CHECKSUM = '.CHECKSUM'
_NAME = re.compile(r'[A-Za-z0-9_][A-Za-z0-9._+@-]{0,199}')


class DirectoryCatalogue(base.Catalogue):
    """Images in a folder of this host.

    :param target: the target's settings.
    :param state_dir: the state folder.
    """

    def __init__(
        self, target: conf_settings.Target, *, state_dir: Path
    ) -> None:
        super().__init__(target, state_dir=state_dir)
        self.root = state_dir / 'catalogue'
        self._journal = journal.Journal(self.root)
        self._incoming = incoming.Incoming(self.root / 'incoming')

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
                                f'files/{_file(record)}',
                            ),
                            self._write(record),
                        ),
                    )
                )
            return record

    def get(self, image_id: str) -> artifact.ImageRecord:
        """Return one image; see :meth:`base.Catalogue`."""
        with self._journal.reading() as pending:
            return self._get(image_id, pending)

    def list_images(
        self,
        *,
        name: str | None = None,
        states: Sequence[artifact.ImageState] = (),
    ) -> Iterable[artifact.ImageRecord]:
        """Return the images, the newest first; see :meth:`base.Catalogue`."""
        with self._journal.reading() as pending:
            found = self._records(pending)
        return catalogue_states.listed(found, name=name, states=states)

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
            mark = _mark(record.final_name, record.sha256)
            unmark = [journal.remove(mark)] if self._has(mark) else []
            self._swap('promotion', swap, unmark)
            return swap

    def roll_back(self, name: str, *, reason: str | None = None) -> base.Swap:
        """Bring the previous image back; see :meth:`base.Catalogue`."""
        with self._journal.writing():
            swap = catalogue_states.roll_back(
                self._present(states=(_STATE.CURRENT,)),
                name,
                reason=reason,
                now=records.now(),
            )
            assert swap.former is not None  # noqa: S101 - it was current
            mark = journal.write(
                _mark(name, swap.former.sha256),
                {'reason': reason, 'id': swap.former.id},
            )
            self._swap('roll back', swap, [mark])
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
            catalogue_states.check_unused(record, self._usage(record))
            self._delete(record)
            return dataclasses.replace(retired, path=None)

    def in_use(self, image_id: str) -> base.Usage:
        """Say whether a process has it open; see :meth:`base.Catalogue`."""
        with self._journal.reading() as pending:
            return self._usage(self._get(image_id, pending))

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
        """Commit a change of the current image, users' symlink included."""
        current, former = swap.current, swap.former
        link = _link(current)
        after = [
            journal.link(link, f'../files/{_file(current)}'),
            journal.text(link + _CHECKSUM, records.checksums(current)),
        ]
        if former:
            steps = [*steps, self._write(former)]
        if former and former.format != current.format:
            after += [
                journal.remove(_link(former)),
                journal.remove(_link(former) + _CHECKSUM),
            ]
        self._journal.commit(
            journal.Change(
                summary=f'{what} of {current.final_name} to {current.id}',
                steps=(*steps, self._write(current), *after),
            )
        )

    def _has(self, path: str) -> bool:
        return (self.root / path).exists()

    def _delete(self, record: artifact.ImageRecord) -> None:
        self._journal.commit(
            journal.Change(
                summary=f'deletion of {record.name} ({record.id})',
                steps=(
                    journal.remove(f'files/{_file(record)}'),
                    journal.remove(f'records/{record.id}.json'),
                ),
            )
        )

    def _write(self, record: artifact.ImageRecord) -> Mapping[str, Any]:
        return journal.write(
            f'records/{record.id}.json',
            # The state folder may be moved: the path is not kept.
            records.to_json(dataclasses.replace(record, path=None)),
        )

    def _usage(self, record: artifact.ImageRecord) -> base.Usage:
        if record.path is None or not record.path.is_file():
            return base.Usage(in_use=False)
        used, users = openers.find(record.path)
        return base.Usage(in_use=used, users=users)

    def _get(
        self, image_id: str, pending: journal.Change | None = None
    ) -> artifact.ImageRecord:
        for record in self._records(pending):
            if record.id == image_id:
                return record
        raise exceptions.NotFound(
            f'there is no image {image_id} in the catalogue of target '
            f'"{self.target.name}"',
            hint='`image-pipeline image list` shows those that are there',
        )

    def _records(
        self, pending: journal.Change | None = None
    ) -> list[artifact.ImageRecord]:
        found = {
            path.stem: records.load(path)
            for path in (self.root / 'records').glob('[!.]*.json')
        }
        # What a killed process wrote down is as good as done.
        for step in pending.steps if pending else ():
            if not step['path'].startswith('records/'):
                continue
            stem = Path(step['path']).stem
            if step['do'] == 'remove':
                found.pop(stem, None)
            else:
                found[stem] = records.from_json(step['value'])
        return [self._located(record) for record in found.values()]

    def _present(
        self, *, states: Sequence[artifact.ImageState] = ()
    ) -> list[artifact.ImageRecord]:
        """Return the images that have their file, or one of some states."""
        return [
            record
            for record in self._records()
            if record.state in states or (record.path or Path()).is_file()
        ]

    def _located(self, record: artifact.ImageRecord) -> artifact.ImageRecord:
        path = self.root / 'files' / _file(record)
        return dataclasses.replace(record, path=path)


def _check_name(name: str) -> None:
    if not _NAME.fullmatch(name):
        raise exceptions.InvalidInput(
            f'"{name}" cannot be the name of an image in a directory',
            hint='use letters, digits, ".", "_", "+", "@" and "-"; 200 at '
            'most',
        )


def _file(record: artifact.ImageRecord) -> str:
    return f'{record.id}.{record.format}'


def _link(record: artifact.ImageRecord) -> str:
    return f'images/{record.final_name}.{record.format}'


def _mark(name: str, digest: str) -> str:
    """Return the file which says that a digest was rolled back."""
    return f'rejected/{name}.{digest.removeprefix("sha256:")}.json'
