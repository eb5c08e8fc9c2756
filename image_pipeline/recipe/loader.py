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

"""Find recipes, read them with what they extend, and merge them.

The first of the three passes over a recipe: the text and the recipe's own
schema.  Every problem of every file is reported at once.
"""

import dataclasses
import re
import stat
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from image_pipeline import exceptions
from image_pipeline.documents import files, findings, nodes
from image_pipeline.documents import text as documents_text
from image_pipeline.recipe import merge, model, overrides
from image_pipeline.recipe import schema as recipe_schema

SUFFIXES = ('.yaml', '.yml')
#: A recipe's name is part of file names and of lock names.
_NAME = re.compile(r'[A-Za-z0-9][A-Za-z0-9._+-]{0,99}')
#: Properties under this prefix are the pipeline's own record of an image.
_OWN_PREFIX = 'image_pipeline_'


@dataclasses.dataclass
class _Layer:
    """One file while it is read."""

    file: str
    text: str
    node: nodes.Node | None = None


def names(recipe_path: Sequence[Path]) -> dict[str, Path]:
    """Return the recipes in the recipe path, sorted by name.

    :param recipe_path: folders; the earlier one wins.
    """
    found: dict[str, Path] = {}
    for folder in recipe_path:
        try:
            files = sorted(folder.iterdir())
        except OSError:
            continue
        for file in files:
            if _may_be_recipe(file) and _is_file(file):
                found.setdefault(file.stem, file)
    return dict(sorted(found.items()))


def find(name: str, recipe_path: Sequence[Path]) -> Path:
    """Return the file of a recipe.

    :param name: a file, or the name of a recipe in the recipe path.
    :param recipe_path: folders; the earlier one wins.
    :raises NotFound: there is none.
    """
    if not name.strip():
        raise exceptions.NotFound(
            'the name of a recipe is empty',
            hint='see `image-pipeline recipe list`, or give a file',
        )
    file = Path(name)
    if _is_file(file):
        return file
    by_path = '/' in name or name.endswith(SUFFIXES)
    known = names(recipe_path)
    if not by_path and name in known:
        return known[name]
    if _exists(file):
        what = 'a folder' if file.is_dir() else 'not a regular file'
        inside = ', '.join(str(one) for one in names([file]).values())
        raise exceptions.NotFound(
            f'{name} is {what}, not a recipe',
            hint=f'recipes in it: {inside}' if inside else None,
        )
    if by_path:
        raise exceptions.NotFound(
            f'there is no file {name}',
            hint=_near_file(file) or exceptions.did_you_mean(file.stem, known),
        )
    raise exceptions.NotFound(
        f'there is no recipe "{name}"',
        hint=exceptions.did_you_mean(name, known)
        or _near_file(file)
        or 'see `image-pipeline recipe list`, or give a file',
    )


def load(
    name: str, *, recipe_path: Sequence[Path], sets: Sequence[str] = ()
) -> model.Recipe:
    """Return a recipe, merged with what it extends.

    :param name: a file, or the name of a recipe in the recipe path.
    :param recipe_path: folders; the earlier one wins.
    :param sets: ``PATH=VALUE`` arguments.
    :raises NotFound: there is no such recipe.
    :raises RecipeInvalid: with every problem of every file.
    """
    file = find(name, recipe_path)
    problems: list[exceptions.Problem] = []
    layers = _read_all(file, recipe_path, problems)
    return _assemble(file, layers, sets, problems)


def reload(
    file: Path, layers: Sequence[model.Layer], sets: Sequence[str]
) -> model.Recipe:
    """Return a recipe as it was, of the texts that were kept of it.

    :param file: its file; it need not be there any more.
    :param layers: see :class:`image_pipeline.recipe.model.Recipe`.
    :param sets: ``PATH=VALUE`` arguments.
    :raises RecipeInvalid: with every problem of every text.
    """
    problems: list[exceptions.Problem] = []
    made = [_Layer(layer.file, layer.text) for layer in layers]
    for layer in made:
        _parse(layer, problems)
    return _assemble(file, made, sets, problems)


def _read_all(
    file: Path,
    recipe_path: Sequence[Path],
    problems: list[exceptions.Problem],
) -> list[_Layer]:
    """Read a recipe and what it extends, the recipe itself first."""
    layers: list[_Layer] = []
    seen: dict[Path, nodes.Node | None] = {}
    where: nodes.Node | None = None
    current: Path | None = file
    while current is not None:
        real = current.resolve()
        if real in seen and where is not None:
            problems.append(_cycle(layers, real, where))
            break
        seen[real] = where
        layer = _read(current, where, problems)
        if layer is None:
            break
        layers.append(layer)
        _parse(layer, problems)
        where = layer.node.child('extends') if layer.node else None
        current = _base(current, where, recipe_path, problems)
    return layers


def _read(
    file: Path, where: nodes.Node | None, problems: list[exceptions.Problem]
) -> _Layer | None:
    try:
        return _Layer(str(file), files.read(file, recipe_schema.KIND))
    except OSError as exc:
        message = f'{file} cannot be read: {exc.strerror}'
        if where is None:
            problems.append(exceptions.Problem(message=message))
        else:
            problems.append(where.problem(message, path=['extends']))
        return None
    except exceptions.RecipeInvalid as exc:
        problems.extend(exc.problems)
        return None


def _parse(layer: _Layer, problems: list[exceptions.Problem]) -> None:
    """Turn a layer's text into nodes that fit the schema, or not at all."""
    try:
        node = documents_text.parse(layer.text, layer.file, recipe_schema.KIND)
    except exceptions.RecipeInvalid as exc:
        problems.extend(exc.problems)
        return
    if not isinstance(node.value, Mapping):
        problems.append(
            node.problem(
                'a recipe is a mapping of keys to values',
                hint='it starts with "version: 1"',
            )
        )
        return
    extends = node.child('extends') is not None
    found = findings.problems(recipe_schema.RECIPE, node, lenient=extends)
    problems.extend(found)
    layer.node = node if not found else None
    if layer.node is None and extends:
        # What is extended can be checked even so.
        base = node.value['extends']
        if isinstance(base.value, str):
            layer.node = nodes.Node({'extends': base}, node.mark)


def _base(
    file: Path,
    where: nodes.Node | None,
    recipe_path: Sequence[Path],
    problems: list[exceptions.Problem],
) -> Path | None:
    """Return the file that a file extends."""
    if where is None:
        return None
    name = str(where.value)
    if '/' in name or name.endswith(SUFFIXES):
        wanted = str(file.parent / name)
    else:
        beside = names([file.parent])
        wanted = str(beside.get(name, name))
        recipe_path = [file.parent, *recipe_path]
    try:
        return find(wanted, recipe_path)
    except exceptions.NotFound as exc:
        problems.append(
            where.problem(exc.message, path=['extends'], hint=exc.hint)
        )
        return None


def _cycle(
    layers: Sequence[_Layer], real: Path, where: nodes.Node
) -> exceptions.Problem:
    start = next(
        number
        for number, layer in enumerate(layers)
        if Path(layer.file).resolve() == real
    )
    steps = [
        str(layer.node.value['extends'].mark)
        for layer in layers[start:]
        if layer.node is not None
    ]
    return where.problem(
        f'"extends" goes in a circle: {" -> ".join(steps)} -> '
        f'{layers[start].file}',
        path=['extends'],
        hint='one of these recipes must extend none of the others',
    )


def _assemble(
    file: Path,
    layers: Sequence[_Layer],
    sets: Sequence[str],
    problems: list[exceptions.Problem],
) -> model.Recipe:
    if problems:
        raise recipe_schema.KIND.invalid(problems, str(file))
    merged: nodes.Node | None = None
    for layer in reversed(layers):
        assert layer.node is not None  # noqa: S101 - there are no problems
        known = merge.entries(merged.child('stages')) if merged else []
        problems += merge.check_stages(
            layer.node.child('stages'),
            known=[name for name, _ in known],
            extends=merged is not None,
        )
        if merged is None:
            merged = merge.normal(layer.node)
        else:
            merged = merge.merge(merged, layer.node)
    assert merged is not None  # noqa: S101 - a recipe has one layer at least
    merged, more = overrides.apply(merged, sets)
    problems += more
    if not problems:
        problems += findings.problems(recipe_schema.RECIPE, merged)
        problems += _own_properties(merged)
    if not _NAME.fullmatch(file.stem):
        problems.append(
            exceptions.Problem(
                file=str(file),
                message=f'"{file.stem}" cannot be the name of a recipe',
                hint='rename the file: letters, digits, and ._+- only',
            )
        )
    if problems:
        raise recipe_schema.KIND.invalid(problems, str(file))
    return _recipe(file, merged, layers, sets)


def _recipe(
    file: Path,
    merged: nodes.Node,
    layers: Sequence[_Layer],
    sets: Sequence[str],
) -> model.Recipe:
    data = merged.data()
    return model.Recipe(
        name=file.stem,
        file=file,
        image_name=data['image']['name'],
        image_properties=properties(data['image'].get('properties', {})),
        stages=tuple(
            model.StageEntry(
                name=name, options=node.data(), node=node, mark=node.start
            )
            for name, node in merge.entries(merged.child('stages'))
        ),
        targets=data.get('targets', {}),
        description=data.get('description', ''),
        layers=tuple(
            model.Layer(file=layer.file, text=layer.text) for layer in layers
        ),
        sets=tuple(sets),
        targets_node=merged.child('targets'),
    )


def properties(values: Mapping[str, Any]) -> dict[str, str]:
    """Return image properties as Glance takes them: all of them text.

    :param values: text, whole numbers, true and false.
    """
    return {
        key: str(value).lower() if isinstance(value, bool) else str(value)
        for key, value in values.items()
    }


def _own_properties(merged: nodes.Node) -> list[exceptions.Problem]:
    blocks = [(['image', 'properties'], merged.at(['image', 'properties']))]
    for name in (
        merged.at(['targets']).value if 'targets' in merged.value else ()
    ):
        path = ['targets', name, 'properties']
        blocks.append((path, merged.at(path)))
    return [
        node.problem(
            f'"{key}" is a property of image-pipeline itself',
            path=path,
            hint=f'properties that begin with {_OWN_PREFIX} are its records',
            at_key=True,
        )
        for path, block in blocks
        if isinstance(block.value, Mapping)
        for key, node in block.value.items()
        if key.startswith(_OWN_PREFIX)
    ]


def _near_file(file: Path) -> str | None:
    try:
        beside = [
            one.name for one in file.parent.iterdir() if _may_be_recipe(one)
        ]
    except OSError:
        return None
    return exceptions.did_you_mean(file.name, beside)


def _may_be_recipe(file: Path) -> bool:
    return file.suffix in SUFFIXES and not file.name.startswith('.')


def _is_file(file: Path) -> bool:
    try:
        return stat.S_ISREG(file.stat().st_mode)
    except (OSError, ValueError):
        return False


def _exists(file: Path) -> bool:
    try:
        file.lstat()
    except (OSError, ValueError):
        return False
    return True
