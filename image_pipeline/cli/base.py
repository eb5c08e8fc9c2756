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

"""What the commands have in common.

Modules of commands are all imported by ``--help``: what takes long to import
is imported inside ``take_action``.
"""

import argparse
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from cliff import columns, command, lister, show

from image_pipeline import exceptions

if TYPE_CHECKING:
    from image_pipeline.cli import main
    from image_pipeline.conf import settings as conf_settings
    from image_pipeline.recipe import model
    from image_pipeline.recipe import plan as recipe_plan

#: The environment variable that stands in for ``--state-dir``.
STATE_DIR_VARIABLE = 'IMAGE_PIPELINE_STATE_DIR'
#: What ``--help`` of a command that takes a recipe ends with.
RECIPE_HELP = 'a file, or the name of a recipe in the recipe path'


#: What a file or a program says must not reach the terminal as a command.
_VISIBLE = {
    number: f'\\x{number:02x}'
    for number in (*range(32), *range(127, 160))
    if chr(number) not in '\n\t'
}


class Command(command.Command):
    """A command that prints for itself and returns its exit status."""

    @property
    def settings(self) -> 'conf_settings.Settings':
        """The site's settings."""
        return cast('main.App', self.app).settings

    def get_epilog(self) -> str:
        """Return what stands below the options."""
        # Cliff's own looks through every installed distribution.
        return self._epilog or ''


class Lister(Command, lister.Lister):
    """A command that prints a table; ``-f`` chooses its form."""

    @property
    def need_sort_by_cliff(self) -> bool:
        """Whether cliff sorts: no, the rows come in an order."""
        return False

    def _generate_columns_and_selector(
        self, parsed_args: argparse.Namespace, column_names: Sequence[str]
    ) -> tuple[list[str], list[bool] | None]:
        return _columns(self, parsed_args, column_names)


class ShowOne(Command, show.ShowOne):
    """A command that prints one thing; ``-f`` chooses its form."""

    def _generate_columns_and_selector(
        self, parsed_args: argparse.Namespace, column_names: Sequence[str]
    ) -> tuple[list[str], list[bool] | None]:
        return _columns(self, parsed_args, column_names)


def _columns(
    shown: Any, parsed_args: argparse.Namespace, column_names: Sequence[str]
) -> tuple[list[str], list[bool] | None]:
    """Return the columns that were asked for; an unknown one is an error."""
    wanted = [shown._normalize_column_name(c) for c in parsed_args.columns]
    known = [shown._normalize_column_name(c) for c in column_names]
    for name in wanted:
        if name not in known:
            raise exceptions.InvalidInput(
                f'there is no column "{name}"',
                hint=exceptions.did_you_mean(name, known)
                or f'columns are {", ".join(known)}',
            )
    if not wanted:
        return list(column_names), None
    chosen = [name in wanted for name in known]
    names = [c for c, yes in zip(column_names, chosen, strict=True) if yes]
    return names, chosen


class Words(columns.FormattableColumn[Sequence[str]]):
    """A list of words: separated by commas for a person."""

    def human_readable(self) -> str:
        """Return it for a person."""
        return ', '.join(str(one) for one in self._value)

    def machine_readable(self) -> list[str]:
        """Return it for a program."""
        return list(self._value)


class Lines(columns.FormattableColumn[Sequence[Any]]):
    """A list of things: a line each for a person."""

    def human_readable(self) -> str:
        """Return it for a person."""
        return '\n'.join(str(one) for one in self._value)

    def machine_readable(self) -> list[Any]:
        """Return it for a program."""
        return list(self._value)


class Pairs(columns.FormattableColumn[Mapping[str, Any]]):
    """Names and values: a line each for a person."""

    def human_readable(self) -> str:
        """Return it for a person."""
        return '\n'.join(f'{key}={one}' for key, one in self._value.items())

    def machine_readable(self) -> dict[str, Any]:
        """Return it for a program."""
        return dict(self._value)


def add_recipe_arguments(
    parser: argparse.ArgumentParser, *, nargs: str | None = None
) -> None:
    """Add RECIPE and ``--set`` to a command.

    :param parser: the command's.
    :param nargs: how many recipes; as argparse takes it, None for one.
    """
    parser.add_argument(
        'recipe', metavar='RECIPE', nargs=nargs, help=RECIPE_HELP
    )
    parser.add_argument(
        '--set',
        metavar='PATH=VALUE',
        action='append',
        default=[],
        dest='sets',
        help='change a value of the recipe, such as '
        'compose.environment.DIB_RELEASE=trixie or '
        'convert.formats=[qcow2,raw]; the value is YAML, null takes it away',
    )


def add_plan_arguments(parser: argparse.ArgumentParser) -> None:
    """Add ``--target`` and ``--until`` to a command.

    :param parser: the command's.
    """
    add_target_argument(parser)
    parser.add_argument('--until', metavar='STAGE', help='end with this stage')


def add_target_argument(parser: argparse.ArgumentParser) -> None:
    """Add a ``--target`` that may be given several times.

    :param parser: the command's.
    """
    parser.add_argument(
        '--target',
        metavar='TARGET',
        action='append',
        default=[],
        dest='targets',
        help='where the image goes; may be given several times (default: '
        'local)',
    )


def load_recipe(
    settings: 'conf_settings.Settings', name: str, sets: Sequence[str] = ()
) -> 'model.Recipe':
    """Return a recipe.

    :param settings: the site's settings.
    :param name: a file, or a name in the recipe path.
    :param sets: ``PATH=VALUE`` arguments.
    :raises InvalidInput: there is none, or it is not valid.
    """
    from image_pipeline.recipe import loader

    return loader.load(name, recipe_path=settings.recipe_path, sets=sets)


def make_plan(
    settings: 'conf_settings.Settings',
    name: str,
    parsed_args: argparse.Namespace,
    *,
    check_host: bool = True,
) -> 'recipe_plan.Plan':
    """Return the plan of a recipe, and log its warnings.

    :param settings: the site's settings.
    :param name: a file, or a name in the recipe path.
    :param parsed_args: with what :func:`add_recipe_arguments` and
        :func:`add_plan_arguments` added.
    :param check_host: see :func:`image_pipeline.recipe.plan.make`.
    :raises InvalidInput: with every problem.
    """
    import logging

    from image_pipeline.conf import settings as conf_settings
    from image_pipeline.recipe import plan as recipe_plan

    recipe = load_recipe(settings, name, parsed_args.sets)
    made = recipe_plan.make(
        recipe,
        settings=settings,
        targets=parsed_args.targets or [conf_settings.LOCAL],
        until=getattr(parsed_args, 'until', None),
        check_host=check_host,
    )
    for warning in made.warnings:
        logging.getLogger(__name__).warning('%s', warning)
    return made


def program(command: Command) -> str:
    """Return how to call the program again, with the same site.

    :param command: the command that was called.
    """
    import shlex

    options = command.app.options
    words = [command.app.NAME]
    for name in options.config_files:
        words += ['--config-file', str(Path(name).absolute())]
    if options.state_dir and options.state_dir != os.environ.get(
        STATE_DIR_VARIABLE
    ):
        words += ['--state-dir', str(Path(options.state_dir).absolute())]
    return shlex.join(words)


def problem_json(problem: exceptions.Problem) -> dict[str, Any]:
    """Return a problem as JSON values.

    :param problem: the problem.
    """
    return {
        'file': problem.file,
        'line': problem.line,
        'column': problem.column,
        'path': problem.path,
        'message': problem.message,
        'hint': problem.hint,
    }


def explain(error: exceptions.PipelineError) -> Iterable[str]:
    """Return the lines that tell a person of an error.

    :param error: the error.
    """
    lines = [f'error: {error.message}']
    lines += [f'  {problem}' for problem in getattr(error, 'problems', ())]
    tail = tuple(getattr(error, 'tail', ()))[-10:]
    lines += [f'  | {line}' for line in tail]
    if log := getattr(error, 'log', None):
        lines.append(f'log: {log}')
    if error.hint:
        lines.append(f'hint: {error.hint}')
    return [visible(line) for line in lines]


def visible(text: str) -> str:
    """Return text that does to a terminal nothing but be shown.

    :param text: what a file, an image or a program said; what UTF-8 cannot
        hold, of a name for instance, is written out.
    """
    return (
        text.translate(_VISIBLE).encode('utf-8', 'backslashreplace').decode()
    )


def new_file(name: str) -> Path:
    """Return the path of a file that is to be written.

    :param name: what the user gave.
    :raises InvalidInput: it is there already, or its folder is not.
    """
    path = Path(name).absolute()
    if path.exists():
        raise exceptions.InvalidInput(
            f'{path} is there already', hint='remove it, or give another name'
        )
    if not path.parent.is_dir():
        raise exceptions.InvalidInput(f'there is no folder {path.parent}')
    return path
