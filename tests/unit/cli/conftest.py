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

import dataclasses
import io
import json
import logging

import pytest

from image_pipeline import artifact
from image_pipeline.catalogues import base as catalogue_base
from image_pipeline.catalogues import directory
from image_pipeline.catalogues import registry as catalogue_registry
from image_pipeline.cli import main
from image_pipeline.host import plugins
from image_pipeline.stages import base, registry
from image_pipeline.testing import fake_catalogue, fakes
from image_pipeline.testing import plugins as testing_plugins
from image_pipeline.testing import stages as testing_stages
from image_pipeline.testing.conformance import catalogue as conformance


@dataclasses.dataclass(frozen=True, kw_only=True)
class ComposeOptions:
    elements: tuple[str, ...]


class ComposeStage(base.Stage[ComposeOptions]):
    """Compose a disk."""

    name = 'compose'
    options_class = ComposeOptions
    schema = {  # noqa: RUF012 - as the contract declares it
        'type': 'object',
        'additionalProperties': False,
        'required': ['elements'],
        'properties': {
            'elements': {
                'description': 'elements to use',
                'type': 'array',
                'items': {'type': 'string'},
            }
        },
    }
    provides = frozenset({artifact.DISK})

    def needs(self, context):
        return base.HostNeeds(
            executables={'no-such-program': None, 'sh': '0.1'},
            disk_bytes=2**30,
        )

    def run(self, context):
        return ()


@dataclasses.dataclass(frozen=True, kw_only=True)
class ConvertOptions:
    pass


class ConvertStage(base.Stage[ConvertOptions]):
    """Convert the disk."""

    name = 'convert'
    options_class = ConvertOptions
    scope = base.Scope.FORMAT
    requires = frozenset({artifact.DISK})
    provides = frozenset({artifact.IMAGE})
    schema = {  # noqa: RUF012 - as the contract declares it
        'type': 'object',
        'additionalProperties': False,
        'properties': {},
    }

    def run(self, context):
        return ()


class Outcome:
    """What a command left: its exit status and what it printed."""

    def __init__(self, status, out, err):
        self.status, self.out, self.err = status, out, err

    @property
    def json(self):
        return json.loads(self.out)


@pytest.fixture
def run(monkeypatch, tmp_path):
    """Call the program in a folder with two stages and a recipe path."""
    stages = {'compose': ComposeStage, 'convert': ConvertStage}
    monkeypatch.setattr(
        registry,
        '_PLUGINS',
        testing_plugins.FakePlugins(
            registry.NAMESPACE, 'stage', classes=stages
        ),
    )
    monkeypatch.setenv(main.STATE_DIR_VARIABLE, str(tmp_path / 'state'))
    monkeypatch.setenv('XDG_CONFIG_HOME', str(tmp_path / 'config'))
    monkeypatch.chdir(tmp_path)
    root = logging.getLogger()
    before = root.handlers[:], root.level

    def call(*argv):
        out, err = io.StringIO(), io.StringIO()
        status = main.App(stdout=out, stderr=err).run([*argv])
        return Outcome(status, out.getvalue(), err.getvalue())

    yield call
    root.handlers[:], root.level = before


@pytest.fixture
def recipe(tmp_path):
    """A recipe in the folder where we stand."""
    file = tmp_path / 'r.yaml'
    file.write_text(
        'version: 1\n'
        'description: Ours\n'
        'image: {name: debian-12, properties: {os_distro: debian}}\n'
        'stages:\n'
        '  - compose: {elements: [debian-minimal]}\n'
        '  - convert\n'
    )
    return file


@pytest.fixture
def program(tmp_path, monkeypatch):
    """Run the program in this process; give status, output, errors."""
    for name, value in testing_stages.install(tmp_path / 'stages').items():
        monkeypatch.setenv(name, value)
    monkeypatch.syspath_prepend(str(tmp_path / 'stages'))
    plugins.forget()
    (tmp_path / 'empty.conf').write_text('')

    def run(*words):
        out, err = io.StringIO(), io.StringIO()
        status = main.App(stdout=out, stderr=err).run(
            [
                '--config-file',
                str(tmp_path / 'empty.conf'),
                '--state-dir',
                str(tmp_path / 'state'),
                *map(str, words),
            ]
        )
        return status, out.getvalue(), err.getvalue()

    yield run
    plugins.forget()


@pytest.fixture
def fake_recipe(tmp_path):
    """A recipe of fake stages."""
    path = tmp_path / 'one.yaml'
    path.write_text(
        'version: 1\nimage: {name: fake}\n'
        'stages: [fake-make, fake-convert: {formats: [raw]}]\n'
    )
    return path


@pytest.fixture
def catalogue(tmp_path):
    """Return the local target's catalogue."""
    return directory.DirectoryCatalogue(
        fakes.target(), state_dir=tmp_path / 'state'
    )


@pytest.fixture
def add(catalogue, tmp_path):
    """Register an image of some content; make it the current one if asked."""
    return adder(catalogue, tmp_path)


def adder(catalogue, folder):
    """Return a function that registers images in a catalogue."""

    def make(
        content, *, name=conformance.NAME, promote=False, tested=False, **more
    ):
        record = conformance.register(
            catalogue,
            conformance.make_image(folder, content),
            name=name,
            **more,
        )
        if tested:
            record = catalogue.set_properties(
                record.id,
                {},
                tested=catalogue_base.Tested(sha256=record.sha256, ram=512),
            )
        if promote:
            record = catalogue.promote(record.id).current
        return record

    return make


@pytest.fixture
def call(tmp_path, capsys, monkeypatch):
    """Call the program as its entry point does; give status, output, errors.

    The state folder is that of the catalogue; this host has no configuration.
    """
    monkeypatch.setenv('HOME', str(tmp_path))
    monkeypatch.setenv('XDG_CONFIG_HOME', str(tmp_path / 'config'))

    def run(*words):
        status = main.main(
            ['--state-dir', str(tmp_path / 'state'), *map(str, words)]
        )
        out, err = capsys.readouterr()
        assert 'Traceback' not in err
        return status, out, err

    return run


@pytest.fixture
def two(tmp_path, monkeypatch, call):
    """Two targets beside the local one; give what adds images, by name."""
    found = {
        name: fake_catalogue.FakeCatalogue(
            fakes.target(name=name, catalogue='fake')
        )
        for name in ('one', 'two')
    }

    class Opened(fake_catalogue.FakeCatalogue):
        """Opened again it is the same one."""

        def __new__(cls, target, *, state_dir):
            return found[target.name]

    monkeypatch.setattr(
        catalogue_registry,
        '_PLUGINS',
        testing_plugins.FakePlugins(
            catalogue_registry.NAMESPACE,
            'catalogue',
            classes={
                'fake': Opened,
                'directory': directory.DirectoryCatalogue,
            },
        ),
    )
    file = tmp_path / 'config' / 'image-pipeline' / 'image-pipeline.conf'
    file.parent.mkdir(parents=True)
    file.write_text(
        ''.join(f'[target:{name}]\ncatalogue = fake\n' for name in found)
    )
    return {
        name: (catalogue, adder(catalogue, tmp_path))
        for name, catalogue in found.items()
    }
