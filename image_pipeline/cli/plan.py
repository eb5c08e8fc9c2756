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
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from cliff import columns

from image_pipeline import exceptions
from image_pipeline.cli import base

if TYPE_CHECKING:
    from image_pipeline.stages import base as stages_base


class Plan(base.Lister):
    """Show what `bake` would do, why, and what it needs; change nothing."""

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
        return parser

    def run(self, parsed_args: argparse.Namespace) -> int:
        """Print the table, and fail if this host lacks something.

        :param parsed_args: the arguments.
        """
        self._missing: list[exceptions.Problem] = []
        super().run(parsed_args)
        if self._missing:
            self.app.stdout.flush()
            count = len(self._missing)
            raise exceptions.PlanInvalid(
                f'{parsed_args.recipe} cannot run here: {count} '
                f'problem{"s" if count > 1 else ""}',
                problems=self._missing,
                hint='see `image-pipeline doctor`',
            )
        return 0

    def take_action(
        self, parsed_args: argparse.Namespace
    ) -> tuple[tuple[str, ...], Iterable[tuple[Any, ...]]]:
        """Return columns and rows.

        :param parsed_args: the arguments.
        """
        from image_pipeline.engine import decide
        from image_pipeline.recipe import needs
        from image_pipeline.store import store

        plan = base.make_plan(
            self.settings, parsed_args.recipe, parsed_args, check_host=False
        )
        decisions = decide.decide(
            plan,
            store.Store(self.settings.state_dir),
            force=parsed_args.force,
        )
        will_run = [one.step for one in decisions if not one.skip]
        self._missing = needs.check(will_run, settings=self.settings)
        rows = [
            (
                one.step.key,
                'skip' if one.skip else 'run',
                one.reason,
                Needs(needs_json(one.step.needs())),
            )
            for one in decisions
        ]
        return ('step', 'action', 'reason', 'needs'), rows


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
