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

"""YAML text becomes nodes: safe types, no duplicate keys, within bounds."""

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

import yaml
from yaml import reader as yaml_reader

from image_pipeline import exceptions
from image_pipeline.documents import kinds, nodes

#: The most bytes that a document may have; the largest real ones have 5 KB.
MAX_BYTES = 256 * 1024
#: The most values, aliases counted as often as they are used: nine lines of
#: nested aliases can stand for a thousand million values.
MAX_VALUES = 20_000
#: The deepest nesting.
MAX_DEPTH = 32

_SCALARS = frozenset(
    f'tag:yaml.org,2002:{name}'
    for name in ('str', 'int', 'float', 'bool', 'null')
)
_SAFE: Mapping[type, frozenset[str]] = {
    yaml.ScalarNode: _SCALARS,
    yaml.MappingNode: frozenset({'tag:yaml.org,2002:map'}),
    yaml.SequenceNode: frozenset({'tag:yaml.org,2002:seq'}),
}
_MERGE = 'tag:yaml.org,2002:merge'
_TIMESTAMP = 'tag:yaml.org,2002:timestamp'
#: How a person says what a value is.
_KINDS: Mapping[type, str] = {
    str: 'text',
    bool: 'true or false',
    int: 'a number',
    float: 'a number',
    type(None): 'nothing',
}


def decode(data: bytes, file: str, kind: kinds.Kind) -> str:
    """Return the text of a document.

    :param data: the file's content.
    :param file: its name, for errors.
    :param kind: what it is.
    :raises InvalidInput: the kind's error: it is too large, binary or not
        UTF-8.
    """
    if len(data) > MAX_BYTES:
        raise kind.wrong(
            file,
            f'the file is larger than {MAX_BYTES // 1024} KiB',
            hint=f'is this a {kind.what}?',
        )
    if b'\0' in data:
        raise kind.wrong(
            file,
            'the file is binary, not text',
            hint=f'a {kind.what} is a YAML file',
        )
    try:
        return data.decode('utf-8-sig')
    except UnicodeDecodeError as exc:
        before = data[: exc.start].decode('utf-8', errors='replace')
        raise kind.wrong(
            file,
            f'the byte 0x{data[exc.start]:02x} is not UTF-8',
            mark=_mark_at(before, len(before), file),
            hint='save the file as UTF-8 text',
        ) from exc


def parse(text: str, file: str, kind: kinds.Kind) -> nodes.Node:
    """Return the nodes of one YAML document.

    Types are those of ``yaml.safe_load`` that JSON has too; a date stays
    text.

    :param text: the document.
    :param file: its name, for marks.
    :param kind: what it is.
    :raises InvalidInput: the kind's error: it is no YAML, or out of bounds;
        every problem beyond the first syntax error is reported at once.
    """
    if bad := yaml_reader.Reader.NON_PRINTABLE.search(text):
        raise kind.wrong(
            file,
            f'the control character U+{ord(bad[0]):04X} is not allowed',
            mark=_mark_at(text, bad.start(), file),
        )
    loader = _Loader(text)
    try:
        root = loader.get_single_node()
    except yaml.MarkedYAMLError as exc:
        raise _syntax(exc, file, kind) from exc
    except (yaml.YAMLError, ValueError, OverflowError) as exc:
        # An escape beyond Unicode and a few others come without a mark.
        raise kind.wrong(
            file,
            f'not valid YAML: {exc}',
            mark=_mark(loader.get_mark(), file),
        ) from exc
    finally:
        loader.dispose()
    if root is None:
        raise kind.wrong(
            file,
            'the file is empty',
            hint=f'a {kind.what} starts with "version: 1"',
        )
    builder = _Builder(loader, file, kind)
    node = builder.build(root)
    if builder.problems:
        raise kind.invalid(builder.problems, file)
    return node


class _Loader(yaml.SafeLoader):
    """SafeLoader within bounds, without dates."""

    yaml_implicit_resolvers = {  # noqa: RUF012 - as PyYAML declares it
        first: [entry for entry in entries if entry[0] != _TIMESTAMP]
        for first, entries in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._depth = 0
        self._count = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        event = self.peek_event()  # type: ignore[no-untyped-call]
        self._depth += 1
        self._count += 1
        if self._depth > MAX_DEPTH:
            raise yaml.MarkedYAMLError(
                problem=f'values are nested deeper than {MAX_DEPTH} levels',
                problem_mark=event.start_mark,
            )
        if self._count > MAX_VALUES:
            raise yaml.MarkedYAMLError(
                problem=f'there are more than {MAX_VALUES} values',
                problem_mark=event.start_mark,
            )
        try:
            return super().compose_node(parent, index)
        finally:
            self._depth -= 1


@dataclasses.dataclass(frozen=True)
class _Built:
    """A node, how many values it stands for, and how deep they go."""

    node: nodes.Node
    count: int = 1
    depth: int = 1


class _Builder:
    """Make nodes of PyYAML's, and collect what is wrong with them."""

    def __init__(self, loader: _Loader, file: str, kind: kinds.Kind) -> None:
        self.loader = loader
        self.file = file
        self.kind = kind
        self.problems: list[exceptions.Problem] = []
        self._built: dict[int, _Built] = {}
        self._open: set[int] = set()
        self._full = False

    def build(self, root: yaml.Node) -> nodes.Node:
        return self._node(root).node

    def _problem(
        self, mark: nodes.Mark, message: str, hint: str | None = None
    ) -> None:
        self.problems.append(
            nodes.Node(None, mark).problem(message, hint=hint)
        )

    def _node(self, source: yaml.Node) -> _Built:
        mark = _mark(source.start_mark, self.file)
        if id(source) in self._open:
            self._problem(mark, 'an anchor must not stand inside itself')
            return _Built(nodes.Node(None, mark))
        if id(source) not in self._built:
            self._open.add(id(source))
            self._built[id(source)] = self._new(source, mark)
            self._open.discard(id(source))
        built = self._built[id(source)]
        if not self._full and (
            built.count > MAX_VALUES or built.depth > MAX_DEPTH
        ):
            self._full = True
            self._problem(
                mark,
                f'aliases make more than {MAX_VALUES} values or '
                f'{MAX_DEPTH} levels of this',
                hint='write out what is meant',
            )
        return built

    def _new(self, source: yaml.Node, mark: nodes.Mark) -> _Built:
        if source.tag not in _SAFE[type(source)]:
            self._problem(
                mark,
                f'the YAML tag {_tag(source.tag)} is not allowed',
                hint=f'{self.kind.what}s have text, numbers, true, false, '
                'lists and mappings only',
            )
            return _Built(nodes.Node(None, mark))
        if isinstance(source, yaml.MappingNode):
            return self._mapping(source, mark)
        if isinstance(source, yaml.SequenceNode):
            made = [self._node(one) for one in source.value]
            value = tuple(one.node for one in made)
            return _around(nodes.Node(value, mark), made)
        return _Built(nodes.Node(self._scalar(source, mark), mark))

    def _scalar(self, source: yaml.Node, mark: nodes.Mark) -> Any:
        try:
            value = self.loader.construct_object(source)
        except (yaml.YAMLError, ValueError, OverflowError, KeyError):
            kind = source.tag.rpartition(':')[2]
            self._problem(
                mark, f'{nodes.show(source.value)} is not a YAML {kind}'
            )
            return None
        if isinstance(value, float) and not math.isfinite(value):
            self._problem(mark, f'{source.value} is not a finite number')
            return None
        if isinstance(value, str):
            if '\0' in value:
                self._problem(mark, 'text must not contain a NUL character')
            if any('\ud800' <= char <= '\udfff' for char in value):
                self._problem(mark, 'text must not contain half a character')
                return None
        return value

    def _mapping(self, source: yaml.MappingNode, mark: nodes.Mark) -> _Built:
        own: dict[str, nodes.Node] = {}
        merged: dict[str, nodes.Node] = {}
        inside: list[_Built] = []
        for key_source, value_source in source.value:
            key_mark = _mark(key_source.start_mark, self.file)
            inside.append(self._node(value_source))
            node = inside[-1].node
            if key_source.tag == _MERGE:
                self._merge(merged, node)
                continue
            key = self._key(key_source, key_mark)
            if key is None:
                continue
            if key in own:
                self._problem(
                    key_mark,
                    f'the key "{key}" is given twice',
                    hint=f'first in line {own[key].start.line}',
                )
                continue
            own[key] = nodes.Node(node.value, node.mark, key_mark)
        value = own | {
            key: node for key, node in merged.items() if key not in own
        }
        return _around(nodes.Node(value, mark), inside)

    def _merge(self, merged: dict[str, nodes.Node], node: nodes.Node) -> None:
        """Take over the values of ``<<``; the first of several wins."""
        several = node.value if isinstance(node.value, tuple) else (node,)
        for one in several:
            if not isinstance(one.value, Mapping):
                self._problem(
                    one.mark, '"<<" takes a mapping, or a list of them'
                )
                continue
            for key, value in one.value.items():
                merged.setdefault(key, value)

    def _key(self, source: yaml.Node, mark: nodes.Mark) -> str | None:
        if not isinstance(source, yaml.ScalarNode):
            self._problem(mark, 'a key must be text, not a list or mapping')
            return None
        before = len(self.problems)
        if source.tag not in _SCALARS:
            self._new(source, mark)
            return None
        key = self._scalar(source, mark)
        if len(self.problems) > before:
            return None
        if not isinstance(key, str):
            self._problem(
                mark,
                f'a key must be text, and {nodes.show(source.value)} is '
                f'{_KINDS[type(key)]}',
                hint=f"write '{source.value}' in quotes",
            )
            return None
        return key


def _around(node: nodes.Node, inside: list[_Built]) -> _Built:
    return _Built(
        node,
        1 + sum(one.count for one in inside),
        1 + max((one.depth for one in inside), default=0),
    )


def _syntax(
    exc: yaml.MarkedYAMLError, file: str, kind: kinds.Kind
) -> exceptions.InvalidInput:
    mark = exc.problem_mark or exc.context_mark
    what = (exc.problem or exc.context or 'unknown error').strip()
    hint = None
    if "'\\t'" in what:
        what, hint = 'a tab cannot indent YAML', 'use spaces'
    elif 'expected a single document' in (exc.context or ''):
        what, hint = 'there is a second document', 'remove it and its "---"'
    elif exc.problem and exc.context:
        what = f'not valid YAML: {what} {exc.context.strip()}'
    return kind.wrong(
        file, what, mark=_mark(mark, file) if mark else None, hint=hint
    )


def _tag(tag: str) -> str:
    return tag.replace('tag:yaml.org,2002:', '!!')


def _mark(mark: Any, file: str) -> nodes.Mark:
    return nodes.Mark(file, mark.line + 1, mark.column + 1)


def _mark_at(text: str, position: int, file: str) -> nodes.Mark:
    before = text[:position]
    line_start = before.rfind('\n') + 1
    return nodes.Mark(file, before.count('\n') + 1, position - line_start + 1)
