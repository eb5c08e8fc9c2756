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

"""Write the reference of stages and elements from what is installed.

The pages go to ``reference/generated`` before Sphinx looks for sources, one a
stage and one an element, so that nothing of them is written twice.
"""

import dataclasses
import inspect
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import sphinx.application

from image_pipeline.stages import registry as stage_registry

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
    yield 'Options'
    yield '-------'
    yield ''
    properties = stage.schema.get('properties', {})
    if not properties:
        yield 'It has none.'
        return
    defaults = _defaults(stage.options_class)
    for option, schema in properties.items():
        yield f'``{option}``'
        yield f'   {_sentence(schema.get("description", ""))}'
        yield ''
        yield f'   :Type: {_type(schema)}'
        if option in stage.schema.get('required', ()):
            yield '   :Required: yes'
        else:
            default = json.dumps(
                schema.get('default', defaults.get(option)), default=str
            )
            yield f'   :Default: ``{default}``'
        yield ''


def _kinds(kinds: Iterable[str]) -> str:
    return ', '.join(f'``{kind}``' for kind in sorted(kinds)) or 'nothing'


def _sentence(text: str) -> str:
    return text if text.endswith(('.', '?')) else f'{text}.'


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
