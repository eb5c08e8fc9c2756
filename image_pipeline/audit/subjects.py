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
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from image_pipeline.audit import rule, view


@dataclasses.dataclass(frozen=True, kw_only=True)
class ArtifactView:
    """An image file and the files beside it.

    :param path: the image file.
    :param image: the disk in it.
    :param side_files: by name, such as ``SHA256SUMS`` or
        ``debian-12.qcow2.sha512``: every file of its folder that is named
        after it, or that lists checksums.
    """

    path: Path
    image: view.ImageView
    side_files: Mapping[str, Path] = dataclasses.field(default_factory=dict)


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
        before it is registered.
    :param image: the disk, if it is at hand.
    """

    name: str
    properties: Mapping[str, str]
    state: str | None = None
    image: view.ImageView | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Subjects:
    """What one audit has to show its rules.

    :param image: the disk.
    :param artifact: its file and the files beside it.
    :param run: the run that made it.
    :param registered: its record in a catalogue.
    """

    image: view.ImageView | None = None
    artifact: ArtifactView | None = None
    run: RunView | None = None
    registered: RegisteredImageView | None = None

    def get(self, subject: rule.Subject) -> Any:
        """Return what a rule of this subject is shown, or None.

        :param subject: what the rule is about.
        """
        return {
            rule.Subject.IMAGE: self.image,
            rule.Subject.ARTIFACT: self.artifact,
            rule.Subject.RUN: self.run,
            rule.Subject.REGISTERED_IMAGE: self.registered,
        }[subject]


def beside(path: Path) -> dict[str, Path]:
    """Return the files that belong to an image file, by name.

    :param path: the image file.
    """
    sums = {'SHA256SUMS', 'SHA512SUMS', 'MD5SUMS', 'CHECKSUM'}
    return {
        other.name: other
        for other in sorted(path.resolve().parent.iterdir())
        if other.name != path.name
        and (
            other.name.startswith(f'{path.name}.')
            or other.name.partition('.')[0] in sums
        )
        and other.is_file()
    }
