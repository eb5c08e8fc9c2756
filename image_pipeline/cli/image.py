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

"""``image list``, ``image show``: what is in the catalogues of targets."""

import argparse
import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

from image_pipeline import artifact
from image_pipeline.cli import (
    base,
    image_names,
    image_packages,
    image_targets,
)

if TYPE_CHECKING:
    from cliff.formatters import base as cliff_base

    from image_pipeline.catalogues import base as catalogue_base

_STRUCTURED = ('json', 'yaml')


class ImageList(image_targets.OnTargets):
    """List the images of targets, the newest first."""

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
        parser.add_argument(
            '--package',
            action='append',
            default=[],
            dest='packages',
            metavar='NAME[<VERSION]',
            help='only images with this package, a binary or a source one, '
            'such as "openssl<3.0.17"; < <= = >= > compare as dpkg or rpm '
            'does; given several times, all must be there.  Images of which '
            'this host has no list of packages are listed as unknown',
        )
        return parser

    def take_action(
        self, parsed_args: argparse.Namespace
    ) -> image_targets.Table:
        """Return columns and rows.

        :param parsed_args: the arguments.
        """
        search = image_packages.Search(self, parsed_args.packages)
        catalogues = self.catalogues(parsed_args)
        people = parsed_args.formatter in image_targets.FOR_PEOPLE
        rows = [
            _short(image, catalogue, len(catalogues) > 1) | more
            if people
            else full(image, catalogue.target.name) | more
            for image, catalogue, more in self.each(
                catalogues,
                lambda catalogue: search.among(
                    catalogue,
                    catalogue.list_images(
                        name=parsed_args.name,
                        states=[
                            artifact.ImageState(one)
                            for one in parsed_args.states
                        ],
                    ),
                    people=people,
                ),
            )
        ]
        search.tell()
        columns = tuple(rows[0]) if rows else ('id', 'name', 'state')
        return columns, [tuple(row.values()) for row in rows]


class ImageShow(image_targets.Targets, base.ShowOne):
    """Show an image of a target: all that is known of it."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Return the parser of this command.

        :param prog_name: what the command was called.
        """
        parser = super().get_parser(prog_name)
        parser.add_argument(
            'image', metavar='IMAGE', help=image_names.HELP + ': the current'
        )
        return parser

    def take_action(
        self, parsed_args: argparse.Namespace
    ) -> tuple[tuple[str, ...], list[tuple[Any, ...]]]:
        """Return names, and the values of the image at each target.

        :param parsed_args: the arguments.
        """
        catalogues = self.catalogues(parsed_args)
        shown = list(
            self.each(
                catalogues,
                lambda catalogue: [_shown(catalogue, parsed_args.image)],
            )
        )
        columns = tuple(shown[0]) if shown else ()
        return columns, [tuple(one.values()) for one in shown]

    def produce_output(
        self,
        parsed_args: argparse.Namespace,
        column_names: Sequence[str],
        data: Any,
    ) -> int:
        """Print one image; of several targets a list of them.

        :param parsed_args: the arguments.
        :param column_names: the names.
        :param data: the values of each image.
        """
        several = len(set(parsed_args.targets)) > 1
        if several and parsed_args.formatter in _STRUCTURED:
            columns, chosen = self._generate_columns_and_selector(
                parsed_args, column_names
            )
            rows = [
                tuple(itertools.compress(row, chosen)) if chosen else row
                for row in data
            ]
            # Cliff's formatters of JSON and YAML can do both.
            listed = cast('cliff_base.ListFormatter', self.formatter)
            listed.emit_list(columns, rows, self.app.stdout, parsed_args)
            return 0
        for row in data:
            super().produce_output(parsed_args, column_names, row)
        return 0


def full(image: artifact.ImageRecord, target: str) -> dict[str, Any]:
    """Return all that is known of an image, for a table.

    :param image: the image.
    :param target: the target's name.
    """
    from image_pipeline.catalogues import records

    shown = {'target': target} | records.to_json(image)
    shown['properties'] = base.Pairs(image.properties)
    shown['tags'] = base.Words(image.tags)
    return shown


def _shown(catalogue: 'catalogue_base.Catalogue', text: str) -> dict[str, Any]:
    image = image_names.find(
        catalogue, text, first=artifact.ImageState.CURRENT
    )
    used = catalogue.usage(image.id)
    return full(image, catalogue.target.name) | {
        'in_use': used.in_use,
        'users': base.Lines(used.users),
        'unseen': base.Lines(used.unseen),
    }


def _short(
    image: artifact.ImageRecord,
    catalogue: 'catalogue_base.Catalogue',
    several: bool,
) -> dict[str, Any]:
    shown = {'target': catalogue.target.name} if several else {}
    return shown | {
        'name': image.name,
        'state': image.state.value,
        'format': image.format,
        'size': f'{image.size / 2**20:.1f} MiB',
        'created': image.created_at[:16].replace('T', ' '),
        'id': image.id,
    }
