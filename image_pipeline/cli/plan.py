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

"""``plan``: what a bake would do."""

import argparse
import collections
import logging
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from cliff import columns

from image_pipeline import exceptions
from image_pipeline.cli import base

if TYPE_CHECKING:
    from image_pipeline.engine import preflight
    from image_pipeline.stages import base as stages_base

LOG = logging.getLogger(__name__)


class Plan(base.Lister):
    """Show what `bake` would do, why, and what it needs; change nothing.

    Clouds are asked whether they would let it: rights, quota, flavor,
    network, stores.  Exit status: 2 if a bake would fail, 5 if a cloud does
    not answer.
    """

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Return the parser of this command.

        :param prog_name: what the command was called.
        """
        parser = super().get_parser(prog_name)
        base.add_recipe_arguments(parser)
        base.add_plan_arguments(parser)
        parser.add_argument(
            '--force',
            action='store_true',
            help='as if nothing had been done before',
        )
        parser.add_argument(
            '--offline',
            action='store_true',
            help='ask no cloud whether it would let a bake do its work',
        )
        return parser

    def run(self, parsed_args: argparse.Namespace) -> int:
        """Print the table, and fail if a bake would.

        :param parsed_args: the arguments.
        """
        self._missing: list[exceptions.Problem] = []
        self._found: list[preflight.Found] = []
        super().run(parsed_args)
        if self._missing or self._found:
            self.app.stdout.flush()
            self._tell(parsed_args)
        return 0

    def _tell(self, parsed_args: argparse.Namespace) -> None:
        """Say what is odd, and raise if a bake would fail."""
        from image_pipeline.engine import preflight

        for one in self._found:
            if not one.stops:
                LOG.warning('%s', preflight.problem(one))
        if any(one.stops for one in self._found):
            preflight.refuse(self._found, self._missing)
        if self._missing:
            count = len(self._missing)
            raise exceptions.PlanInvalid(
                f'{parsed_args.recipe} cannot run here: {count} '
                f'problem{"s" if count > 1 else ""}',
                problems=self._missing,
                hint='see `image-pipeline doctor`',
            )

    def take_action(
        self, parsed_args: argparse.Namespace
    ) -> tuple[tuple[str, ...], Iterable[tuple[Any, ...]]]:
        """Return columns and rows.

        :param parsed_args: the arguments.
        """
        from image_pipeline.engine import decide, preflight
        from image_pipeline.recipe import needs
        from image_pipeline.store import store as store_module

        plan = base.make_plan(
            self.settings, parsed_args.recipe, parsed_args, check_host=False
        )
        store = store_module.Store(self.settings.state_dir)
        decisions = decide.decide(plan, store, force=parsed_args.force)
        will_run = [one.step for one in decisions if not one.skip]
        self._missing = needs.check(will_run, settings=self.settings)
        if not parsed_args.offline:
            self._found = preflight.check(
                decisions,
                store=store,
                settings=self.settings,
                recipe=plan.recipe.name,
            )
        rows = [
            (
                one.step.key,
                'skip' if one.skip else 'run',
                one.reason,
                Needs(needs_json(one.step.needs())),
                Objections(
                    [
                        found.to_json()
                        for found in self._found
                        if one.step.key in found.steps
                    ]
                ),
            )
            for one in decisions
        ]
        return ('step', 'action', 'reason', 'needs', 'objections'), rows


class Needs(columns.FormattableColumn[Mapping[str, Any]]):
    """What a step needs of the host."""

    def human_readable(self) -> str:
        """Return it for a person."""
        words = ['root'] if self._value['root'] else []
        for name, version in self._value['executables'].items():
            words.append(f'{name} {version}' if version else name)
        for what in ('disk', 'memory'):
            if count := self._value[f'{what}_bytes']:
                words.append(f'{count / 2**30:.1f} GiB {what}')
        return ', '.join(words)


class Objections(columns.FormattableColumn[list[dict[str, Any]]]):
    """What a target says against a step."""

    def human_readable(self) -> str:
        """Return it for a person; what is wrong is told below the table."""
        counts = collections.Counter(one['severity'] for one in self._value)
        return ', '.join(
            f'{count} {severity}{"s" if count > 1 else ""}'
            for severity, count in counts.items()
        )

    def machine_readable(self) -> list[dict[str, Any]]:
        """Return it for a program."""
        return list(self._value)


def needs_json(needs: 'stages_base.HostNeeds') -> dict[str, Any]:
    """Return what a step needs as JSON values.

    :param needs: what its stage said.
    """
    return {
        'root': needs.root,
        'executables': dict(sorted(needs.executables.items())),
        'disk_bytes': needs.disk_bytes,
        'memory_bytes': needs.memory_bytes,
    }
