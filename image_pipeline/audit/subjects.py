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

"""What rules are about, beside the image itself.

A rule of another subject than the image gets one of these; where an audit
has none (a file alone has no run), the rule does not apply.
"""

import dataclasses
import itertools
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from image_pipeline import artifact
from image_pipeline.audit import listing, rule, view

#: Files that list the checksums of others; Fedora's is called after the
#: release: ``Fedora-Cloud-43-1.6-x86_64-CHECKSUM``.
_SUMS = frozenset({'SHA256SUMS', 'SHA512SUMS', 'MD5SUMS', 'CHECKSUM'})
#: oslo.utils, strutils.TRUE_STRINGS.
_YES = frozenset({'1', 't', 'true', 'on', 'y', 'yes'})
#: Entries of a folder that are looked at.
_MOST_FILES = 100_000


@dataclasses.dataclass(frozen=True, kw_only=True)
class ArtifactView:
    """An image file and the files beside it.

    :param path: the image file.
    :param image: the disk in it.
    :param side_files: by name, such as ``SHA256SUMS`` or
        ``debian-12.qcow2.sha512``: every file of its folder that is named
        after it, or that lists checksums.
    :param published: whether it lies where others get it; a file in the
        state folder does not, and has nothing beside it.
    """

    path: Path
    image: view.ImageView
    side_files: Mapping[str, Path] = dataclasses.field(default_factory=dict)
    published: bool = True


@dataclasses.dataclass(frozen=True, kw_only=True)
class RunView:
    """The run that made an image.

    :param manifest: the run's manifest, as JSON values.
    :param reports: what its stages said, by kind of artifact.
    :param image: the disk that it made, if it is at hand.
    """

    manifest: Mapping[str, Any]
    reports: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    image: view.ImageView | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class RegisteredImageView:
    """An image in a catalogue, or about to be put there.

    :param name: its name there.
    :param properties: its properties; all values are text.
    :param state: candidate, current, previous, retired, rejected; None
        before it is registered, when its properties are but planned.
    :param image: the disk, if it is at hand.
    :param record: all that the catalogue knows of it; None before it is
        registered.
    :param others: the other images of the catalogue.
    :param unseen: whether nobody asked for the disk: what is about it does
        not apply then, and is not unknown.
    """

    name: str
    properties: Mapping[str, str]
    state: str | None = None
    image: view.ImageView | None = None
    record: artifact.ImageRecord | None = None
    others: tuple[artifact.ImageRecord, ...] = ()
    unseen: bool = False

    @classmethod
    def of(
        cls,
        record: artifact.ImageRecord,
        others: Iterable[artifact.ImageRecord] = (),
    ) -> 'RegisteredImageView':
        """Return an image as a catalogue has it.

        :param record: the image.
        :param others: images of the catalogue; it may be among them.
        """
        return cls(
            name=record.name,
            properties=record.properties,
            state=record.state.value,
            record=record,
            others=tuple(one for one in others if one.id != record.id),
        )

    def need_record(self) -> artifact.ImageRecord:
        """Return what the catalogue knows of it.

        :raises NotApplicable: it is not registered.
        """
        if self.record is None:
            raise rule.NotApplicable('the pipeline did not register it')
        return self.record

    def says(self, name: str) -> bool:
        """Tell whether a property is set to yes, as Nova understands it.

        :param name: the property.
        """
        return self.properties.get(name, '').strip().lower() in _YES

    def need_image(self) -> view.ImageView:
        """Return the disk.

        :raises CannotTell: it is not at hand.
        :raises NotApplicable: nobody asked for it.
        """
        if self.unseen:
            raise rule.NotApplicable('only what is said of it is judged')
        if self.image is None:
            raise rule.CannotTell('the image itself is not at hand')
        return self.image


@dataclasses.dataclass(frozen=True, kw_only=True)
class Subjects:
    """What one audit has to show its rules.

    :param image: the disk.
    :param artifact: its file and the files beside it.
    :param run: the run that made it.
    :param registered: its record in a catalogue.
    :param listed: what a cloud lists of it.
    """

    image: view.ImageView | None = None
    artifact: ArtifactView | None = None
    run: RunView | None = None
    registered: RegisteredImageView | None = None
    listed: listing.ListedImageView | None = None

    def get(self, subject: rule.Subject) -> Any:
        """Return what a rule of this subject is shown, or None.

        :param subject: what the rule is about.
        """
        return {
            rule.Subject.IMAGE: self.image,
            rule.Subject.ARTIFACT: self.artifact,
            rule.Subject.RUN: self.run,
            rule.Subject.REGISTERED_IMAGE: self.registered,
            rule.Subject.LISTED_IMAGE: self.listed,
        }[subject]


def beside(path: Path) -> dict[str, Path]:
    """Return the files that belong to an image file, by name.

    :param path: the image file.
    :returns: none if its folder cannot be listed.
    """
    # Beside the name that was given, which may be a link into a store.
    folder = path.absolute().parent
    found = {}
    try:
        with os.scandir(folder) as entries:
            for entry in itertools.islice(entries, _MOST_FILES):
                if _belongs(entry.name, path) and entry.is_file():
                    found[entry.name] = folder / entry.name
    except OSError:
        return {}
    return dict(sorted(found.items()))


def _belongs(name: str, path: Path) -> bool:
    if name == path.name:
        return False
    # What belongs to all formats of an image is called after its stem.
    return (
        name.startswith((f'{path.name}.', f'{path.stem}.ova'))
        or name.partition('.')[0] in _SUMS
        or name.endswith(tuple(f'-{one}' for one in _SUMS))
    )
