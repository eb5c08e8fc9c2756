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
from collections.abc import Iterable, Sequence
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
        parser.add_argument(
            '--target',
            action='append',
            default=[],
            metavar='NAME',
            help='also look into the cloud of this target, or of this name '
            'in clouds.yaml, for what dead runs left; may be repeated; '
            'without it, into those of all configured targets',
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
        from image_pipeline.engine import bake, leftovers

        chosen = self._targets(parsed_args.target)
        bakery = bake.Bakery(self.settings)
        reaped, collected = bakery.reap(dry_run=parsed_args.dry_run)
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
        for left in leftovers.clouds(
            chosen,
            settings=self.settings,
            store=bakery.store,
            dry_run=parsed_args.dry_run,
        ):
            self._failed = self._failed or bool(left.problem)
            rows.append(
                (
                    f'target {left.target}',
                    left.what + (left.problem and f': {left.problem}'),
                    'left' if left.problem else f'{would}removed',
                    None,
                )
            )
        rows.extend(
            (one.what, one.name, f'{would}collected', one.size)
            for one in collected
        )
        return ('what', 'name', 'state', 'bytes'), rows

    def _targets(self, names: Sequence[str]) -> list[Any]:
        """Return the targets to look into, before anything is done."""
        from image_pipeline.cli import image_targets

        if names:
            return [image_targets.find(self.settings, name) for name in names]
        # Not every cloud that this user could name.
        targets = self.settings.targets
        return list(getattr(targets, 'site', targets).values())
