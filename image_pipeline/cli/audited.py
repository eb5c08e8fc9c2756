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

"""Which images ``audit`` judges: files, or those of a catalogue."""

import argparse
import dataclasses
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from image_pipeline import artifact, exceptions
from image_pipeline.cli import audited_cloud, image_names, image_targets

if TYPE_CHECKING:
    from image_pipeline.audit import profile, report, waiver
    from image_pipeline.catalogues import base as catalogue_base
    from image_pipeline.conf import settings as conf_settings

_STATE = artifact.ImageState


@dataclasses.dataclass(frozen=True, kw_only=True)
class Audited:
    """One image to be judged.

    :param path: its file; None if it is not on this host.
    :param shown_as: what the report calls it.
    :param record: what the catalogue knows of it; None for a file.
    :param others: the images of that catalogue.
    """

    path: Path | None
    shown_as: Path
    record: artifact.ImageRecord | None = None
    others: tuple[artifact.ImageRecord, ...] = ()

    def judge(
        self,
        chosen: 'profile.Profile',
        waived: 'Sequence[waiver.Waiver]',
    ) -> 'report.Report':
        """Judge it.

        :param chosen: the profile.
        :param waived: the waivers.
        :raises ImageUnreadable: it cannot be read.
        """
        from image_pipeline.audit import runner, subjects

        if self.record is None:
            return runner.run(self.path or self.shown_as, chosen, waived)
        registered = subjects.RegisteredImageView.of(self.record, self.others)
        if self.path is None:
            # Of a catalogue elsewhere only what is said can be judged.
            return runner.run_metadata(
                chosen,
                waived,
                registered=registered,
                listed=None,
                shown_as=self.shown_as,
                format_=self.record.format,
                virtual_size=self.record.virtual_size,
            )
        return runner.run(
            self.path,
            chosen,
            waived,
            registered=registered,
            shown_as=self.shown_as,
            # Users fetch it by its name; checksums lie in the catalogue.
            published=False,
        )


def check(parsed_args: argparse.Namespace) -> None:
    """Refuse arguments that do not go together.

    :param parsed_args: the command's.
    :raises InvalidInput: nothing is to be judged, or two things.
    """
    names, everything = parsed_args.images, parsed_args.all
    if parsed_args.target is None:
        if parsed_args.content or parsed_args.visibility:
            raise exceptions.InvalidInput(
                '--content and --visibility are for the images of a cloud',
                hint='give --target as well; a file is always read',
            )
        if everything:
            raise exceptions.InvalidInput(
                '--all is for the images of a target',
                hint='give --target as well; --passed shows what passed, too',
            )
        if not names:
            raise exceptions.InvalidInput(
                'there is nothing to judge',
                hint='name image files, or give --target',
            )
        return
    if names and (everything or parsed_args.visibility):
        raise exceptions.InvalidInput(
            'images are named, and --all or --visibility is given',
            hint='leave one of the two out',
        )
    if parsed_args.fix:
        raise exceptions.InvalidInput(
            '--fix mends a file, no image of a catalogue',
            hint='mend the recipe and bake it; or name the file that '
            '`image-pipeline image show` says',
        )


def choose(
    parsed_args: argparse.Namespace,
    settings: 'conf_settings.Settings',
    content: audited_cloud.Content,
) -> Iterator[Audited | audited_cloud.AuditedInCloud]:
    """Give the images that a user asked for.

    :param parsed_args: the command's.
    :param settings: the site's.
    :param content: how images of a cloud are read, if that is asked for.
    :raises NotFound: there is no such target, or no such image.
    """
    if parsed_args.target is None:
        for name in parsed_args.images:
            yield Audited(path=Path(name), shown_as=Path(name))
        return
    target = image_targets.find(settings, parsed_args.target)
    if target.cloud is not None:
        # Whatever is in the cloud is judged as it is: nothing is recovered,
        # and nobody needs more than the right to look.
        yield from audited_cloud.choose(
            parsed_args, target, content if parsed_args.content else None
        )
        return
    catalogue = image_targets.load(settings, parsed_args.target)
    image_targets.recover(catalogue)
    every = tuple(catalogue.list_images())
    # All names are looked up before anything is judged.
    for record in _records(catalogue, every, parsed_args):
        yield Audited(
            path=record.path,
            # A waiver is about the name that the image has when it is
            # current; several may have it, so its id goes before.
            shown_as=Path(
                parsed_args.target,
                record.id,
                f'{record.final_name}.{record.format}',
            ),
            record=record,
            others=every,
        )


def _records(
    catalogue: 'catalogue_base.Catalogue',
    every: Sequence[artifact.ImageRecord],
    parsed_args: argparse.Namespace,
) -> list[artifact.ImageRecord]:
    if parsed_args.images:
        return [
            image_names.find(catalogue, name, first=_STATE.CURRENT)
            for name in parsed_args.images
        ]
    if parsed_args.all:
        return [one for one in every if one.state is not _STATE.RETIRED]
    return [one for one in every if one.state is _STATE.CURRENT]
