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

"""``bake``: a recipe becomes an image."""

import argparse
import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

from image_pipeline import exceptions
from image_pipeline.cli import base, report

if TYPE_CHECKING:
    from image_pipeline.engine import bake as engine_bake
    from image_pipeline.engine import result
    from image_pipeline.host import cancellation
    from image_pipeline.recipe import plan as recipe_plan


class Bake(base.Command):
    """Bake recipes: build, audit, register, smoke-test and promote."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Return the parser of this command.

        :param prog_name: what the command was called.
        """
        parser = super().get_parser(prog_name)
        base.add_recipe_arguments(parser, nargs='*')
        parser.add_argument(
            '--all',
            action='store_true',
            dest='every',
            help='bake every recipe in the recipe path, one after the other',
        )
        base.add_plan_arguments(parser)
        parser.add_argument(
            '--force',
            action='store_true',
            help='run every stage, even if nothing has changed',
        )
        parser.add_argument(
            '--fast',
            action='store_true',
            help='compress faster, into a larger file; short for '
            '--set convert.fast=true',
        )
        parser.add_argument(
            '--keep-on-failure',
            action='store_true',
            help='leave what a failed stage made for a look; `reap` takes it '
            'away',
        )
        parser.add_argument(
            '--wait',
            action='store_true',
            help='wait while the recipe is being baked, instead of refusing',
        )
        report.add_form_argument(parser)
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> int:
        """Bake, print, and return the exit status.

        :param parsed_args: the arguments.
        """
        from image_pipeline.engine import bake
        from image_pipeline.host import cancellation

        if parsed_args.fast:
            parsed_args.sets.append('convert.fast=true')
        options = bake.Options(
            force=parsed_args.force,
            keep_on_failure=parsed_args.keep_on_failure,
            wait=parsed_args.wait,
        )
        plans = self._plans(parsed_args)
        cancelled = cancellation.CancellationToken()
        status = 0
        done: list[result.RunResult] = []
        with stoppable(self, cancelled):
            for plan in plans:
                try:
                    one = self._bake(plan, options, cancelled)
                except exceptions.Interrupted:
                    raise
                except exceptions.PipelineError as exc:
                    # The others do not suffer for it.
                    if len(plans) == 1:
                        raise
                    for line in base.explain(exc):
                        self.app.stderr.write(f'{line}\n')
                    status = status or exc.exit_status
                    continue
                done.append(one)
                report.failures(one, self.app.stderr)
                status = status or one.exit_status
                if cancelled.cancelled:
                    status = exceptions.Interrupted.exit_status
                    break
        report.results(
            done,
            form=parsed_args.form,
            single=len(plans) == 1 and not parsed_args.every,
            out=self.app.stdout,
            program=base.program(self),
        )
        return status

    def _bake(
        self,
        plan: 'recipe_plan.Plan',
        options: 'engine_bake.Options',
        cancelled: 'cancellation.CancellationToken',
    ) -> 'result.RunResult':
        from image_pipeline.cli import progress
        from image_pipeline.engine import bake

        with progress.shown(self.app.stderr, quiet=quiet(self)) as listener:
            bakery = bake.Bakery(
                self.settings, listeners=[listener], cancelled=cancelled
            )
            return bakery.bake(plan, options)

    def _plans(
        self, parsed_args: argparse.Namespace
    ) -> list['recipe_plan.Plan']:
        """Plan every recipe before the first one runs."""
        from image_pipeline.recipe import loader

        if bool(parsed_args.recipe) == parsed_args.every:
            raise exceptions.InvalidInput(
                'give recipes or --all, not both'
                if parsed_args.every
                else 'give one or more recipes, or --all',
                hint='see `image-pipeline recipe list`',
            )
        names = parsed_args.recipe or [
            str(path)
            for path in loader.names(self.settings.recipe_path).values()
        ]
        plans = []
        wrong = []
        for name in dict.fromkeys(names):
            try:
                plans.append(
                    base.make_plan(
                        self.settings, name, parsed_args, check_host=False
                    )
                )
            except exceptions.InvalidInput as exc:
                wrong.append(exc)
        if len(wrong) == 1:
            raise wrong[0]
        if wrong:
            raise exceptions.RecipeInvalid(
                f'{len(wrong)} recipes cannot be baked',
                problems=[one for exc in wrong for one in _problems(exc)],
            )
        return plans


def stoppable(
    command: base.Command, cancelled: 'cancellation.CancellationToken'
) -> 'contextlib.AbstractContextManager[None]':
    """Have signals stop and undo what is under way.

    :param command: tells a person, should there be more signals.
    :param cancelled: what a signal cancels.
    """
    from image_pipeline.host import cancellation

    def again(name: str) -> None:
        command.app.stderr.write(
            f'{name}: already stopping; what was made is being undone\n'
        )

    return cancellation.cancel_on_signals(cancelled, on_repeat=again)


def quiet(command: base.Command) -> bool:
    """Whether the user wants errors only.

    :param command: the command.
    """
    return bool(command.app.options.quiet)


def _problems(
    exc: exceptions.InvalidInput,
) -> Iterator[exceptions.Problem]:
    if not exc.problems:
        yield exceptions.Problem(message=exc.message, hint=exc.hint)
    yield from exc.problems
