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

"""The second pass over a recipe: each stage's options against its schema."""

import dataclasses
from collections.abc import Iterable
from typing import Any

from image_pipeline import exceptions
from image_pipeline.documents import findings, nodes
from image_pipeline.recipe import model
from image_pipeline.stages import base, registry


@dataclasses.dataclass(frozen=True)
class Checked:
    """A recipe's entry with the stage that was made of it.

    :param number: which entry it is, from 0.
    :param entry: the entry.
    :param stage: None if the options do not make one.
    :param kind: None if there is no such stage.
    """

    number: int
    entry: model.StageEntry
    stage: base.Stage[Any] | None
    kind: type[base.Stage[Any]] | None

    @property
    def path(self) -> list[str | int]:
        """The path under which a problem of this entry is told."""
        return ['stages', self.number, self.entry.name]

    def problem(
        self, message: str, *, hint: str | None = None
    ) -> exceptions.Problem:
        """Return a problem that stands where the stage is named.

        :param message: what is wrong.
        :param hint: what to do next.
        """
        named = nodes.Node(None, self.entry.mark)
        return named.problem(message, path=self.path, hint=hint)


def check(
    recipe: model.Recipe,
) -> tuple[list[Checked], list[exceptions.Problem]]:
    """Return a recipe's stages, and what is wrong with their options.

    :param recipe: the recipe.
    """
    checked: list[Checked] = []
    problems: list[exceptions.Problem] = []
    for number, entry in enumerate(recipe.stages):
        one, found = _check(number, entry)
        checked.append(one)
        problems.extend(found)
    return checked, problems


def _check(
    number: int, entry: model.StageEntry
) -> tuple[Checked, list[exceptions.Problem]]:
    unknown = Checked(number, entry, None, None)
    try:
        kind = registry.load(entry.name)
    except exceptions.PipelineError as exc:
        return unknown, [unknown.problem(exc.message, hint=exc.hint)]
    without = Checked(number, entry, None, kind)
    problems = findings.problems(kind.schema, entry.node, path=without.path)
    if problems:
        return without, problems
    try:
        stage = registry.make(entry.name, entry.options)
    except exceptions.PipelineError as exc:
        return without, [without.problem(exc.message, hint=exc.hint)]
    return Checked(number, entry, stage, kind), []


def rebase(
    checked: Checked, found: Iterable[exceptions.Problem]
) -> list[exceptions.Problem]:
    """Return a stage's own problems with the user's lines.

    :param checked: the stage.
    :param found: paths are relative to the options.
    """
    problems = []
    for problem in found:
        inside, _ = nodes.read_path(problem.path or '')
        # An option that is left to its default stands where the stage does.
        node = checked.entry.node.at(inside)
        mark = node.mark if inside else checked.entry.mark
        rebased = dataclasses.replace(
            problem, path=nodes.write_path([*checked.path, *inside])
        )
        if problem.file is None:
            rebased = dataclasses.replace(
                rebased, file=mark.file, line=mark.line, column=mark.column
            )
        problems.append(rebased)
    return problems
