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

"""The third pass over a recipe: it becomes the steps that will run.

A plan is the recipe times its image formats and its targets, expanded before
anything runs; every input is bound to the one step that makes it.
"""

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from image_pipeline import exceptions
from image_pipeline.conf import settings as conf_settings
from image_pipeline.documents import nodes
from image_pipeline.recipe import (
    checks,
    expansion,
    loader,
    model,
    needs,
)
from image_pipeline.stages import base, registry

#: One stage, for one image format or one target.
Step = expansion.Step


@dataclasses.dataclass(frozen=True, kw_only=True)
class Plan:
    """A recipe after defaults, loading and every check; ready to run.

    :param recipe: the recipe.
    :param steps: each after the steps that make its inputs.
    :param targets: with what the recipe says for them.
    :param until: the stage that it ends with, if not the recipe's last.
    :param warnings: what is odd, but not wrong.
    """

    recipe: model.Recipe
    steps: tuple[Step, ...]
    targets: tuple[conf_settings.Target, ...]
    until: str | None = None
    warnings: tuple[exceptions.Problem, ...] = ()

    def step(self, key: str) -> Step:
        """Return a step.

        :param key: its key.
        :raises KeyError: there is none of that key.
        """
        for step in self.steps:
            if step.key == key:
                return step
        raise KeyError(key)

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values, of which :func:`remake` makes it anew."""
        return {
            'recipe': {
                'name': self.recipe.name,
                'file': str(self.recipe.file),
                'sets': list(self.recipe.sets),
                'layers': [
                    dataclasses.asdict(layer) for layer in self.recipe.layers
                ],
            },
            'targets': [target.name for target in self.targets],
            'until': self.until,
            'steps': [step.to_json() for step in self.steps],
        }


def make(
    recipe: model.Recipe,
    *,
    settings: conf_settings.Settings,
    targets: Sequence[str] = (conf_settings.LOCAL,),
    until: str | None = None,
    which: Callable[[str], Path | None] | None = None,
    is_root: bool | None = None,
    check_host: bool = True,
    host: needs.HostFacts | None = None,
) -> Plan:
    """Return the plan of a recipe.

    :param recipe: the recipe.
    :param settings: the site's settings.
    :param targets: names of targets.
    :param until: the last stage to run; None means all.
    :param which: where a program is; None means on this host.
    :param is_root: whether we run as root; None asks the system.
    :param check_host: whether what the host lacks is a problem by itself.
        It is told in any case if there is another problem.
    :param host: facts of the host; None means this host.
    :raises RecipeInvalid: only options or stages of the recipe are wrong.
    :raises PlanInvalid: with every problem.
    """
    host = host or needs.host_facts(which, is_root)
    checked, wrong = checks.check(recipe)
    chosen, problems = _targets(recipe, settings, targets)
    checked = _until(checked, until, problems)
    maker = expansion.Expansion(recipe, settings, host, chosen)
    maker.expand(checked)
    problems += maker.problems
    if check_host or problems or wrong:
        problems += needs.check(maker.steps, settings=settings, host=host)
    if problems or wrong:
        raise _invalid(recipe, wrong, problems)
    return Plan(
        recipe=recipe,
        steps=tuple(maker.steps),
        targets=tuple(chosen),
        until=until,
        warnings=tuple(_warnings(recipe, settings)),
    )


def remake(
    value: Mapping[str, Any], *, settings: conf_settings.Settings
) -> Plan:
    """Return the plan that :meth:`Plan.to_json` described.

    The recipe's text is taken from there; its files may have changed.

    :param value: what that returned.
    :param settings: the site's settings, as they are now.
    :raises InvalidInput: the recipe does not fit this site any more.
    """
    recipe = loader.reload(
        Path(value['recipe']['file']),
        [model.Layer(**layer) for layer in value['recipe']['layers']],
        value['recipe']['sets'],
    )
    return make(
        recipe,
        settings=settings,
        targets=value['targets'],
        until=value['until'],
        check_host=False,
    )


def make_stage(name: str, options: Mapping[str, Any]) -> base.Stage[Any]:
    """Return a stage with its options; see :func:`registry.make`.

    :param name: the stage.
    :param options: JSON values.
    """
    return registry.make(name, options)


def target_for(
    target: conf_settings.Target, recipe: model.Recipe
) -> conf_settings.Target:
    """Return a target with what a recipe says for it.

    :param target: the site's settings.
    :param recipe: its ``targets`` block may override them.
    """
    changes: dict[str, Any] = {}
    for key, value in recipe.targets.get(target.name, {}).items():
        if key == 'name':
            changes['image_name'] = value
        elif key == 'properties':
            merged = dict(target.properties) | loader.properties(value)
            changes[key] = merged
        else:
            changes[key] = tuple(value) if isinstance(value, list) else value
    return dataclasses.replace(target, **changes)


def _targets(
    recipe: model.Recipe,
    settings: conf_settings.Settings,
    names: Sequence[str],
) -> tuple[list[conf_settings.Target], list[exceptions.Problem]]:
    chosen: dict[str, conf_settings.Target] = {}
    problems = []
    for name in names:
        if name in settings.targets:
            chosen[name] = target_for(settings.targets[name], recipe)
            continue
        known = sorted(settings.targets)
        problems.append(
            exceptions.Problem(
                file=f'--target {name}',
                message=f'there is no target "{name}"',
                hint=exceptions.did_you_mean(name, known)
                or f'targets are {", ".join(known)}',
            )
        )
    return list(chosen.values()), problems


def _until(
    checked: list[checks.Checked],
    until: str | None,
    problems: list[exceptions.Problem],
) -> list[checks.Checked]:
    if until is None:
        return checked
    names = [one.entry.name for one in checked]
    if until in names:
        return checked[: names.index(until) + 1]
    problems.append(
        exceptions.Problem(
            file=f'--until {until}',
            message=f'the recipe has no stage "{until}"',
            hint=exceptions.did_you_mean(until, names)
            or f'its stages are {", ".join(names)}',
        )
    )
    return checked


def _warnings(
    recipe: model.Recipe, settings: conf_settings.Settings
) -> Iterable[exceptions.Problem]:
    """Tell of targets that this site does not know, but others may."""
    block = recipe.targets_node
    for name in recipe.targets:
        if name not in settings.targets and block is not None:
            yield (block.child(name) or block).problem(
                f'this site has no target "{name}"',
                path=['targets', name],
                hint=exceptions.did_you_mean(name, settings.targets),
                at_key=True,
            )


def _invalid(
    recipe: model.Recipe,
    wrong: Sequence[exceptions.Problem],
    problems: Sequence[exceptions.Problem],
) -> exceptions.InvalidInput:
    every = nodes.in_order([*wrong, *problems])
    many = f'{len(every)} problem{"s" if len(every) > 1 else ""}'
    if wrong and not problems:
        return exceptions.RecipeInvalid(
            f'{recipe.file} has {many}', problems=every
        )
    return exceptions.PlanInvalid(
        f'{recipe.file} cannot be planned: {many}', problems=every
    )
