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

"""Write the reference of stages, elements and rules.

The pages go to ``reference/generated`` before Sphinx looks for sources, one
each, from what is installed: nothing of them is written twice.
"""

import dataclasses
import inspect
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import sphinx.application

from image_pipeline.audit import registry as rule_registry
from image_pipeline.audit import rule as rule_contract
from image_pipeline.stages import registry as stage_registry

#: Whether ``audit --fix`` mends a rule, in words.
_FIXES: Mapping[rule_contract.Fix, str] = {
    rule_contract.Fix.YES: 'yes, by changing files of a copy',
    rule_contract.Fix.BY_COPYING: 'yes, by writing a copy',
    rule_contract.Fix.BUILD_ONLY: 'no, the image must be built otherwise',
    rule_contract.Fix.NO: 'no, a person must decide',
}
_OURS = Path(__file__).parents[3] / 'image_pipeline' / 'elements'


def setup(app: sphinx.application.Sphinx) -> dict[str, Any]:
    """Let Sphinx call us before it looks for sources."""
    app.connect('config-inited', lambda app, config: _generate(app))
    return {'parallel_read_safe': True, 'parallel_write_safe': True}


def _generate(app: sphinx.application.Sphinx) -> None:
    target = Path(app.srcdir, 'reference', 'generated')
    pages = {
        **{f'stages/{name}': _stage(name) for name in stage_registry.names()},
        **{f'elements/{path.name}': _element(path) for path in _elements()},
        **{
            f'rules/{rule.id}': _rule(rule)
            for rule in rule_registry.rules().values()
        },
        'mending': _mending(rule_registry.rules().values()),
    }
    for name, lines in pages.items():
        path = target / f'{name}.rst'
        path.parent.mkdir(parents=True, exist_ok=True)
        text = '\n'.join(lines) + '\n'
        # An unchanged page must not look new: it would be built again.
        if not path.exists() or path.read_text() != text:
            path.write_text(text)
    for path in target.rglob('*.rst'):
        if path.relative_to(target).with_suffix('').as_posix() not in pages:
            path.unlink()


def _elements() -> Iterator[Path]:
    return (path.parent for path in sorted(_OURS.glob('*/README.rst')))


def _element(path: Path) -> Iterator[str]:
    # The first line of these pages is the README's own title.
    yield f'.. include:: /../../image_pipeline/elements/{path.name}/README.rst'
    depends = path / 'element-deps'
    if depends.exists():
        names = [
            line.strip()
            for line in depends.read_text().splitlines()
            if line.strip() and not line.startswith('#')
        ]
        yield ''
        yield f'Depends on: {", ".join(f"``{name}``" for name in names)}'


def _stage(name: str) -> Iterator[str]:
    stage = stage_registry.load(name)
    yield '=' * len(name)
    yield name
    yield '=' * len(name)
    yield ''
    yield inspect.getdoc(stage) or ''
    yield ''
    yield ':Runs: once ' + {
        'run': 'in a run',
        'format': 'for each image format',
        'target': 'for each target',
    }.get(stage.scope.value, stage.scope.value)
    yield f':Takes: {_kinds(stage.requires)}'
    yield f':Takes if there is one: {_kinds(stage.uses)}'
    yield f':Makes: {_kinds(stage.provides)}'
    yield ':Runs again: ' + {
        'content': 'if its inputs changed',
        'verify': 'if its inputs changed, or its result no longer holds',
        'never': 'always',
    }.get(stage.cache.value, stage.cache.value)
    yield ''
    yield from _options(stage.schema, _defaults(stage.options_class))


def _rule(rule: rule_contract.Rule) -> Iterator[str]:
    yield '=' * len(rule.id)
    yield rule.id
    yield '=' * len(rule.id)
    yield ''
    yield f'**{_sentence(rule.statement)}**'
    yield ''
    yield _sentence(rule.rationale)
    yield ''
    yield f':Severity: {rule.severity}'
    yield f':Looks at: {rule.subject}'
    yield f':What to do: {_sentence(rule.remedy)}'
    yield f':A tool can mend it: {_FIXES[rule.fix]}'
    yield f':Satisfied by: {_kinds(rule.satisfied_by)}'
    yield f':Implies: {_kinds(rule.implies)}'
    yield f':Asked of a booted guest by: {rule.probe or "no probe"}'
    yield f':Source: {_plain(rule.source)}'
    yield ''
    if rule.options['properties']:
        yield from _options(rule.options, {})


def _mending(rules: Iterable[rule_contract.Rule]) -> Iterator[str]:
    title = 'What is mended'
    yield '=' * len(title)
    yield title
    yield '=' * len(title)
    known = list(rules)
    for fix in rule_contract.Fix:
        some = [rule for rule in known if rule.fix is fix]
        if not some:
            continue
        said = _sentence(_FIXES[fix])
        yield ''
        yield said
        yield '=' * len(said)
        yield ''
        for rule in some:
            yield f':doc:`rules/{rule.id}`'
            yield f'   {_sentence(rule.statement)}'


def _options(
    schema: Mapping[str, Any], defaults: Mapping[str, Any]
) -> Iterator[str]:
    yield 'Options'
    yield '-------'
    yield ''
    if not schema.get('properties'):
        yield 'It has none.'
        return
    for name, option in schema['properties'].items():
        yield f'``{name}``'
        yield f'   {_sentence(option.get("description", ""))}'
        yield ''
        yield f'   :Type: {_type(option)}'
        if name in schema.get('required', ()):
            yield '   :Required: yes'
        else:
            default = option.get('default', defaults.get(name))
            text = json.dumps(default, default=str)
            yield f'   :Default: ``{text}``'
        yield ''


def _kinds(kinds: Iterable[str]) -> str:
    return ', '.join(f'``{kind}``' for kind in sorted(kinds)) or 'nothing'


def _sentence(text: str) -> str:
    text = _plain(text.strip())
    return text if text.endswith(('.', '?')) else f'{text}.'


def _plain(text: str) -> str:
    # Texts are read at a terminal as well: `code` is in single quotes, and
    # the rest is no reStructuredText.
    parts = re.split(r'(`+[^`]+`+)', text)
    return ''.join(
        f'``{part.strip("`")}``'
        if part.startswith('`')
        else re.sub(r'([*|\\]|(?<=\w)_(?!\w))', r'\\\1', part)
        for part in parts
    )


def _type(schema: Mapping[str, Any]) -> str:
    if 'enum' in schema:
        return 'one of ' + ', '.join(
            f'``{value}``' for value in schema['enum']
        )
    kind = schema.get('type', 'any')
    if kind == 'array':
        return f'list of {_type(schema.get("items", {}))}'
    kinds = kind if isinstance(kind, list) else [kind]
    words = {'object': 'mapping', 'string': 'text', 'null': 'nothing'}
    return ' or '.join(words.get(one, one) for one in kinds)


def _defaults(options_class: type[Any]) -> dict[str, Any]:
    found = {}
    for field in dataclasses.fields(options_class):
        if field.default is not dataclasses.MISSING:
            found[field.name] = field.default
        elif field.default_factory is not dataclasses.MISSING:
            found[field.name] = field.default_factory()
    return found
