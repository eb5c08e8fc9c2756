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

"""Read profiles and waivers: closed YAML, every problem with its place."""

import dataclasses
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from image_pipeline import exceptions

#: A document of a person is not larger.
_MOST = 1 << 20
#: Aliases can make a short document endless.
_MOST_VALUES = 100_000


@dataclasses.dataclass(frozen=True, kw_only=True)
class Document:
    """A YAML document and where its values stand.

    :param file: as the user named it.
    :param value: plain values.
    :param places: line and column, from 1, by the path of the value.
    """

    file: str
    value: Any
    places: Mapping[tuple[str | int, ...], tuple[int, int]]

    def problem(
        self,
        path: tuple[str | int, ...],
        message: str,
        hint: str | None = None,
    ) -> exceptions.Problem:
        """Return a problem with one value.

        :param path: the value's keys and indices.
        :param message: what is wrong with it.
        :param hint: what to do.
        """
        near = path
        while near and near not in self.places:
            near = near[:-1]
        line, column = self.places.get(near, (1, 1))
        return exceptions.Problem(
            file=self.file,
            line=line,
            column=column,
            path=_dotted(path) or None,
            message=message,
            hint=hint,
        )


def load(path: Path, schema: Mapping[str, Any], what: str) -> Document:
    """Read a document and check it against its schema.

    :param path: the file.
    :param schema: JSON Schema.
    :param what: what it is, for messages: ``profile`` or ``waivers file``.
    :raises InvalidInput: it cannot be read, or is not of that form.
    """
    try:
        if path.stat().st_size > _MOST:
            raise exceptions.InvalidInput(f'{path}: is too large for a {what}')
        text = path.read_text('utf-8')
    except OSError as exc:
        raise exceptions.InvalidInput(
            f'{path}: the {what} cannot be read: {exc.strerror}'
        ) from exc
    except UnicodeDecodeError as exc:
        raise exceptions.InvalidInput(
            f'{path}: is not a {what}: not UTF-8 text'
        ) from exc
    document = parse(text, str(path))
    problems = list(check(document, schema))
    if problems:
        raise exceptions.InvalidInput(
            f'{path}: the {what} is not valid', problems=problems
        )
    return document


def parse(text: str, file: str) -> Document:
    """Read YAML, keeping the place of each value.

    Dates stay text, so that a schema can say what they look like.

    :param text: the document.
    :param file: its name, for messages.
    :raises InvalidInput: it is not YAML, or has a key twice.
    """
    # Imported here: `--help` must not pay for it.
    import yaml

    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        places: dict[tuple[str | int, ...], tuple[int, int]] = {}
        value = _plain(node, (), places, file) if node is not None else None
    except yaml.MarkedYAMLError as exc:
        mark = exc.problem_mark or exc.context_mark
        raise exceptions.InvalidInput(
            f'{file}: is not YAML',
            problems=[
                exceptions.Problem(
                    file=file,
                    line=mark.line + 1 if mark else None,
                    column=mark.column + 1 if mark else None,
                    message=exc.problem or 'is not YAML',
                )
            ],
        ) from exc
    except (yaml.YAMLError, RecursionError) as exc:
        raise exceptions.InvalidInput(
            f'{file}: is not YAML: {" ".join(str(exc).split())}'
        ) from exc
    return Document(file=file, value=value, places=places)


def check(
    document: Document, schema: Mapping[str, Any]
) -> Iterator[exceptions.Problem]:
    """Give everything in which a document breaks its schema.

    :param document: what was read.
    :param schema: JSON Schema.
    """
    import jsonschema

    validator = jsonschema.Draft202012Validator(schema)
    for error in validator.iter_errors(document.value):
        path = tuple(error.absolute_path)
        if error.validator == 'additionalProperties':
            known = error.schema.get('properties', {})
            for key in error.instance:
                if key not in known:
                    yield document.problem(
                        (*path, key),
                        'is not known here',
                        exceptions.did_you_mean(str(key), known),
                    )
        else:
            yield document.problem(path, error.message)


def _plain(
    node: Any,
    path: tuple[str | int, ...],
    places: dict[tuple[str | int, ...], tuple[int, int]],
    file: str,
) -> Any:
    import yaml

    places[path] = (node.start_mark.line + 1, node.start_mark.column + 1)
    if len(places) > _MOST_VALUES:
        raise yaml.MarkedYAMLError(
            problem='has too many values', problem_mark=node.start_mark
        )
    kind = node.tag.removeprefix('tag:yaml.org,2002:')
    if not isinstance(node, yaml.ScalarNode) and kind not in ('map', 'seq'):
        raise yaml.MarkedYAMLError(
            problem=f'the tag {node.tag} is not allowed',
            problem_mark=node.start_mark,
        )
    if isinstance(node, yaml.MappingNode):
        found: dict[str, Any] = {}
        for key, value in node.value:
            name = str(key.value)
            if name in found:
                raise yaml.MarkedYAMLError(
                    problem=f'the key {name} is there twice',
                    problem_mark=key.start_mark,
                )
            found[name] = _plain(value, (*path, name), places, file)
            places[(*path, name)] = (
                key.start_mark.line + 1,
                key.start_mark.column + 1,
            )
        return found
    if isinstance(node, yaml.SequenceNode):
        return [
            _plain(item, (*path, index), places, file)
            for index, item in enumerate(node.value)
        ]
    if kind == 'timestamp':
        return node.value
    return yaml.SafeLoader('').construct_object(node, deep=True)


def _dotted(path: tuple[str | int, ...]) -> str:
    text = ''
    for part in path:
        if isinstance(part, int):
            text += f'[{part}]'
        else:
            text += f'.{part}' if text else part
    return text
