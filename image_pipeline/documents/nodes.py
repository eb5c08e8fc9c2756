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

"""Values that remember where in the user's text they stand."""

import dataclasses
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from image_pipeline import exceptions

#: What stands between two names in a path.
Path = Sequence[str | int]


@dataclasses.dataclass(frozen=True)
class Mark:
    """A position in a text that the user gave.

    :param file: the file as the user named it, or the option of a command.
    :param line: line, from 1.
    :param column: column, from 1.
    """

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f'{self.file}:{self.line}:{self.column}'


@dataclasses.dataclass(frozen=True)
class Node:
    """A value and where it stands.

    :param value: text, number, true, false or None; a tuple of nodes; or a
        mapping of text to nodes.
    :param mark: where the value stands.
    :param key_mark: where its key stands, if it is in a mapping.
    """

    value: Any
    mark: Mark
    key_mark: Mark | None = None

    @property
    def start(self) -> Mark:
        """Where it begins: at its key, if it has one."""
        return self.key_mark or self.mark

    def data(self) -> Any:
        """Return the value alone: plain lists, dicts and scalars."""
        if isinstance(self.value, Mapping):
            return {key: node.data() for key, node in self.value.items()}
        if isinstance(self.value, tuple):
            return [node.data() for node in self.value]
        return self.value

    def at(self, path: Path) -> 'Node':
        """Return the node at a path, or the nearest one above it.

        :param path: keys and indexes.
        """
        node = self
        for part in path:
            child = node.child(part)
            if child is None:
                break
            node = child
        return node

    def child(self, part: str | int) -> 'Node | None':
        """Return the value under a key or index, or None.

        :param part: the key or the index.
        """
        if isinstance(self.value, Mapping):
            return self.value.get(part)
        if (
            isinstance(self.value, tuple)
            and isinstance(part, int)
            and 0 <= part < len(self.value)
        ):
            node = self.value[part]
            return node if isinstance(node, Node) else None
        return None

    def problem(
        self,
        message: str,
        *,
        path: Path = (),
        hint: str | None = None,
        at_key: bool = False,
    ) -> exceptions.Problem:
        """Return a problem that stands here.

        :param message: what is wrong.
        :param path: the path to tell.
        :param hint: what to do next.
        :param at_key: point at the key and not at the value.
        """
        mark = self.start if at_key else self.mark
        return exceptions.Problem(
            file=mark.file,
            line=mark.line,
            column=mark.column,
            path=write_path(path) or None,
            message=message,
            hint=hint,
        )


_PART = re.compile(
    r'(?P<dot>\.?)(?:"(?P<quoted>[^"]*)"|(?P<word>[^."\[\]=]+))'
    r'|\[(?P<index>[0-9]{1,6})\]'
)


def read_path(text: str) -> tuple[list[str | int], int]:
    """Return a path and how far it was read.

    :param text: such as ``compose.elements[0]``; a key that holds a dot
        stands in double quotes.  What follows is left unread.
    :returns: keys and indexes, and the position at which the path ends.
    """
    path: list[str | int] = []
    position = 0
    while position < len(text):
        match = _PART.match(text, position)
        if match is None:
            break
        if match['index'] is not None:
            path.append(int(match['index']))
        elif bool(match['dot']) != bool(path):
            break
        elif match['quoted'] is not None:
            path.append(match['quoted'])
        else:
            path.append(match['word'].strip())
        position = match.end()
    return path, position


def write_path(path: Path) -> str:
    """Return a path as a person writes it: ``stages[1].convert.formats``.

    :param path: keys and indexes.
    """
    text = ''
    for part in path:
        if isinstance(part, int):
            text += f'[{part}]'
            continue
        word = json.dumps(part) if set(part) & set('.[]"= ') else part
        text += f'.{word}' if text else word
    return text


def show(value: Any, limit: int = 60) -> str:
    """Return a value as it may stand in a message: short, on one line.

    :param value: JSON values.
    :param limit: the most characters.
    """
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= limit else text[: limit - 1] + '…'


def in_order(
    problems: Sequence[exceptions.Problem],
) -> list[exceptions.Problem]:
    """Return problems as they stand in each file, each once.

    :param problems: in any order; the order of files stays.
    """
    files = {problem.file: 0 for problem in problems}
    order = {file: number for number, file in enumerate(files)}
    return sorted(
        dict.fromkeys(problems),
        key=lambda one: (order[one.file], one.line or 0, one.column or 0),
    )
