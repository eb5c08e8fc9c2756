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

"""What all tests share: the program, and one real image."""

import contextlib
import dataclasses
import fcntl
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import hypothesis
import pytest

_ROOT = Path(__file__).parents[1]
_PROGRAM = Path(sys.executable).with_name('image-pipeline')

# How long an example takes says more of the machine than of us.
hypothesis.settings.register_profile(
    'unhurried',
    deadline=None,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile('unhurried')

# nohup, and a shell's `&`, ignore signals for all that they start; the tests
# send them to programs that are to stop.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGTERM, signal.SIG_DFL)
signal.signal(signal.SIGHUP, signal.SIG_DFL)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Done:
    """What the program answered.

    :param status: its exit status.
    :param out: its standard output.
    :param err: its standard error.
    """

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Standard output as JSON values; fails if it is anything else."""
        assert self.out, self.err
        return json.loads(self.out)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Pipeline:
    """The program as a user runs it, with a state folder of its own.

    :param state_dir: the state folder.
    :param variables: of its environment, beside those of whoever tests.
    """

    state_dir: Path
    variables: Mapping[str, str] = dataclasses.field(default_factory=dict)

    def __call__(
        self, *argv: str | os.PathLike[str], timeout: float = 1500
    ) -> Done:
        """Run the program to its end.

        :param argv: its arguments.
        :param timeout: seconds after which the test fails.
        """
        done = subprocess.run(
            [_PROGRAM, '--state-dir', self.state_dir, *argv],
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
        )
        return Done(status=done.returncode, out=done.stdout, err=done.stderr)

    @contextlib.contextmanager
    def start(
        self, *argv: str | os.PathLike[str]
    ) -> 'Iterator[subprocess.Popen[str]]':
        """Run the program beside the test, and kill what is left at the end.

        :param argv: its arguments.
        """
        with subprocess.Popen(
            [_PROGRAM, '--state-dir', self.state_dir, *argv],
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        ) as process:
            try:
                yield process
            finally:
                process.kill()

    @property
    def environment(self) -> dict[str, str]:
        """Ours, without the configuration of whoever runs the tests."""
        ours = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith('OS_')
        }
        return ours | {
            'HOME': str(self.state_dir.parent),
            'XDG_CONFIG_HOME': str(self.state_dir.parent / 'config'),
            **self.variables,
        }


@dataclasses.dataclass(frozen=True, kw_only=True)
class Baked:
    """An image that was baked once for all tests of a session.

    :param pipeline: with the state folder that it is in; to look at.
    :param done: what the bake answered.
    """

    pipeline: Pipeline
    done: Done

    @property
    def image(self) -> dict[str, Any]:
        """The image, as ``bake -f json`` describes it."""
        assert self.done.status == 0, self.done.err
        [image] = self.done.json['images']
        return image

    @property
    def path(self) -> Path:
        """The qcow2 file in the catalogue; read-only."""
        return Path(self.image['path'])


@pytest.fixture
def pipeline(tmp_path: Path) -> Pipeline:
    """The program with an empty state folder."""
    return Pipeline(state_dir=tmp_path / 'state')


@pytest.fixture(scope='session')
def shared_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that all workers of this session have."""
    folder = tmp_path_factory.getbasetemp()
    # A worker's own folder is inside the session's.
    return folder.parent if 'PYTEST_XDIST_WORKER' in os.environ else folder


@pytest.fixture(scope='session')
def debian_12(shared_folder: Path) -> Baked:
    """The recipe debian-12, baked once a session, by whoever comes first.

    Look at it and copy from it; what changes its catalogue or its artifacts
    belongs into a folder of the test's own (:func:`debian_12_copy`).
    """
    folder = shared_folder / 'debian-12'
    folder.mkdir(exist_ok=True)
    pipeline = Pipeline(state_dir=folder / 'state')
    answer = folder / 'answer.json'
    with (folder / 'lock').open('w') as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not answer.exists():
            recipe = _ROOT / 'etc/image-pipeline/recipes/debian-12.yaml'
            done = pipeline('bake', recipe, '-f', 'json')
            answer.write_text(json.dumps(dataclasses.asdict(done)))
    # A bake that failed is an answer too: the other worker need not wait for
    # it a second time.
    return Baked(
        pipeline=pipeline, done=Done(**json.loads(answer.read_text()))
    )


@pytest.fixture
def debian_12_copy(debian_12: Baked, tmp_path: Path) -> Pipeline:
    """The program with a state folder of its own that has debian-12."""
    return _copy(debian_12.pipeline, tmp_path / 'state')


@pytest.fixture(scope='session')
def copy_of_state() -> Callable[[Pipeline, Path], Pipeline]:
    """What copies a program's state folder, and gives the program with it."""
    return _copy


def _copy(pipeline: Pipeline, state: Path) -> Pipeline:
    # Nothing is copied that is immutable: artifacts are hard links.
    subprocess.run(
        ['cp', '-a', '--link', pipeline.state_dir, state], check=True
    )
    # What is written in place must not be shared.
    for path in state.rglob('*'):
        if path.is_file() and os.access(path, os.W_OK) and _mutable(path):
            data = path.read_bytes()
            path.unlink()
            path.write_bytes(data)
    return dataclasses.replace(pipeline, state_dir=state)


def _mutable(path: Path) -> bool:
    return path.stat().st_mode & 0o222 != 0
