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

"""``run``: look at runs, and go on with one that did not end well."""

import argparse
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from cliff import columns

from image_pipeline import exceptions
from image_pipeline.cli import base, report

if TYPE_CHECKING:
    from image_pipeline.store import runs as store_runs

_RUN_HELP = 'the run id, its beginning or its end, or "latest"'


class RunList(base.Lister):
    """List the runs, the newest first."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Return the parser of this command.

        :param prog_name: what the command was called.
        """
        parser = super().get_parser(prog_name)
        parser.add_argument(
            '--recipe', metavar='NAME', help='only those of this recipe'
        )
        return parser

    def take_action(
        self, parsed_args: argparse.Namespace
    ) -> tuple[tuple[str, ...], Iterable[tuple[Any, ...]]]:
        """Return columns and rows.

        :param parsed_args: the arguments.
        """
        rows = []
        for run in _store(self).list_runs():
            value = run.manifest
            if parsed_args.recipe in {None, value.get('recipe')}:
                rows.append(
                    (
                        run.id,
                        value.get('recipe'),
                        _state(run, value),
                        value.get('started'),
                        _seconds(value),
                        base.Words(
                            [one['name'] for one in value.get('images', ())]
                        ),
                    )
                )
        return ('run', 'recipe', 'state', 'started', 'seconds', 'images'), rows


class RunShow(base.ShowOne):
    """Show what a run did, of what and why."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Return the parser of this command.

        :param prog_name: what the command was called.
        """
        parser = super().get_parser(prog_name)
        parser.add_argument('run', metavar='ID', help=_RUN_HELP)
        return parser

    def take_action(
        self, parsed_args: argparse.Namespace
    ) -> tuple[tuple[str, ...], tuple[Any, ...]]:
        """Return names and values.

        :param parsed_args: the arguments.
        """
        from image_pipeline.engine import result

        run = _store(self).get(parsed_args.run)
        value = run.manifest
        plan = value.get('plan', {})
        order = [step['key'] for step in plan.get('steps', ())]
        steps = value.get('steps', {})
        shown = {
            'run': run.id,
            'recipe': value.get('recipe'),
            'file': plan.get('recipe', {}).get('file'),
            'sets': base.Words(plan.get('recipe', {}).get('sets', ())),
            'targets': base.Words(plan.get('targets', ())),
            'state': _state(run, value),
            'started': value.get('started'),
            'finished': value.get('finished'),
            'seconds': _seconds(value),
            'attempts': value.get('attempts'),
            'stages': Stages([steps[key] for key in order if key in steps]),
            'images': Images(value.get('images', ())),
            'disagreements': Disagreements(
                [
                    *result.disagreements(
                        made
                        for step in steps.values()
                        for made in step.get('artifacts', ())
                    )
                ]
            ),
            'undone': base.Lines(value.get('undone', ())),
            'versions': base.Pairs(value.get('versions', {})),
            'folder': str(run.folder),
        }
        return tuple(shown), tuple(shown.values())


class RunLog(base.Command):
    """Print the log of a run, or of one of its stages."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Return the parser of this command.

        :param prog_name: what the command was called.
        """
        parser = super().get_parser(prog_name)
        parser.add_argument('run', metavar='ID', help=_RUN_HELP)
        parser.add_argument(
            'step',
            metavar='STEP',
            nargs='?',
            help='a stage, such as convert or convert.qcow2 (default: all)',
        )
        parser.add_argument(
            '--follow',
            action='store_true',
            help='go on printing until the run is over',
        )
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> int:
        """Print it.

        :param parsed_args: the arguments.
        """
        from image_pipeline.store import runs

        run = _store(self).get(parsed_args.run)
        keys = self._keys(run, parsed_args.step)
        last = None
        for key, line in runs.lines(run, keys, follow=parsed_args.follow):
            if len(keys) > 1 and key != last:
                self.app.stdout.write(f'==> {key} <==\n')
                last = key
            self.app.stdout.write(f'{line}\n')
            if parsed_args.follow:
                self.app.stdout.flush()
        return 0

    def _keys(self, run: 'store_runs.Run', step: str | None) -> list[str]:
        plan = run.manifest.get('plan', {})
        known = {one['key']: one['stage'] for one in plan.get('steps', ())}
        if step is None:
            return [*known, 'run']
        found = [key for key, stage in known.items() if step in {key, stage}]
        if not found and step != 'run':
            raise exceptions.NotFound(
                f'run {run.id} has no stage "{step}"',
                hint=exceptions.did_you_mean(step, known)
                or f'its stages are {", ".join(known)}',
            )
        return found or ['run']


class RunResume(base.Command):
    """Go on with a run that failed, was interrupted or was killed."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Return the parser of this command.

        :param prog_name: what the command was called.
        """
        parser = super().get_parser(prog_name)
        parser.add_argument('run', metavar='ID', help=_RUN_HELP)
        parser.add_argument(
            '--wait',
            action='store_true',
            help='wait while the recipe is being baked, instead of refusing',
        )
        report.add_form_argument(parser)
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> int:
        """Go on, print, and return the exit status.

        :param parsed_args: the arguments.
        """
        from image_pipeline.cli import bake, progress
        from image_pipeline.engine import bake as engine_bake
        from image_pipeline.host import cancellation

        cancelled = cancellation.CancellationToken()
        with (
            bake.stoppable(self, cancelled),
            progress.shown(
                self.app.stderr, quiet=bake.quiet(self)
            ) as listener,
        ):
            bakery = engine_bake.Bakery(
                self.settings, listeners=[listener], cancelled=cancelled
            )
            done = bakery.resume(parsed_args.run, wait=parsed_args.wait)
        report.failures(done, self.app.stderr)
        report.results(
            [done],
            form=parsed_args.form,
            single=True,
            out=self.app.stdout,
            program=base.program(self),
        )
        return done.exit_status


class Stages(columns.FormattableColumn[list[Mapping[str, Any]]]):
    """The stages of a run: a line each for a person."""

    def human_readable(self) -> str:
        """Return it for a person."""
        rows = [
            (
                str(step.get('step', '')),
                str(step.get('state', '')),
                f'{step.get("seconds") or 0:.1f} s',
                str(step.get('reason', '')),
            )
            for step in self._value
        ]
        return '\n'.join(report.table(('', '', '', ''), rows)[1:])

    def machine_readable(self) -> list[Mapping[str, Any]]:
        """Return it for a program."""
        return list(self._value)


class Images(columns.FormattableColumn[list[Mapping[str, Any]]]):
    """The images of a run: a line each for a person."""

    def human_readable(self) -> str:
        """Return it for a person."""
        return '\n'.join(
            f'{one["name"]} ({one["target"]}, {one["state"]}, {one["id"]})'
            for one in self._value
        )

    def machine_readable(self) -> list[Mapping[str, Any]]:
        """Return it for a program."""
        return list(self._value)


class Disagreements(columns.FormattableColumn[list[Mapping[str, Any]]]):
    """Where a smoke test and the audit disagree: a line each for a person."""

    def human_readable(self) -> str:
        """Return it for a person."""
        from image_pipeline.probes import disagreement

        lines = [disagreement.line(one) for one in self._value]
        return '\n'.join([*lines, disagreement.HINT] if lines else [])

    def machine_readable(self) -> list[Mapping[str, Any]]:
        """Return it for a program."""
        return list(self._value)


def _store(command: base.Command) -> 'store_runs.Runs':
    from image_pipeline.store import runs

    return runs.Runs(command.settings.state_dir / 'runs')


def _state(run: 'store_runs.Run', value: Mapping[str, Any]) -> str | None:
    """Return a run's state; one that was killed did not get to say so."""
    state = value.get('state')
    return 'interrupted' if state == 'running' and not run.alive() else state


def _seconds(value: Mapping[str, Any]) -> float | None:
    """Return how long a run took; None while that is not known."""
    return None if value.get('state') == 'running' else value.get('seconds')
