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

"""``image``: what is in a target's catalogue, and its promotion."""

import argparse
import logging
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from image_pipeline import artifact, exceptions
from image_pipeline.cli import base, image_names

if TYPE_CHECKING:
    from image_pipeline.catalogues import base as catalogue_base

LOG = logging.getLogger(__name__)

_Rows = tuple[tuple[str, ...], Iterable[tuple[Any, ...]]]
_SWAP_COLUMNS = ('id', 'name', 'before', 'after', 'reason')
#: Formats that a person reads; a program gets every field.
_FOR_PEOPLE = ('table', 'value', 'csv')


class ImageList(base.Lister):
    """List the images of a target, the newest first."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Return the parser of this command.

        :param prog_name: what the command was called.
        """
        parser = super().get_parser(prog_name)
        parser.add_argument(
            'name',
            nargs='?',
            metavar='NAME',
            help='only images that have this name, or would get it',
        )
        parser.add_argument(
            '--state',
            action='append',
            default=[],
            dest='states',
            choices=[state.value for state in artifact.ImageState],
            help='only images in this state; may be given several times',
        )
        image_names.add_target(parser)
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> _Rows:
        """Return columns and rows.

        :param parsed_args: the arguments.
        """
        catalogue = image_names.open_catalogue(
            self.settings, parsed_args.target
        )
        images = catalogue.list_images(
            name=parsed_args.name,
            states=[artifact.ImageState(one) for one in parsed_args.states],
        )
        if parsed_args.formatter in _FOR_PEOPLE:
            return ('name', 'state', 'format', 'size', 'created', 'id'), [
                (
                    image.name,
                    image.state.value,
                    image.format,
                    _mebibytes(image.size),
                    image.created_at[:16].replace('T', ' '),
                    image.id,
                )
                for image in images
            ]
        rows = [_full(image, catalogue.target.name) for image in images]
        columns = tuple(rows[0]) if rows else ('id', 'name', 'state')
        return columns, [tuple(row.values()) for row in rows]


class ImageShow(base.ShowOne):
    """Show an image of a target: all that is known of it."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Return the parser of this command.

        :param prog_name: what the command was called.
        """
        parser = super().get_parser(prog_name)
        parser.add_argument(
            'image', metavar='IMAGE', help=image_names.HELP + ': the current'
        )
        image_names.add_target(parser)
        return parser

    def take_action(
        self, parsed_args: argparse.Namespace
    ) -> tuple[tuple[str, ...], tuple[Any, ...]]:
        """Return names and values.

        :param parsed_args: the arguments.
        """
        catalogue = image_names.open_catalogue(
            self.settings, parsed_args.target
        )
        image = image_names.find(
            catalogue, parsed_args.image, first=artifact.ImageState.CURRENT
        )
        shown = _full(image, catalogue.target.name)
        used = catalogue.in_use(image.id)
        shown['in_use'] = used.in_use
        shown['users'] = base.Lines(used.users)
        return self.dict2columns(shown)


class ImagePromote(base.Lister):
    """Make an image the current one: the one that users get."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Return the parser of this command.

        :param prog_name: what the command was called.
        """
        parser = super().get_parser(prog_name)
        parser.add_argument(
            'image',
            metavar='IMAGE',
            help=image_names.HELP + ': the latest candidate',
        )
        parser.add_argument(
            '--force',
            action='store_true',
            help='promote even an image that was rolled back before',
        )
        _add_change(parser)
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> _Rows:
        """Promote; return what changed.

        :param parsed_args: the arguments.
        """
        catalogue = image_names.open_catalogue(
            self.settings, parsed_args.target
        )
        image = image_names.find(
            catalogue, parsed_args.image, first=artifact.ImageState.CANDIDATE
        )
        if image.state == artifact.ImageState.CURRENT:
            LOG.warning('%s (%s) is current already', image.name, image.id)
            return _SWAP_COLUMNS, [_row(image, image.state)]
        if parsed_args.dry_run:
            from image_pipeline.catalogues import states

            images = list(catalogue.list_images(name=image.final_name))
            swap = states.promote(
                image,
                states.current(images, image.final_name),
                visibility=catalogue.target.visibility,
                reason=parsed_args.reason,
                force=parsed_args.force,
                now='',
            )
        else:
            swap = catalogue.promote(
                image.id, reason=parsed_args.reason, force=parsed_args.force
            )
        return _swapped(swap, image.state)


class ImageRollback(base.Lister):
    """Bring the previous image of a name back; the current one is rejected."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Return the parser of this command.

        :param prog_name: what the command was called.
        """
        parser = super().get_parser(prog_name)
        parser.add_argument('name', metavar='NAME', help="the image's name")
        _add_change(parser)
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> _Rows:
        """Roll back; return what changed.

        :param parsed_args: the arguments.
        """
        catalogue = image_names.open_catalogue(
            self.settings, parsed_args.target
        )
        if parsed_args.dry_run:
            from image_pipeline.catalogues import states

            swap = states.roll_back(
                list(catalogue.list_images()),
                parsed_args.name,
                reason=parsed_args.reason,
                now='',
            )
        else:
            swap = catalogue.roll_back(
                parsed_args.name, reason=parsed_args.reason
            )
        return _swapped(swap, artifact.ImageState.PREVIOUS)


class ImageRetire(base.Lister):
    """Take older images out of service: hide and, if asked for, delete them.

    The current image always stays.
    """

    failed = False

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
            help='delete them, and those retired before, unless in use',
        )
        _add_change(parser)
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> _Rows:
        """Retire; return what became of each image.

        :param parsed_args: the arguments.
        """
        if bool(parsed_args.images) == parsed_args.all:
            raise exceptions.InvalidInput(
                'name the images to retire, or give --all',
                hint='--dry-run shows what would be retired',
            )
        catalogue = image_names.open_catalogue(
            self.settings, parsed_args.target
        )
        rows = []
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
                    catalogue.retire(
                        image.id, delete=parsed_args.delete, reason=note
                    )
            except exceptions.StateConflict as exc:
                self.failed = True
                after, note = image.state.value, exc.message
            rows.append((image.id, image.name, image.state.value, after, note))
        return _SWAP_COLUMNS, rows

    def run(self, parsed_args: argparse.Namespace) -> int:
        """Run, and return 1 if an image could not be retired.

        :param parsed_args: the arguments.
        """
        status: int = super().run(parsed_args)
        return 1 if self.failed else status


def _add_change(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('--reason', help='why; kept with the image')
    parser.add_argument(
        '--dry-run',
        action='store_true',
        help='change nothing, show what would change',
    )
    image_names.add_target(parser)


def _count(text: str) -> int:
    value = int(text)
    if value < 0:
        raise ValueError('it is negative')
    return value


def _full(image: artifact.ImageRecord, target: str) -> dict[str, Any]:
    from image_pipeline.catalogues import records

    shown = {'target': target} | records.to_json(image)
    shown['properties'] = base.Pairs(image.properties)
    shown['tags'] = base.Words(image.tags)
    return shown


def _swapped(
    swap: 'catalogue_base.Swap', before: artifact.ImageState
) -> _Rows:
    rows = [_row(swap.current, before)]
    if swap.former:
        rows.append(_row(swap.former, artifact.ImageState.CURRENT))
    return _SWAP_COLUMNS, rows


def _row(
    image: artifact.ImageRecord, before: artifact.ImageState
) -> tuple[str, str, str, str, str]:
    return (
        image.id,
        image.name,
        before.value,
        image.state.value,
        image.reason or '',
    )


def _mebibytes(size: int) -> str:
    return f'{size / 2**20:.1f} MiB'
