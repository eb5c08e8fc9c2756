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

"""The architecture's rules, kept over the syntax trees of our modules.

See "The tree" in doc/source/contributor/architecture.rst.
"""

import ast
import functools
import graphlib
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[2]
_PACKAGE = _ROOT / 'image_pipeline'

#: Imports point to a later row only.
_ROWS = (
    {'cli'},
    {'engine'},
    {'recipe'},
    {'stages'},
    {'audit', 'probes', 'catalogues', 'hypervisors', 'dib'},
    {'disk', 'clouds', 'notifications', 'store'},
    {'host', 'conf', 'elements', 'documents'},
    {'artifact'},
    {'exceptions'},
)
_ROW = {name: number for number, row in enumerate(_ROWS) for name in row}

#: What diskimage-builder loads, and pickles, on each dib-block-device call.
_BLOCK_DEVICE = ('dib/nodes', 'dib/launcher')
_BLOCK_DEVICE_MAY = {
    'artifact',
    'dib',
    'disk',
    'exceptions',
    'host',
}

_MOST_LINES = 400


def _modules() -> list[Path]:
    return sorted(
        path
        for path in _PACKAGE.rglob('*.py')
        # What is below an element runs inside an image.
        if path.parent == _PACKAGE / 'elements'
        or _PACKAGE / 'elements' not in path.parents
    )


def _ids(path: Path) -> str:
    return path.relative_to(_PACKAGE).as_posix()


each_module = pytest.mark.parametrize('path', _modules(), ids=_ids)


@functools.cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(), str(path))


def _package(path: Path) -> str:
    """The part of the tree that a module belongs to, such as ``dib``."""
    return path.relative_to(_PACKAGE).with_suffix('').parts[0]


def _imports(node: ast.AST) -> Iterator[str]:
    """Every dotted name that a tree imports, at any depth."""
    for child in ast.walk(node):
        if isinstance(child, ast.Import):
            yield from (alias.name for alias in child.names)
        elif isinstance(child, ast.ImportFrom):
            assert not child.level, f'line {child.lineno}: relative import'
            for alias in child.names:
                yield f'{child.module}.{alias.name}'


def _ours(node: ast.AST) -> Iterator[str]:
    """The parts of our own tree that a tree imports."""
    for name in _imports(node):
        first, *rest = name.split('.')
        if first == 'image_pipeline' and rest:
            yield rest[0]


@each_module
def test_imports_point_down(path: Path) -> None:
    here = _package(path)
    if here in ('testing', '__init__'):
        return
    assert here in _ROW, f'{here} is not in the architecture'
    wrong = {
        there
        for there in _ours(_tree(path))
        if there != here and _ROW.get(there, -1) <= _ROW[here]
    }
    assert not wrong


def test_nothing_imports_testing() -> None:
    assert not [
        _ids(path)
        for path in _modules()
        if _package(path) != 'testing' and 'testing' in _ours(_tree(path))
    ]


@each_module
def test_only_host_process_starts_programs(path: Path) -> None:
    # A fake keeps the types of what it stands for.
    if _ids(path) in ('host/process.py', 'testing/fakes.py'):
        return
    doors = {'subprocess', 'pexpect', 'pty'}
    # The type of a process is no door.
    types = {name for node in _type_checking(path) for name in _imports(node)}
    assert not {
        name
        for name in set(_imports(_tree(path))) - types
        if name.split('.')[0] in doors
    }
    if _is_program(path):
        # It may become another one, which starts none.
        return
    assert not {
        node.attr
        for node in _attributes(path, 'os')
        if node.attr in {'system', 'popen'}
        or node.attr.startswith(('exec', 'posix_spawn', 'spawn'))
    }


@each_module
def test_the_global_configuration_is_read_at_the_top_only(path: Path) -> None:
    if _package(path) in ('cli', 'engine'):
        return
    assert 'oslo_config.cfg.CONF' not in set(_imports(_tree(path)))
    assert not [
        node.lineno for node in _attributes(path, 'cfg') if node.attr == 'CONF'
    ]


@each_module
def test_only_cli_prints_and_exits(path: Path) -> None:
    # The launcher and the guest's probes are programs of their own.
    if _package(path) == 'cli' or _is_program(path):
        return
    calls = [
        node.func.id
        for node in ast.walk(_tree(path))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    ]
    assert not {'print', 'exit', 'quit'} & set(calls)
    exits = [*_attributes(path, 'sys'), *_attributes(path, 'os')]
    assert not {node.attr for node in exits} & {
        'exit',
        '_exit',
        'stdout',
        'stderr',
    }


@each_module
def test_a_module_is_short_enough_to_read(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= _MOST_LINES


@pytest.mark.parametrize(
    'path',
    [path for path in _modules() if _ids(path).startswith(_BLOCK_DEVICE)],
    ids=_ids,
)
def test_block_device_nodes_load_little(path: Path) -> None:
    assert set(_ours(_tree(path))) <= _BLOCK_DEVICE_MAY
    foreign = {name.split('.')[0] for name in _imports(_tree(path))}
    assert foreign <= set(sys.stdlib_module_names) | {
        'diskimage_builder',
        'image_pipeline',
    }


def test_imports_have_no_circle() -> None:
    names = {_dotted(path): path for path in _modules()}
    graph = {
        name: {
            there
            for imported in _imports_when_loaded(_tree(path))
            if (there := _module_of(imported, names)) and there != name
        }
        for name, path in names.items()
    }
    # Raises CycleError, which names the circle.
    assert list(graphlib.TopologicalSorter(graph).static_order())


def _dotted(path: Path) -> str:
    parts = path.relative_to(_ROOT).with_suffix('').parts
    return '.'.join(parts).removesuffix('.__init__')


def _module_of(name: str, known: dict[str, Path]) -> str | None:
    """The module that ``from a import b`` names: ``a.b`` or ``a``."""
    for candidate in (name, name.rpartition('.')[0]):
        if candidate in known:
            return candidate
    return None


def _imports_when_loaded(tree: ast.Module) -> Iterator[str]:
    """What loading the module imports: not what its functions do later."""
    for node in tree.body:
        if isinstance(node, ast.Import | ast.ImportFrom | ast.Try):
            yield from _imports(node)


def _attributes(path: Path, name: str) -> Iterator[ast.Attribute]:
    """Every ``name.attribute`` in a module."""
    for node in ast.walk(_tree(path)):
        if (
            isinstance(node, ast.Attribute)
            and isinstance(node.value, ast.Name)
            and node.value.id == name
        ):
            yield node


def _type_checking(path: Path) -> Iterator[ast.If]:
    """The parts of a module that only a type checker runs."""
    for node in ast.walk(_tree(path)):
        if isinstance(node, ast.If) and 'TYPE_CHECKING' in ast.unparse(
            node.test
        ):
            yield node


def _is_program(path: Path) -> bool:
    """Whether a module is run by path, so has a main part of its own."""
    return any(
        isinstance(node, ast.If)
        and ast.unparse(node.test) == "__name__ == '__main__'"
        for node in _tree(path).body
    )
