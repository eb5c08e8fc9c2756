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

"""Profiles: which rules are judged, how severely, with which options.

A profile is a YAML file: one that comes with us, one in a folder of the
site's, or one that is named by its path.
"""

import dataclasses
import fnmatch
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from image_pipeline import exceptions
from image_pipeline.audit import rule as audit_rule
from image_pipeline.documents import files, findings, kinds, nodes, text

#: The one that is taken unless another is asked for.
DEFAULT = 'egi'
_SHIPPED = Path(__file__).parent / 'profiles'
_SUFFIXES = ('.yaml', '.yml')
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
        'least': {'enum': [s.value for s in audit_rule.Severity]},
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
    :param least: what is less severe is no matter of this profile.
    """

    name: str
    description: str
    chosen: tuple[Chosen, ...]
    least: audit_rule.Severity = audit_rule.Severity.INFO


def names(path: Sequence[Path] = ()) -> list[str]:
    """Return the names of the profiles that there are, sorted.

    :param path: the site's folders of profiles.
    """
    return sorted(_named(path))


def load(
    name: str,
    known: Mapping[str, audit_rule.Rule],
    ids: Iterable[str] = (),
    *,
    path: Sequence[Path] = (),
) -> Profile:
    """Return a profile.

    :param name: one of :func:`names`, or the path of a YAML file.
    :param known: the rules that there are.
    :param ids: if any, judge these rules only, whatever the profile says.
    :param path: the site's folders of profiles; the earlier one wins.
    :raises NotFound: there is no such profile, or no such rule.
    :raises InvalidInput: its file is not valid.
    """
    file = _find(name, path)
    layers = _layers(file, path)
    chosen: dict[str, Chosen] = {}
    problems: list[exceptions.Problem] = []
    for document in layers:
        problems += _apply(document, known, chosen)
    if problems:
        raise _KIND.invalid(problems, str(file))
    profile = Profile(
        name=file.stem,
        description=layers[-1].data()['description'],
        chosen=tuple(chosen[key] for key in sorted(chosen)),
        least=_least(layers),
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


def is_file(name: str) -> bool:
    """Tell whether a profile is named by its path.

    :param name: as a person gives it.
    """
    return '/' in name or name.endswith(_SUFFIXES)


def _named(path: Sequence[Path]) -> dict[str, Path]:
    """Return profiles by name; what comes with us comes last."""
    found: dict[str, Path] = {}
    for folder in (*path, _SHIPPED):
        try:
            files = sorted(folder.iterdir())
        except OSError:
            continue
        for file in files:
            if file.suffix in _SUFFIXES and not file.name.startswith('.'):
                found.setdefault(file.stem, file)
    return found


def _find(name: str, path: Sequence[Path]) -> Path:
    if is_file(name):
        return Path(name)
    known = _named(path)
    if name not in known:
        raise exceptions.NotFound(
            f'there is no profile {name}',
            hint=exceptions.did_you_mean(name, known)
            or f'there are {", ".join(sorted(known))}; a profile of your own '
            'is named by its path',
        )
    found = known[name]
    # A report says "egi": that must mean the same at every site.
    if found.parent != _SHIPPED and (_SHIPPED / f'{name}.yaml').exists():
        raise exceptions.InvalidInput(
            f'{found}: a profile {name} comes with image-pipeline',
            hint=f'give the file another name, and let it extend {name}',
        )
    return found


def _layers(file: Path, path: Sequence[Path]) -> list[nodes.Node]:
    """Return a profile's documents, the base of all first."""
    found: list[nodes.Node] = []
    seen: list[Path] = []
    while True:
        seen.append(file.resolve())
        document = _document(file)
        found.insert(0, document)
        base = document.child('extends')
        if base is None:
            return found
        file = _base(file, base, path)
        what = None
        if file.resolve() in seen:
            what = '"extends" goes in a circle'
        elif len(seen) > _MOST_BASES:
            what = f'more than {_MOST_BASES} profiles extend one another'
        if what:
            raise _KIND.invalid(
                [base.problem(what, path=['extends'])], base.mark.file
            )


def _document(file: Path) -> nodes.Node:
    """Read a profile, and check it unless it came with us.

    Our tests check those: every audit would pay for it, and loading what
    checks takes longer than many a rule.
    """
    if file.parent != _SHIPPED:
        return files.load(file, SCHEMA, _KIND)
    return text.parse(files.read(file, _KIND), str(file), _KIND)


def _least(layers: Sequence[nodes.Node]) -> audit_rule.Severity:
    """Return what the last layer says of it that says anything."""
    said = [one.data().get('least') for one in layers]
    return audit_rule.Severity(
        next(filter(None, reversed(said)), audit_rule.Severity.INFO)
    )


def _base(file: Path, base: nodes.Node, path: Sequence[Path]) -> Path:
    """Return the file that a profile extends."""
    name = str(base.value)
    if is_file(name):
        return file.parent / name
    try:
        return _find(name, path)
    except exceptions.NotFound as exc:
        raise _KIND.invalid(
            [base.problem(exc.message, path=['extends'], hint=exc.hint)],
            str(file),
        ) from exc


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
    for key, settings in value.get('rules', {}).items():
        place = ['rules', key]
        # A pattern is about what is chosen already; a name chooses, too.
        ids = [key] if key in known else fnmatch.filter(known, key)
        if not ids:
            problems.append(
                document.at(place).problem(
                    'there is no such rule',
                    path=place,
                    hint=exceptions.did_you_mean(key, known),
                    at_key=True,
                )
            )
        for rule_id in ids:
            if rule_id == key or rule_id in chosen:
                problems += _set(
                    document, place, known[rule_id], settings or {}, chosen
                )
    return problems


def _set(
    document: nodes.Node,
    place: list[str | int],
    the_rule: audit_rule.Rule,
    settings: Mapping[str, Any],
    chosen: dict[str, Chosen],
) -> list[exceptions.Problem]:
    """Choose a rule with what is said of it; return what is wrong."""
    before = chosen.get(the_rule.id, Chosen(rule=the_rule))
    severity = settings.get('severity')
    chosen[the_rule.id] = Chosen(
        rule=the_rule,
        severity=audit_rule.Severity(severity)
        if severity
        else before.severity,
        options=dict(before.options) | settings.get('options', {}),
    )
    shipped = Path(document.mark.file).parent == _SHIPPED
    if 'options' not in settings or shipped:
        return []
    place = [*place, 'options']
    return findings.problems(the_rule.options, document.at(place), path=place)
