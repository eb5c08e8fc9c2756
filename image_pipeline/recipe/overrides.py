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

"""``--set PATH=VALUE``: change one value of a recipe for one command.

PATH begins with a stage's name, or with ``image``, ``targets`` or
``description``; VALUE is YAML.  ``null`` takes the value away, and a stage
too.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from image_pipeline import exceptions
from image_pipeline.documents import nodes, text
from image_pipeline.recipe import merge, schema

#: What of a recipe, beside its stages, may be set.
_TOP = ('image', 'targets', 'description')


def apply(
    recipe: nodes.Node, sets: Sequence[str]
) -> tuple[nodes.Node, list[exceptions.Problem]]:
    """Return a recipe with values set, and every problem.

    :param recipe: merged, as :func:`image_pipeline.recipe.merge.merge`
        returns it.
    :param sets: the arguments; later ones win.
    """
    problems: list[exceptions.Problem] = []
    for argument in sets:
        try:
            recipe = _apply(recipe, argument)
        except exceptions.RecipeInvalid as exc:
            problems.extend(exc.problems)
    return recipe, problems


def _apply(recipe: nodes.Node, argument: str) -> nodes.Node:
    path, node = read(argument)
    first, rest = str(path[0]), path[1:]
    value = dict(recipe.value)
    if first in _TOP:
        changed = _put(value.get(first), rest, node, [first], argument)
        if changed is None:
            value.pop(first, None)
        else:
            value[first] = changed
        return nodes.Node(value, recipe.mark)
    stages = merge.entries(value.get('stages'))
    names = [name for name, _ in stages]
    if first not in names:
        raise _invalid(
            argument,
            1,
            f'the recipe has no stage "{first}"',
            hint=exceptions.did_you_mean(first, [*names, *_TOP])
            or f'its stages are {", ".join(names)}',
        )
    number = names.index(first)
    changed = _put(stages[number][1], rest, node, [first], argument)
    if changed is None:
        del stages[number]
    else:
        where = stages[number][1].key_mark if rest else node.mark
        changed = nodes.Node(changed.value, changed.mark, where)
        stages[number] = (first, changed)
    old = value['stages']
    value['stages'] = nodes.Node(
        tuple(nodes.Node({name: one}, one.start) for name, one in stages),
        old.mark,
        old.key_mark,
    )
    return nodes.Node(value, recipe.mark)


def read(argument: str) -> tuple[list[str | int], nodes.Node]:
    """Return the path and the value of one argument.

    :param argument: ``PATH=VALUE``.
    :raises RecipeInvalid: it is not of that form.
    """
    path, position = nodes.read_path(argument)
    if not path or isinstance(path[0], int) or argument[position:][:1] != '=':
        raise _invalid(
            argument,
            position + 1,
            'not of the form PATH=VALUE',
            hint='such as --set compose.environment.DIB_RELEASE=trixie',
        )
    start = position + 1
    if not argument[start:].strip():
        raise _invalid(
            argument,
            start + 1,
            'there is no value',
            hint='write "" for empty text, or null to take the value away',
        )
    # Blanks for the path keep the columns of what is wrong in the value.
    node = text.parse(
        ' ' * start + argument[start:], _file(argument), schema.KIND
    )
    return path, nodes.Node(
        node.value, node.mark, nodes.Mark(_file(argument), 1, 1)
    )


def _put(
    node: nodes.Node | None,
    path: Sequence[str | int],
    new: nodes.Node,
    above: list[str | int],
    argument: str,
) -> nodes.Node | None:
    """Return a node with one value set in it, or None if it is taken away."""
    if not path:
        return None if new.value is None else new
    part, rest = path[0], path[1:]
    if isinstance(part, int):
        return _put_item(node, part, rest, new, above, argument)
    if node is not None and not isinstance(node.value, Mapping):
        raise _not_a(node, 'a mapping', above, argument)
    value: dict[str, Any] = dict(node.value) if node is not None else {}
    changed = _put(value.get(part), rest, new, [*above, part], argument)
    if changed is not None:
        mark = new.key_mark if not rest or part not in value else None
        mark = mark or value[part].key_mark
        value[part] = nodes.Node(changed.value, changed.mark, mark)
    elif part in value:
        del value[part]
    else:
        raise _invalid(
            argument,
            1,
            f'there is no {nodes.write_path([*above, part])} to take away',
            hint=exceptions.did_you_mean(part, value),
        )
    if node is None:
        return nodes.Node(value, new.mark, new.key_mark)
    return nodes.Node(value, node.mark, node.key_mark)


def _put_item(
    node: nodes.Node | None,
    index: int,
    rest: Sequence[str | int],
    new: nodes.Node,
    above: list[str | int],
    argument: str,
) -> nodes.Node:
    if node is None or not isinstance(node.value, tuple):
        raise _not_a(node, 'a list', above, argument)
    items = list(node.value)
    if index >= len(items):
        raise _invalid(
            argument,
            1,
            f'{nodes.write_path(above)} has {len(items)} items, and [{index}] '
            'is none of them',
            hint='the first one is [0]',
        )
    changed = _put(items[index], rest, new, [*above, index], argument)
    if changed is None:
        del items[index]
    else:
        items[index] = changed
    return nodes.Node(tuple(items), node.mark, node.key_mark)


def _not_a(
    node: nodes.Node | None,
    kind: str,
    above: list[str | int],
    argument: str,
) -> exceptions.InvalidInput:
    path = nodes.write_path(above)
    if node is None:
        return _invalid(argument, 1, f'{path} is not set, so it is not {kind}')
    return _invalid(
        argument,
        1,
        f'{path} is not {kind} but {nodes.show(node.data())}',
        hint=f'set it as a whole: {path}=…',
    )


def _file(argument: str) -> str:
    shown = argument if len(argument) <= 80 else argument[:79] + '…'
    return f'--set {shown}'


def _invalid(
    argument: str, column: int, message: str, *, hint: str | None = None
) -> exceptions.InvalidInput:
    mark = nodes.Mark(_file(argument), 1, column)
    problem = nodes.Node(None, mark).problem(message, hint=hint)
    return schema.KIND.invalid([problem], _file(argument))
