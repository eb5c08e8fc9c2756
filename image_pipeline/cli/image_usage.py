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

"""``image usage``: who uses an image."""

import argparse
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from image_pipeline import artifact, exceptions
from image_pipeline.cli import base, image_names, image_targets

if TYPE_CHECKING:
    from image_pipeline.catalogues import base as catalogue_base

_COLUMNS = ('target', 'id', 'name', 'state', 'in_use', 'users', 'unseen')
_WORDS = {True: 'yes', False: 'no', None: 'unknown'}


class ImageUsage(image_targets.OnTargets):
    """Show who uses an image, as far as you may see.

    Servers, volumes, snapshots and projects that it is shared with; where
    you may not see all of them, and nobody is seen, it is not known.
    """

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Return the parser of this command.

        :param prog_name: what the command was called.
        """
        parser = super().get_parser(prog_name)
        parser.add_argument(
            'images',
            nargs='*',
            metavar='IMAGE',
            help='an id or a digest, the beginning of one (8 characters): '
            'that image; a name: all of its images',
        )
        parser.add_argument(
            '--all', action='store_true', help='the images of every name'
        )
        return parser

    def take_action(
        self, parsed_args: argparse.Namespace
    ) -> image_targets.Table:
        """Return columns and rows.

        :param parsed_args: the arguments.
        """
        if bool(parsed_args.images) == parsed_args.all:
            raise exceptions.InvalidInput('name images, or give --all')
        people = parsed_args.formatter in image_targets.FOR_PEOPLE

        def rows(
            catalogue: 'catalogue_base.Catalogue',
        ) -> Iterator[tuple[Any, ...]]:
            for image in _chosen(catalogue, parsed_args.images):
                used = catalogue.usage(image.id)
                yield (
                    catalogue.target.name,
                    image.id,
                    image.name,
                    image.state.value,
                    _WORDS[used.in_use] if people else used.in_use,
                    base.Lines(used.users),
                    base.Lines(used.unseen),
                )

        return _COLUMNS, list(self.each(self.catalogues(parsed_args), rows))


def _chosen(
    catalogue: 'catalogue_base.Catalogue', texts: list[str]
) -> list[artifact.ImageRecord]:
    """Return the images that are meant; all of them if none is named."""
    images = list(catalogue.list_images())
    if not texts:
        return images
    chosen = {}
    for text in texts:
        found = [image for image in images if image.final_name == text]
        if not found:
            found = [
                image_names.find(
                    catalogue, text, first=artifact.ImageState.CURRENT
                )
            ]
        chosen.update({image.id: image for image in found})
    return list(chosen.values())
