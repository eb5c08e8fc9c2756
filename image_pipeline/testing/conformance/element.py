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

"""What an element must be like.

diskimage-builder finds most mistakes of an element after minutes, inside the
image, or never.  These tests find them by reading::

    class TestMyElements(element.ElementConformance):
        elements_path = (Path('elements'),)

Run ``dib-lint`` and ``bashate`` besides.
"""

import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest
import yaml

from image_pipeline import elements

#: The phases of diskimage-builder 3, and where in them scripts run.
PHASES = frozenset(
    f'{phase}.d'
    for phase in (
        'root',
        'extra-data',
        'pre-install',
        'install',
        'post-install',
        'post-root',
        'block-device',
        'pre-finalise',
        'finalise',
        'cleanup',
    )
)
#: Other folders that diskimage-builder and its elements know.
FOLDERS = frozenset(
    ('bin', 'environment.d', 'init-scripts', 'static', 'test-elements')
)
#: What package-installs reads, from its README.
PACKAGE_KEYS = frozenset(
    (
        'arch',
        'build-only',
        'dib_python_version',
        'installtype',
        'not-arch',
        'phase',
        'uninstall',
        'when',
    )
)
#: The families that ``pkg-map`` of diskimage-builder knows, and we serve.
FAMILIES = ('debian', 'redhat', 'suse')
#: A script longer than this should be Python, or two scripts.
MOST_LINES = 50

_NAME = re.compile(r'[a-z][a-z0-9]*(-[a-z0-9]+)*')
_SCRIPT = re.compile(r'\d{2,3}-[a-z0-9]+(-[a-z0-9]+)+')
_ENVIRONMENT = re.compile(r'\d{2}-[a-z0-9-]+\.bash')
_OPENING = """#!/bin/bash

if [ "${DIB_DEBUG_TRACE:-0}" -gt 0 ]; then
    set -x
fi
set -eu
set -o pipefail
"""
_VARIABLE = re.compile(
    r'^(?P<name>[A-Z][A-Z0-9_]*):\n'
    r'  :Required: (Yes|No)[^\n]*\n'
    r'  :Default: \S[^\n]*\n(?:    +[^\n]+\n)*'
    r'  :Description: \S[^\n]*\n(?:    +[^\n]+\n)*'
    r'(  :Example: ``(?P=name)=[^\n]*``\n)?',
    re.MULTILINE,
)
_EXPORT = re.compile(
    r'\bexport (?P<name>[A-Z][A-Z0-9_]*)=\$\{(?P=name):?-', re.MULTILINE
)


def folders(elements_path: Iterable[Path]) -> list[Path]:
    """Return the folders of the elements to test.

    :param elements_path: folders of elements, as in ``ELEMENTS_PATH``.
    """
    return [element.path for element in elements.find(elements_path)]


def stock() -> dict[str, elements.Element]:
    """Return diskimage-builder's own elements by name."""
    from diskimage_builder import paths  # type: ignore[import-untyped]

    found = elements.find([Path(paths.get_path('elements'))])
    return {element.name: element for element in found}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give each test every element; for modules that import this one."""
    if 'folder' in metafunc.fixturenames and metafunc.cls is not None:
        found = folders(metafunc.cls.elements_path)
        metafunc.parametrize('folder', found, ids=[f.name for f in found])


class ElementConformance:
    """Tests that every element of :attr:`elements_path` passes.

    ``pytest_generate_tests`` of this module must be imported by the module
    that subclasses it.
    """

    #: Folders that hold the elements.
    elements_path: ClassVar[tuple[Path, ...]]

    def known(self) -> dict[str, elements.Element]:
        """Return every element that can be depended on, ours first."""
        own = elements.find(self.elements_path)
        return {**stock(), **{element.name: element for element in own}}

    def test_name_is_hyphenated_and_not_a_stock_name(
        self, folder: Path
    ) -> None:
        """A stock name would hide diskimage-builder's own element."""
        assert _NAME.fullmatch(folder.name)
        assert folder.name not in stock()

    def test_readme_has_the_name_as_title_and_a_summary(
        self, folder: Path
    ) -> None:
        """``element list`` and the manual show the summary."""
        lines = (folder / 'README.rst').read_text().splitlines()
        assert lines[1] == folder.name
        assert lines[0] == lines[2] == '=' * len(folder.name)
        assert elements.read(folder).summary

    def test_readme_documents_each_variable_in_the_fixed_form(
        self, folder: Path
    ) -> None:
        """Each variable that it gives a default is described somewhere."""
        readme = (folder / 'README.rst').read_text() + '\n'
        documented = {match['name'] for match in _VARIABLE.finditer(readme)}
        named = set(re.findall(r'^([A-Z][A-Z0-9_]+):$', readme, re.MULTILINE))
        assert named == documented, 'a variable is not in the fixed form'
        used = ''.join(_text(file) for file in _files(folder))
        undocumented = set(_EXPORT.findall(used)) - documented
        others = ''.join(
            (element.path / 'README.rst').read_text()
            for element in self.known().values()
            if (element.path / 'README.rst').is_file()
        )
        assert {name for name in undocumented if name not in others} == set()

    def test_dependencies_are_sorted_and_known(self, folder: Path) -> None:
        """diskimage-builder would stop at the first unknown one."""
        element = elements.read(folder)
        assert list(element.deps) == sorted(set(element.deps))
        provided = {
            name
            for known in self.known().values()
            for name in (known.name, *known.provides)
        }
        assert set(element.deps) <= provided

    def test_helpers_that_it_uses_are_dependencies(self, folder: Path) -> None:
        """package-installs and pkg-map are elements as well."""
        closure = _closure(folder.name, self.known())
        if (folder / 'package-installs.yaml').exists():
            assert 'package-installs' in closure
        if (folder / 'pkg-map').exists():
            assert 'pkg-map' in closure

    def test_folders_are_phases_and_not_links(self, folder: Path) -> None:
        """A wheel cannot hold a linked folder; a misspelt phase is dead."""
        for path in folder.iterdir():
            if path.is_dir():
                assert not path.is_symlink(), path
                assert path.name in PHASES | FOLDERS, path
        for path in folder.rglob('*'):
            assert not (path.is_symlink() and path.is_dir()), path

    def test_scripts_have_a_name_that_runs(self, folder: Path) -> None:
        """``dib-run-parts`` passes over names with a dot in silence."""
        for script in _scripts(folder):
            assert _SCRIPT.fullmatch(script.name), script
            assert script.stat().st_mode & 0o111 == 0o111, script

    def test_scripts_open_alike_and_are_short(self, folder: Path) -> None:
        """Tracing, and stopping at the first command that fails."""
        for script in _scripts(folder):
            text = script.read_text()
            if 'python' not in text.partition('\n')[0]:
                assert text.startswith(_OPENING), script
            assert text.endswith('\n'), script
            assert len(text.splitlines()) <= MOST_LINES, script

    def test_environment_files_are_sourced_not_run(self, folder: Path) -> None:
        """They have a number, end in ``.bash`` and are not executable."""
        for file in (folder / 'environment.d').glob('*'):
            assert _ENVIRONMENT.fullmatch(file.name), file
            assert not file.stat().st_mode & 0o111, file
            assert not file.read_text().startswith('#!'), file

    def test_packages_are_well_formed(self, folder: Path) -> None:
        """A misspelt key would be passed over."""
        packages = _packages(folder)
        for name, settings in packages.items():
            each = settings if isinstance(settings, list) else [settings]
            for setting in each:
                assert set(setting or {}) <= PACKAGE_KEYS, name

    def test_package_map_maps_packages_that_it_installs(
        self, folder: Path
    ) -> None:
        """A name that nothing installs is a leftover or a misspelling."""
        file = folder / 'pkg-map'
        if not file.exists():
            return
        mapped = set(_mapped(json.loads(file.read_text())))
        scripts = ''.join(_text(script) for script in _scripts(folder))
        installed = set(_packages(folder))
        assert {
            name
            for name in mapped - installed
            if not re.search(rf'install-packages .*\b{name}\b', scripts)
        } == set()

    def test_package_map_has_a_name_for_every_family(
        self, folder: Path
    ) -> None:
        """A name of our own (with ``_``) is no package anywhere."""
        file = folder / 'pkg-map'
        table = json.loads(file.read_text()) if file.exists() else {}
        families = table.get('family', {})
        for name in _packages(folder):
            if '_' not in name or name in table.get('default', {}):
                continue
            missing = [
                family
                for family in FAMILIES
                if name not in families.get(family, {})
            ]
            assert not missing, name

    def test_scripts_do_not_clash_with_those_of_dependencies(
        self, folder: Path
    ) -> None:
        """diskimage-builder copies the scripts of a phase into one folder."""
        known = self.known()
        seen: dict[str, str] = {}
        for name in sorted(_closure(folder.name, known)):
            if name not in known:
                continue
            for script in _scripts(known[name].path):
                key = f'{script.parent.name}/{script.name}'
                assert seen.setdefault(key, name) == name, key


def _closure(name: str, known: dict[str, elements.Element]) -> set[str]:
    found: set[str] = set()
    waiting = [name]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += known[name].deps if name in known else ()
    return found


def _scripts(folder: Path) -> Iterator[Path]:
    for phase in sorted(PHASES):
        for path in sorted((folder / phase).glob('*')):
            if path.is_file():
                yield path


def _files(folder: Path) -> Iterator[Path]:
    """Return the files of an element except its README."""
    for path in sorted(folder.rglob('*')):
        if path.is_file() and path.name != 'README.rst':
            yield path


def _text(file: Path) -> str:
    return file.read_text(encoding='utf-8', errors='replace')


def _packages(folder: Path) -> dict[str, Any]:
    file = folder / 'package-installs.yaml'
    if not file.exists():
        return {}
    return dict(yaml.safe_load(file.read_text()) or {})


def _mapped(table: Any) -> Iterator[str]:
    """Return the names that a pkg-map maps, at whatever depth."""
    for key, value in table.items():
        if isinstance(value, dict):
            yield from _mapped(value)
        else:
            yield key
