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


"""Look whether clouds would let a bake do its work there."""

from collections.abc import Iterable, Iterator

from image_pipeline import exceptions
from image_pipeline.conf import settings as conf_settings
from image_pipeline.engine import doctor, preflight, questions


def examine(
    settings: conf_settings.Settings, names: Iterable[str]
) -> list[doctor.Finding]:
    """Return what speaks against a bake at targets, and what is fine.

    :param settings: the site's settings.
    :param names: the targets.
    :raises NotFound: there is no target of that name.
    """
    wanted = dict.fromkeys(names)
    asked: list[questions.Question] = []
    for name in wanted:
        target = settings.targets.get(name)
        if target is None:
            raise exceptions.NotFound(
                f'there is no target "{name}"',
                hint=exceptions.did_you_mean(name, settings.targets)
                or f'targets are {", ".join(sorted(settings.targets))}',
            )
        if target.cloud is not None:
            asked.extend(questions.everything(target, settings))
    found = preflight.answers(asked, limit=preflight.LIMIT)
    return [one for name in wanted for one in _findings(name, found)]


def _findings(
    name: str, found: Iterable[preflight.Found]
) -> Iterator[doctor.Finding]:
    subject = f'target {name}'
    own = [one for one in found if one.target == name]
    for one in own:
        said = one.objection.problem
        path = f'{said.path}: ' if said.path else ''
        yield doctor.Finding(
            subject=subject,
            verdict=doctor.Verdict.MISSING
            if one.stops
            else doctor.Verdict.WARNING,
            found=f'{path}{said.message}',
            remedy=said.hint,
        )
    if not own:
        yield doctor.Finding(
            subject=subject,
            verdict=doctor.Verdict.OK,
            found='a bake could do its work there',
        )
