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

"""What ``extends`` means: a recipe's layers become one.

Stages merge by name, in the base's order.  An extending recipe may name
stages in another order: those that it names then take each other's places.
A new stage stands after the one that it follows in the extending recipe.
``null`` takes a stage, or any other value, away.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from image_pipeline import exceptions
from image_pipeline.documents import nodes

#: A stage's name and its options, which are None where it is taken away.
Entry = tuple[str, nodes.Node]


def entries(stages: nodes.Node | None) -> list[Entry]:
    """Return the stages of one layer, by name.

    :param stages: the ``stages`` value; it fits the schema.
    """
    found: list[Entry] = []
    for node in (stages.value or ()) if stages is not None else ():
        if isinstance(node.value, str):
            found.append((node.value, nodes.Node({}, node.mark, node.mark)))
        else:
            found.extend(node.value.items())
    return found


def check_stages(
    stages: nodes.Node | None, *, known: Sequence[str], extends: bool
) -> list[exceptions.Problem]:
    """Return what is wrong with the stages of one layer.

    :param stages: the ``stages`` value; it fits the schema.
    :param known: the stages of the recipe that this one extends.
    :param extends: whether there is such a recipe.
    """
    problems = []
    first: dict[str, nodes.Node] = {}
    for number, (name, node) in enumerate(entries(stages)):
        path: list[str | int] = ['stages', number]
        if name in first:
            problems.append(
                node.problem(
                    f'the stage "{name}" is given twice',
                    path=path,
                    hint=f'first in line {first[name].start.line}',
                    at_key=True,
                )
            )
        first.setdefault(name, node)
        if node.value is not None or name in known:
            continue
        if extends:
            what = f'the stage "{name}" is not in the recipe that this extends'
            hint = exceptions.did_you_mean(name, known)
        else:
            what = f'"{name}:" without options takes a stage away, and this '
            what += 'recipe extends none'
            hint = f'write "- {name}"'
        problems.append(node.problem(what, path=path, hint=hint, at_key=True))
    return problems


def merge(base: nodes.Node, above: nodes.Node) -> nodes.Node:
    """Return two layers as one.

    :param base: the recipe that is extended.
    :param above: the recipe that extends it.
    """
    value = dict(base.value)
    for key, node in above.value.items():
        if key == 'stages' and node.value is not None:
            merged = merge_stages(entries(value.get(key)), entries(node))
            value[key] = _stages_node(merged, node)
        elif key != 'extends':
            _put(value, key, node)
    return nodes.Node(value, above.mark, above.key_mark)


def normal(layer: nodes.Node) -> nodes.Node:
    """Return a layer in the form that :func:`merge` returns.

    :param layer: a recipe that extends none.
    """
    value = {k: node for k, node in layer.value.items() if k != 'extends'}
    if 'stages' in value:
        value['stages'] = _stages_node(
            entries(value['stages']), value['stages']
        )
    return nodes.Node(value, layer.mark, layer.key_mark)


def merge_stages(base: Sequence[Entry], above: Sequence[Entry]) -> list[Entry]:
    """Return the stages of two layers as those of one.

    :param base: the stages that are extended.
    :param above: the stages that extend them.
    """
    options = dict(base)
    wanted = [name for name, _ in above if name in options]
    # The named ones take each other's places, in the order given anew.
    places = iter(wanted)
    order = [next(places) if name in wanted else name for name, _ in base]
    for number, (name, _) in enumerate(above):
        if name in options:
            continue
        before = [one for one, _ in above[:number] if one in order]
        after = [one for one, _ in above[number + 1 :] if one in order]
        if before:
            order.insert(order.index(before[-1]) + 1, name)
        elif after:
            order.insert(order.index(after[0]), name)
        else:
            order.append(name)
    for name, node in above:
        # A name alone is there for its place and changes no option.
        if name in options and node.value is not None:
            options[name] = merge_values(options[name], node)
        else:
            options[name] = node
    return [
        (name, options[name])
        for name in order
        if options[name].value is not None
    ]


def merge_values(base: nodes.Node, above: nodes.Node) -> nodes.Node:
    """Return two values as one: mappings merge, anything else is replaced.

    :param base: what is extended.
    :param above: what extends it.
    """
    if not isinstance(base.value, Mapping) or not isinstance(
        above.value, Mapping
    ):
        return above
    value = dict(base.value)
    for key, node in above.value.items():
        _put(value, key, node)
    return nodes.Node(value, above.mark, above.key_mark)


def _put(value: dict[str, Any], key: str, node: nodes.Node) -> None:
    if key not in value:
        # null that takes nothing away is judged by the schema, so that a
        # misspelt key is not passed over.
        value[key] = node
    elif node.value is None:
        del value[key]
    else:
        value[key] = merge_values(value[key], node)


def _stages_node(stages: Sequence[Entry], where: nodes.Node) -> nodes.Node:
    return nodes.Node(
        tuple(nodes.Node({name: node}, node.start) for name, node in stages),
        where.mark,
        where.key_mark,
    )
