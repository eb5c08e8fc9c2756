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

"""What is installed from a wheel and from an sdist is what git has.

The commit that is checked out is cloned, so what is not committed is neither
built nor compared.
"""

import dataclasses
import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[2]


@dataclasses.dataclass(frozen=True)
class Built:
    """A clone, and what was built from it."""

    clone: Path
    wheel: Path
    sdist: Path
    wheel_of_sdist: Path


@dataclasses.dataclass(frozen=True)
class Installed:
    """A virtual environment with the project in it."""

    venv: Path
    clone: Path

    @property
    def package(self) -> Path:
        [found] = self.venv.glob('lib/python3*/site-packages/image_pipeline')
        return found

    def run(self, *argv: str) -> str:
        return _run(self.venv / 'bin' / argv[0], *argv[1:])


def _run(*argv: str | os.PathLike[str], cwd: Path = Path('/')) -> str:
    # The version and the file list must come from the clone alone.
    env = {
        name: value
        for name, value in os.environ.items()
        if name not in ('PYTHONPATH', 'PBR_VERSION', 'VIRTUAL_ENV')
    }
    done = subprocess.run(
        argv, cwd=cwd, env=env, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def _build(kind: str, source: Path, out: Path) -> Path:
    _run(sys.executable, '-m', 'build', f'--{kind}', '--outdir', out, source)
    [made] = out.iterdir()
    return made


@pytest.fixture(scope='module')
def built(tmp_path_factory) -> Built:
    folder = tmp_path_factory.mktemp('built')
    clone = folder / 'clone'
    _run('git', '-c', f'safe.directory={_ROOT}', 'clone', '-q', _ROOT, clone)
    sdist = _build('sdist', clone, folder / 'sdist')
    (folder / 'unpacked').mkdir()
    _run('tar', '-xf', sdist, '-C', folder / 'unpacked')
    [unpacked] = (folder / 'unpacked').iterdir()
    return Built(
        clone=clone,
        sdist=sdist,
        wheel=_build('wheel', clone, folder / 'wheel'),
        wheel_of_sdist=_build('wheel', unpacked, folder / 'of-sdist'),
    )


def _install(wheel: Path, venv: Path, *options: str) -> None:
    _run(sys.executable, '-m', 'venv', venv)
    pip = (venv / 'bin' / 'python', '-m', 'pip', 'install', '-q', *options)
    _run(*pip, wheel)


@pytest.fixture(scope='module')
def from_wheel(built, tmp_path_factory) -> Installed:
    venv = tmp_path_factory.mktemp('from-wheel') / 'venv'
    _install(built.wheel, venv)
    return Installed(venv, built.clone)


@pytest.fixture(scope='module')
def from_sdist(built, tmp_path_factory) -> Installed:
    venv = tmp_path_factory.mktemp('from-sdist') / 'venv'
    # The libraries are the same both times; once is enough to know that they
    # are all there.
    _install(built.wheel_of_sdist, venv, '--no-deps')
    return Installed(venv, built.clone)


@pytest.fixture(params=['from_wheel', 'from_sdist'])
def installed(request) -> Installed:
    return request.getfixturevalue(request.param)


def _tracked(clone: Path, folder: str) -> dict[str, str]:
    """Mode by path, of what git tracks in a folder."""
    lines = _run('git', 'ls-files', '-s', folder, cwd=clone).splitlines()
    found = {}
    for line in lines:
        facts, _, path = line.partition('\t')
        found[path.removeprefix(f'{folder}/')] = facts.split()[0]
    return found


def _files(folder: Path) -> set[str]:
    return {
        path.relative_to(folder).as_posix()
        for path in folder.rglob('*')
        if path.is_file() and '__pycache__' not in path.parts
    }


def test_every_file_of_the_package_is_installed(installed):
    assert _files(installed.package) == set(
        _tracked(installed.clone, 'image_pipeline')
    )


def test_programs_and_element_scripts_keep_their_modes(installed):
    modes = {
        name: mode
        for name, mode in _tracked(installed.clone, 'image_pipeline').items()
        # A link becomes a plain copy of what it points to.
        if mode != '120000'
    }
    executable = {name for name, mode in modes.items() if mode == '100755'}
    assert any(name.startswith('elements/') for name in executable)
    assert {
        name
        for name in modes
        if (installed.package / name).stat().st_mode & 0o111
    } == executable


def test_no_element_has_a_link_to_a_folder(built):
    # It breaks the building of a wheel.
    links = [
        name
        for name, mode in _tracked(
            built.clone, 'image_pipeline/elements'
        ).items()
        if mode == '120000'
    ]
    elements = built.clone / 'image_pipeline' / 'elements'
    assert not [name for name in links if (elements / name).is_dir()]


def test_recipes_are_installed_beside_the_program(installed):
    recipes = installed.venv / 'share' / 'image-pipeline' / 'recipes'
    assert _files(recipes) == set(
        _tracked(installed.clone, 'etc/image-pipeline/recipes')
    )


def test_the_program_finds_its_plug_ins(from_wheel):
    usage = from_wheel.run('image-pipeline', '--help')
    assert 'usage: image-pipeline' in usage
    stages = from_wheel.run(
        'image-pipeline', 'stage', 'list', '-f', 'value'
    ).splitlines()
    assert 'compose' in {line.split()[0] for line in stages}


def test_an_sdist_carries_its_tests_and_tools(built):
    with tarfile.open(built.sdist) as archive:
        names = {name.partition('/')[2] for name in archive.getnames()}
    assert {
        'bindep.txt',
        'tools/bake',
        'tools/test',
        'tests/functional/test_packaging.py',
    } <= names
