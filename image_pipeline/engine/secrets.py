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

"""The values that must not be shown: where they come from."""

import os
from collections.abc import Mapping

from image_pipeline import exceptions
from image_pipeline.host import process
from image_pipeline.recipe import plan as recipe_plan

#: A shorter value would occur by chance, and blot out what it is not.
_LEAST = 4


def read(
    plan: recipe_plan.Plan, environ: Mapping[str, str] | None = None
) -> dict[str, dict[str, str]]:
    """Return the secrets of each step, by the step's key and their name.

    :param plan: the plan.
    :param environ: the environment; None means ours.
    :raises PlanInvalid: naming every secret that is not there.
    """
    environ = os.environ if environ is None else environ
    found: dict[str, dict[str, str]] = {}
    problems = {}
    for step in plan.steps:
        values = {}
        for name in step.stage.secrets():
            value = environ.get(name, '')
            if len(value) < _LEAST:
                problems[name] = _problem(name, value, step.stage_name)
            values[name] = value
        found[step.key] = values
    if problems:
        raise exceptions.PlanInvalid(
            'a secret is missing'
            if len(problems) == 1
            else f'{len(problems)} secrets are missing',
            problems=problems.values(),
        )
    return found


def redactor(secrets: Mapping[str, Mapping[str, str]]) -> process.Redactor:
    """Return what takes all the secrets out of text.

    :param secrets: of :func:`read`.
    """
    return process.Redactor(
        [value for values in secrets.values() for value in values.values()]
    )


def _problem(name: str, value: str, stage: str) -> exceptions.Problem:
    if value:
        return exceptions.Problem(
            path=stage,
            message=f'the secret {name} has less than {_LEAST} characters, '
            'too few to be kept out of logs',
        )
    return exceptions.Problem(
        path=stage,
        message=f'the environment variable {name} is not set',
        hint=f'export {name}, it holds a secret of the recipe',
    )
