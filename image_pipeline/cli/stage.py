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

"""``stage list``, ``stage show``."""

import argparse
import inspect
import json
from collections.abc import Iterable, Mapping
from typing import Any

from image_pipeline import exceptions
from image_pipeline.cli import base


class StageList(base.Lister):
    """List the stages that are installed."""

    def take_action(
        self, parsed_args: argparse.Namespace
    ) -> tuple[tuple[str, ...], Iterable[tuple[Any, ...]]]:
        """Return columns and rows.

        :param parsed_args: the arguments.
        """
        from image_pipeline.stages import registry

        rows: list[tuple[Any, ...]] = []
        for name in registry.names():
            try:
                stage = registry.load(name)
            except exceptions.StateConflict as exc:
                # One that is broken must not hide the others.
                rows.append((name, None, None, None, f'broken: {exc}'))
                continue
            summary, _, _ = (inspect.getdoc(stage) or '').partition('\n')
            rows.append(
                (
                    name,
                    str(stage.scope),
                    base.Words(sorted(stage.requires)),
                    base.Words(sorted(stage.provides)),
                    summary.rstrip('.'),
                )
            )
        return ('name', 'scope', 'requires', 'provides', 'summary'), rows


class StageShow(base.ShowOne):
    """Show a stage and its options."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Return the parser of this command.

        :param prog_name: what the command was called.
        """
        parser = super().get_parser(prog_name)
        parser.add_argument('stage', metavar='NAME', help='the stage')
        return parser

    def take_action(
        self, parsed_args: argparse.Namespace
    ) -> tuple[tuple[str, ...], tuple[Any, ...]]:
        """Return names and values.

        :param parsed_args: the arguments.
        """
        from image_pipeline.stages import registry

        stage = registry.load(parsed_args.stage)
        return self.dict2columns(
            {
                'name': stage.name,
                'version': stage.version,
                'description': inspect.getdoc(stage) or '',
                'scope': str(stage.scope),
                'cache': str(stage.cache),
                'requires': base.Words(sorted(stage.requires)),
                'uses': base.Words(sorted(stage.uses)),
                'provides': base.Words(sorted(stage.provides)),
                'options': Options(options(stage.schema)),
            }
        )


class Options(base.Lines):
    """The options of a stage: two lines each for a person."""

    def human_readable(self) -> str:
        """Return it for a person."""
        lines = []
        for option in self._value:
            about = option['type']
            if option['required']:
                about += ', required'
            elif option['default'] is not None:
                about += f', default {json.dumps(option["default"])}'
            lines.append(f'{option["name"]} ({about})')
            lines.append(f'  {option["description"]}')
        return '\n'.join(lines)


def options(schema: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return a stage's options as rows, sorted by name.

    :param schema: the schema of its options.
    """
    required = schema.get('required', ())
    return [
        {
            'name': name,
            'type': kind(inner),
            'required': name in required,
            'default': inner.get('default'),
            'description': inner.get('description', ''),
        }
        for name, inner in sorted(schema.get('properties', {}).items())
    ]


def kind(schema: Mapping[str, Any]) -> str:
    """Return what a schema allows, in a few words.

    :param schema: of one value.
    """
    if 'enum' in schema:
        return ' | '.join(json.dumps(one) for one in schema['enum'])
    if 'const' in schema:
        return json.dumps(schema['const'])
    for several in ('anyOf', 'oneOf'):
        if several in schema:
            return ' or '.join(kind(one) for one in schema[several])
    found = schema.get('type', 'any')
    if not isinstance(found, str):
        return ' or '.join(found)
    if found == 'array' and isinstance(schema.get('items'), Mapping):
        return f'list of {kind(schema["items"])}'
    return {'array': 'list', 'object': 'mapping'}.get(found, str(found))
