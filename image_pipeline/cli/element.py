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

"""``element list``."""

import argparse
from collections.abc import Iterable
from typing import Any

from image_pipeline.cli import base


class ElementList(base.Lister):
    """List the elements that a recipe can name.

    Those of the site come first, then ours; of two with one name the first
    is taken.
    """

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Return the parser of this command.

        :param prog_name: what the command was called.
        """
        parser = super().get_parser(prog_name)
        parser.add_argument(
            '--all',
            action='store_true',
            help="diskimage-builder's own elements too",
        )
        return parser

    def take_action(
        self, parsed_args: argparse.Namespace
    ) -> tuple[tuple[str, ...], Iterable[tuple[Any, ...]]]:
        """Return columns and rows.

        :param parsed_args: the arguments.
        """
        from image_pipeline import elements
        from image_pipeline.dib import elements as dib_elements

        folders = [*self.settings.elements_path, elements.path()]
        if parsed_args.all:
            folders = list(dib_elements.search_path(folders[:-1]))
        rows = [
            (
                element.name,
                element.summary,
                base.Words(element.provides),
                base.Words(element.deps),
                str(element.path.parent),
            )
            for element in elements.find(folders)
        ]
        return ('name', 'summary', 'provides', 'deps', 'folder'), rows
