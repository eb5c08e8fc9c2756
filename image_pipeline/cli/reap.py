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

"""``reap``: take away what killed runs left, and what is not kept."""

import argparse
from collections.abc import Iterable
from typing import Any

from image_pipeline.cli import base


class Reap(base.Lister):
    """Undo what killed runs left, and collect what is no longer needed."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Return the parser of this command.

        :param prog_name: what the command was called.
        """
        parser = super().get_parser(prog_name)
        parser.add_argument(
            '--dry-run',
            action='store_true',
            help='only say what would be done',
        )
        return parser

    def run(self, parsed_args: argparse.Namespace) -> int:
        """Do it, print it, and return the exit status.

        :param parsed_args: the arguments.
        """
        self._failed = False
        super().run(parsed_args)
        return 1 if self._failed else 0

    def take_action(
        self, parsed_args: argparse.Namespace
    ) -> tuple[tuple[str, ...], Iterable[tuple[Any, ...]]]:
        """Return columns and rows.

        :param parsed_args: the arguments.
        """
        from image_pipeline.engine import bake

        reaped, collected = bake.Bakery(self.settings).reap(
            dry_run=parsed_args.dry_run
        )
        would = 'would be ' if parsed_args.dry_run else ''
        rows: list[tuple[Any, ...]] = []
        for run in reaped:
            rows.extend(
                (f'run {run.run}', line, f'{would}undone', None)
                for line in run.undone.done
            )
            rows.extend(
                (f'run {run.run}', line, 'left', None)
                for line in run.undone.failed
            )
            self._failed = self._failed or bool(run.undone.failed)
        rows.extend(
            (one.what, one.name, f'{would}collected', one.size)
            for one in collected
        )
        return ('what', 'name', 'state', 'bytes'), rows
