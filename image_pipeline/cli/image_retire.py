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

"""``image retire``: take older images out of service."""

import argparse
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from image_pipeline import artifact, exceptions
from image_pipeline.cli import base, image_names, image_targets

if TYPE_CHECKING:
    from image_pipeline.catalogues import base as catalogue_base

_COLUMNS = ('target', 'id', 'name', 'before', 'after', 'reason')


class ImageRetire(image_targets.OnTargets):
    """Take older images out of service: hide and, if asked for, delete them.

    The current image always stays.
    """

    changes = True

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Return the parser of this command.

        :param prog_name: what the command was called.
        """
        parser = super().get_parser(prog_name)
        parser.add_argument(
            'images',
            nargs='*',
            metavar='IMAGE',
            help='an id: that image; a name: those of its images that '
            '--keep and --older-than choose',
        )
        parser.add_argument(
            '--all',
            action='store_true',
            help='choose among the images of every name',
        )
        parser.add_argument(
            '--keep',
            type=_count,
            metavar='N',
            help="leave the N latest former images (default: the target's)",
        )
        parser.add_argument(
            '--older-than',
            type=_count,
            metavar='DAYS',
            help='only images older than this; candidates too',
        )
        parser.add_argument(
            '--delete',
            action='store_true',
            help='delete them, and those retired before, unless in use; a '
            'cloud has to allow that: the option delete of its target',
        )
        parser.add_argument('--reason', help='why; kept with the image')
        parser.add_argument(
            '--dry-run',
            action='store_true',
            help='change nothing, show what would change',
        )
        return parser

    def take_action(
        self, parsed_args: argparse.Namespace
    ) -> image_targets.Table:
        """Retire; return what became of each image.

        :param parsed_args: the arguments.
        """
        if bool(parsed_args.images) == parsed_args.all:
            raise exceptions.InvalidInput(
                'name the images to retire, or give --all',
                hint='--dry-run shows what would be retired',
            )
        return _COLUMNS, list(
            self.each(
                self.catalogues(parsed_args),
                lambda catalogue: self._retire(catalogue, parsed_args),
            )
        )

    def _retire(
        self,
        catalogue: 'catalogue_base.Catalogue',
        parsed_args: argparse.Namespace,
    ) -> Iterator[tuple[Any, ...]]:
        hints: dict[str, None] = {}
        for image, why in image_names.chosen(
            catalogue,
            parsed_args.images,
            keep=parsed_args.keep,
            older_than=parsed_args.older_than,
            delete=parsed_args.delete,
        ):
            after = 'deleted' if parsed_args.delete else 'retired'
            note = parsed_args.reason or why
            try:
                if not parsed_args.dry_run:
                    self._retire_one(
                        catalogue, image, parsed_args.delete, note
                    )
            except exceptions.StateConflict as exc:
                # The others do not suffer for it.
                self.refused()
                if exc.hint:
                    hints[exc.hint] = None
                after, note = image.state.value, exc.message
            yield (
                catalogue.target.name,
                image.id,
                image.name,
                image.state.value,
                after,
                note,
            )

        for hint in hints:
            self.app.stderr.write(f'hint: {base.visible(hint)}\n')

    def _retire_one(
        self,
        catalogue: 'catalogue_base.Catalogue',
        image: artifact.ImageRecord,
        delete: bool,
        reason: str | None,
    ) -> None:
        with self.notified('retire', catalogue, image, reason) as ended:
            retired = catalogue.retire(image.id, delete=delete, reason=reason)
            ended(None if delete else retired)


def _count(text: str) -> int:
    value = int(text)
    if value < 0:
        raise ValueError('it is negative')
    return value
