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

"""The images in a directory, and their records."""

import abc
import dataclasses
from collections.abc import Iterable, Mapping, Sequence
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


class DirectoryRecords(base.Catalogue, abc.ABC):
    """What a catalogue in a folder knows, and how it writes that down.

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

    def in_use(self, image_id: str) -> base.Usage:
        """Say whether a process has it open; see :meth:`base.Catalogue`."""
        with self._journal.reading() as pending:
            return self._usage(self._get(image_id, pending))

    def _has(self, path: str) -> bool:
        return (self.root / path).exists()

    def _delete(self, record: artifact.ImageRecord) -> None:
        self._journal.commit(
            journal.Change(
                summary=f'deletion of {record.name} ({record.id})',
                steps=(
                    journal.remove(f'files/{file_name(record)}'),
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
        path = self.root / 'files' / file_name(record)
        return dataclasses.replace(record, path=path)


def file_name(record: artifact.ImageRecord) -> str:
    """Return the name of an image's file.

    :param record: the image.
    """
    return f'{record.id}.{record.format}'
