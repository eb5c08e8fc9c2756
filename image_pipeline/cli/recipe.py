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

"""``recipe list``, ``recipe show``, ``recipe validate``."""

import argparse
from collections.abc import Iterable
from typing import Any

from image_pipeline import exceptions
from image_pipeline.cli import base


class RecipeList(base.Lister):
    """List the recipes in the recipe path."""

    def take_action(
        self, parsed_args: argparse.Namespace
    ) -> tuple[tuple[str, ...], Iterable[tuple[Any, ...]]]:
        """Return columns and rows.

        :param parsed_args: the arguments.
        """
        from image_pipeline.recipe import loader

        rows: list[tuple[Any, ...]] = []
        for name, file in loader.names(self.settings.recipe_path).items():
            try:
                recipe = base.load_recipe(self.settings, str(file))
            except exceptions.InvalidInput as exc:
                rows.append((name, None, f'not valid: {exc}', str(file)))
                continue
            rows.append(
                (name, recipe.image_name, recipe.description, str(file))
            )
        return ('name', 'image', 'description', 'file'), rows


class RecipeShow(base.ShowOne):
    """Show a recipe, merged with what it extends and what is set.

    Its default form is YAML, which is a recipe again.
    """

    @property
    def formatter_default(self) -> str:
        """The form in which it is shown."""
        return 'yaml'

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Return the parser of this command.

        :param prog_name: what the command was called.
        """
        parser = super().get_parser(prog_name)
        base.add_recipe_arguments(parser)
        return parser

    def take_action(
        self, parsed_args: argparse.Namespace
    ) -> tuple[tuple[str, ...], tuple[Any, ...]]:
        """Return names and values.

        :param parsed_args: the arguments.
        """
        recipe = base.load_recipe(
            self.settings, parsed_args.recipe, parsed_args.sets
        )
        return self.dict2columns(recipe.to_json())


class RecipeValidate(base.Lister):
    """Check recipes: their text, their stages' options, their plan.

    What this host lacks to run them is not asked: see `plan`.
    """

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Return the parser of this command.

        :param prog_name: what the command was called.
        """
        parser = super().get_parser(prog_name)
        base.add_recipe_arguments(parser, nargs='+')
        base.add_target_argument(parser)
        return parser

    def run(self, parsed_args: argparse.Namespace) -> int:
        """Print the table and return the exit status.

        :param parsed_args: the arguments.
        """
        self._problems: list[exceptions.Problem] = []
        self._invalid = 0
        super().run(parsed_args)
        if self._invalid:
            raise exceptions.RecipeInvalid(
                f'{self._invalid} of {len(parsed_args.recipe)} recipes '
                f'{"is" if self._invalid == 1 else "are"} not valid',
                problems=self._problems,
            )
        return 0

    def take_action(
        self, parsed_args: argparse.Namespace
    ) -> tuple[tuple[str, ...], Iterable[tuple[Any, ...]]]:
        """Return columns and rows.

        :param parsed_args: the arguments.
        """
        rows = []
        for name in parsed_args.recipe:
            problems = self._check(name, parsed_args)
            self._invalid += bool(problems)
            self._problems.extend(problems)
            rows.append(
                (
                    name,
                    not problems,
                    _Problems([base.problem_json(one) for one in problems]),
                )
            )
        return ('recipe', 'valid', 'problems'), rows

    def _check(
        self, name: str, parsed_args: argparse.Namespace
    ) -> list[exceptions.Problem]:
        try:
            base.make_plan(self.settings, name, parsed_args, check_host=False)
        except exceptions.InvalidInput as exc:
            return list(exc.problems) or [
                exceptions.Problem(message=exc.message, hint=exc.hint)
            ]
        return []


class _Problems(base.Lines):
    """Problems: how many there are, for a person; they are told below."""

    def human_readable(self) -> str:
        return str(len(self._value))
