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

"""Profiles: which rules are judged, how severely, with which options."""

import dataclasses
import fnmatch
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from image_pipeline import exceptions
from image_pipeline.audit import rule as audit_rule
from image_pipeline.documents import files, findings, kinds, nodes

#: The one that is taken unless another is asked for.
DEFAULT = 'egi'
_SHIPPED = Path(__file__).parent / 'profiles'
_MOST_BASES = 10
_KIND = kinds.Kind(what='profile')
_PATTERNS = {
    'type': 'array',
    'items': {'type': 'string', 'minLength': 1},
}
#: What a profile looks like.
SCHEMA: Mapping[str, Any] = {
    'type': 'object',
    'additionalProperties': False,
    'required': ['version', 'description'],
    'properties': {
        'version': {'const': 1},
        'description': {'type': 'string', 'minLength': 1},
        'extends': {'type': 'string', 'minLength': 1},
        'include': _PATTERNS,
        'exclude': _PATTERNS,
        'rules': {
            'type': 'object',
            'additionalProperties': {
                'type': ['object', 'null'],
                'additionalProperties': False,
                'properties': {
                    'severity': {
                        'enum': [s.value for s in audit_rule.Severity]
                    },
                    'options': {'type': 'object'},
                },
            },
        },
    },
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Chosen:
    """A rule that a profile chose.

    :param rule: the rule.
    :param severity: the profile's, or None for the rule's own.
    :param options: those that differ from the rule's defaults.
    """

    rule: audit_rule.Rule
    severity: audit_rule.Severity | None = None
    options: Mapping[str, Any] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Profile:
    """A named choice of rules.

    :param name: the file's name, without its suffix.
    :param description: one line.
    :param chosen: the rules, in the order of their ids.
    """

    name: str
    description: str
    chosen: tuple[Chosen, ...]


def names() -> list[str]:
    """Return the names of the profiles that come with us."""
    return sorted(path.stem for path in _SHIPPED.glob('*.yaml'))


def load(
    name: str, known: Mapping[str, audit_rule.Rule], ids: Iterable[str] = ()
) -> Profile:
    """Return a profile.

    :param name: one of :func:`names`, or the path of a YAML file.
    :param known: the rules that there are.
    :param ids: if any, judge these rules only, whatever the profile says.
    :raises NotFound: there is no such profile, or no such rule.
    :raises InvalidInput: its file is not valid.
    """
    path = _find(name)
    layers = _layers(path)
    chosen: dict[str, Chosen] = {}
    problems: list[exceptions.Problem] = []
    for document in layers:
        problems += _apply(document, known, chosen)
    if problems:
        raise _KIND.invalid(problems, str(path))
    profile = Profile(
        name=path.stem,
        description=layers[-1].data()['description'],
        chosen=tuple(chosen[key] for key in sorted(chosen)),
    )
    wanted = list(ids)
    for rule_id in wanted:
        if rule_id not in known:
            raise exceptions.NotFound(
                f'there is no rule {rule_id}',
                hint=exceptions.did_you_mean(rule_id, known)
                or '`image-pipeline rule list` shows all',
            )
        chosen.setdefault(rule_id, Chosen(rule=known[rule_id]))
    if wanted:
        profile = dataclasses.replace(
            profile, chosen=tuple(chosen[key] for key in sorted(set(wanted)))
        )
    return profile


def _find(name: str) -> Path:
    if '/' in name or name.endswith(('.yaml', '.yml')):
        return Path(name)
    path = _SHIPPED / f'{name}.yaml'
    if not path.is_file():
        raise exceptions.NotFound(
            f'there is no profile {name}',
            hint=exceptions.did_you_mean(name, names())
            or f'there are {", ".join(names())}; a profile of your own is '
            'named by its path',
        )
    return path


def _layers(path: Path) -> list[nodes.Node]:
    """Return a profile's documents, the base of all first."""
    found: list[nodes.Node] = []
    seen: list[Path] = []
    while True:
        if path.resolve() in seen or len(seen) > _MOST_BASES:
            raise exceptions.InvalidInput(
                f'{path}: the profile extends itself',
                problems=[
                    found[0]
                    .at(['extends'])
                    .problem('is a circle', path=['extends'])
                ],
            )
        seen.append(path.resolve())
        document = files.load(path, SCHEMA, _KIND)
        found.insert(0, document)
        base = document.data().get('extends')
        if base is None:
            return found
        path = path.parent / base if '/' in base else _find(base)


def _apply(
    document: nodes.Node,
    known: Mapping[str, audit_rule.Rule],
    chosen: dict[str, Chosen],
) -> list[exceptions.Problem]:
    """Put one layer over what its bases chose."""
    problems = []
    value = document.data()
    for key in ('include', 'exclude'):
        for index, pattern in enumerate(value.get(key, [])):
            ids = fnmatch.filter(known, pattern)
            if not ids:
                problems.append(
                    document.at([key, index]).problem(
                        f'no rule is named {pattern}',
                        path=[key, index],
                        hint=exceptions.did_you_mean(pattern, known),
                    )
                )
            for rule_id in ids:
                if key == 'exclude':
                    chosen.pop(rule_id, None)
                else:
                    chosen.setdefault(rule_id, Chosen(rule=known[rule_id]))
    for rule_id, settings in value.get('rules', {}).items():
        if rule_id not in known:
            problems.append(
                document.at(['rules', rule_id]).problem(
                    'there is no such rule',
                    path=['rules', rule_id],
                    hint=exceptions.did_you_mean(rule_id, known),
                    at_key=True,
                )
            )
            continue
        settings = settings or {}
        place = ['rules', rule_id, 'options']
        if 'options' in settings:
            problems += findings.problems(
                known[rule_id].options, document.at(place), path=place
            )
        before = chosen.get(rule_id, Chosen(rule=known[rule_id]))
        severity = settings.get('severity')
        chosen[rule_id] = Chosen(
            rule=known[rule_id],
            severity=audit_rule.Severity(severity)
            if severity
            else before.severity,
            options=dict(before.options) | settings.get('options', {}),
        )
    return problems
