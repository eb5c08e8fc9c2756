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


"""A real OpenStack for the tests of this folder: tools/devcloud.

It is started by whoever comes first and ended by whoever leaves last, also
where several processes test at a time.  IMAGE_PIPELINE_DEVCLOUD names the
folder of another one: if that one runs, it is used as it is and left so.
With IMAGE_PIPELINE_DEVCLOUD_KEEP set, what was started is left running.

Without root, these tests are skipped; where CI is set, and wherever root
cannot start it, they fail.
"""

import contextlib
import dataclasses
import fcntl
import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openstack
import openstack.config
import pytest

from image_pipeline.testing import tiny_fixture

tiny = tiny_fixture.tiny
tiny_images = tiny_fixture.tiny_images

_ROOT = Path(__file__).parents[2]
_DEVCLOUD = _ROOT / 'tools' / 'devcloud'
_FOLDER = '/var/lib/image-pipeline-devcloud-tests'
#: Debian's, of the same release as the services.
_OPENSTACK = '/usr/bin/openstack'


@dataclasses.dataclass(frozen=True, kw_only=True)
class Devcloud:
    """The OpenStack that tests use.

    :param folder: its state folder.
    :param clouds_yaml: with the entries devcloud (a member of the project
        demo), devcloud-reader, devcloud-other and devcloud-alone (other
        projects), devcloud-two (another region, with a Glance only) and
        devcloud-admin.
    :param address: of all its APIs and of RabbitMQ.
    :param host_address: where its services reach a test's own server.
    :param guests: the network that servers are in, as CIDR.
    :param transport_url: of RabbitMQ, for tests.
    """

    folder: Path
    clouds_yaml: Path
    address: str
    host_address: str
    guests: str
    transport_url: str

    @property
    def variables(self) -> dict[str, str]:
        """What programs need in their environment to know the cloud."""
        return {'OS_CLIENT_CONFIG_FILE': str(self.clouds_yaml)}

    def openstack(
        self, *argv: str | os.PathLike[str], cloud: str = 'devcloud'
    ) -> Any:
        """Run the OpenStack client; fail if it does.

        :param argv: its arguments; `-f json` for values.
        :param cloud: the entry of clouds.yaml.
        :return: JSON values, or its words where it prints none.
        """
        done = self.try_openstack(*argv, cloud=cloud)
        assert done.returncode == 0, done.stderr
        with contextlib.suppress(ValueError):
            return json.loads(done.stdout)
        return done.stdout

    def try_openstack(
        self, *argv: str | os.PathLike[str], cloud: str = 'devcloud'
    ) -> 'subprocess.CompletedProcess[str]':
        """Run the OpenStack client, whatever comes of it.

        :param argv: its arguments.
        :param cloud: the entry of clouds.yaml.
        """
        return subprocess.run(
            [_OPENSTACK, '--os-cloud', cloud, *argv],
            env=_environment() | self.variables,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=900,
        )

    def start(self, service: str) -> None:
        """Start a service, and wait until it answers.

        :param service: such as ``glance-api``; see ``devcloud status``.
        """
        self.run('service', 'start', service)

    def stop(self, service: str) -> None:
        """Stop a service as a service manager would.

        :param service: its name.
        """
        self.run('service', 'stop', service)

    def kill(self, service: str) -> None:
        """Kill a service and all its processes.

        :param service: its name.
        """
        self.run('service', 'kill', service)

    def configure(self, service: str, *options: str) -> None:
        """Override options of a service, and wait until it answers again.

        :param service: its name.
        :param options: such as ``token.expiration=30``.
        """
        self.run('configure', service, *options)

    def mend(self) -> None:
        """Start what is down, and take all overrides back."""
        self.run('mend')

    def log(self, service: str) -> str:
        """Give the log of a service.

        :param service: its name.
        """
        return self.run('log', service)

    def exec(self, *argv: str | os.PathLike[str]) -> str:
        """Run a program where the servers are; give its standard output.

        :param argv: the program and its arguments.
        """
        return self.run('exec', *argv)

    def run(self, *argv: str | os.PathLike[str]) -> str:
        """Run tools/devcloud; fail if it does; give its standard output.

        :param argv: its arguments.
        """
        return _devcloud(self.folder, *argv)

    @contextlib.contextmanager
    def shared(self) -> Iterator[None]:
        """Keep others from breaking the cloud meanwhile.

        For fixtures of a wider scope than a test; not around the tests.
        """
        with self._used(fcntl.LOCK_SH):
            yield

    @contextlib.contextmanager
    def exclusive(self) -> Iterator[None]:
        """Have the cloud alone, and whole again at the end."""
        with self._used(fcntl.LOCK_EX):
            try:
                yield
            finally:
                self.mend()

    @contextlib.contextmanager
    def _used(self, how: int) -> Iterator[None]:
        with contextlib.ExitStack() as use:
            # Whoever waits for the cloud alone keeps those behind it waiting:
            # else they would share it among them for ever.
            with _locked(self.folder / 'turn.lock', fcntl.LOCK_EX):
                use.enter_context(_locked(self.folder / 'use.lock', how))
            yield


@pytest.fixture(autouse=True)
def _no_cloud_of_ones_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the tests from the clouds of whoever runs them."""
    _need_root()
    for name in set(os.environ) - set(_environment()):
        monkeypatch.delenv(name)


@pytest.fixture(scope='session')
def devcloud() -> Iterator[Devcloud]:
    """The cloud, without a lock: for fixtures of a wider scope."""
    _need_root()
    named = os.environ.get('IMAGE_PIPELINE_DEVCLOUD')
    folder = Path(named or _FOLDER)
    (folder / 'testers').mkdir(parents=True, exist_ok=True)
    ours = folder / 'of-tests'
    presence = folder / 'testers' / str(os.getpid())
    with contextlib.ExitStack() as present:
        with _locked(folder / 'tests.lock', fcntl.LOCK_EX):
            alone = not _others(folder)
            present.enter_context(_locked(presence, fcntl.LOCK_EX))
            facts = _started(folder, ours, alone=alone)
        yield Devcloud(
            folder=folder,
            clouds_yaml=Path(facts['clouds_yaml']),
            address=facts['address'],
            host_address=facts['host_address'],
            guests=facts['guests'],
            transport_url=facts['transport_url'],
        )
    with _locked(folder / 'tests.lock', fcntl.LOCK_EX):
        presence.unlink()
        if ours.exists() and not _others(folder):
            _end(folder, ours)


@pytest.fixture
def cloud(
    devcloud: Devcloud, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Devcloud]:
    """The cloud, which nobody breaks meanwhile; others may use it too."""
    for name, value in devcloud.variables.items():
        monkeypatch.setenv(name, value)
    with devcloud.shared():
        yield devcloud


@pytest.fixture
def exclusive_cloud(
    devcloud: Devcloud, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Devcloud]:
    """The cloud for this test alone, to break; it is mended afterwards."""
    for name, value in devcloud.variables.items():
        monkeypatch.setenv(name, value)
    with devcloud.exclusive():
        yield devcloud


@pytest.fixture
def pipeline(pipeline: Any, devcloud: Devcloud) -> Any:
    """The program with an empty state folder, which knows the cloud."""
    return dataclasses.replace(pipeline, variables=devcloud.variables)


def _need_root() -> None:
    if os.geteuid() != 0 and os.environ.get('CI'):
        pytest.fail('tools/devcloud needs root', pytrace=False)
    if os.geteuid() != 0:
        pytest.skip('tools/devcloud needs root')


def _environment() -> dict[str, str]:
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith('OS_')
    }


def _devcloud(folder: Path, *argv: str | os.PathLike[str]) -> str:
    done = subprocess.run(
        [_DEVCLOUD, '--state-dir', folder, *argv],
        env=_environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=1500,
    )
    # Not an assertion: what is left of it must be readable.
    if done.returncode != 0:
        command = ' '.join(map(str, argv))
        pytest.fail(f'devcloud {command}: {done.stderr}', pytrace=False)
    return done.stdout


def _started(folder: Path, ours: Path, *, alone: bool) -> Any:
    new = not (folder / 'settings.json').exists()
    facts = {} if new else json.loads(_devcloud(folder, 'status', '--json'))
    # What tests that were killed left running is not as they found it.
    stale = ours.exists() and alone
    if not facts.get('running') or stale:
        ours.touch()
        if folder == Path(_FOLDER):
            _devcloud(folder, 'reset')
        _devcloud(folder, 'start')
    return json.loads(_devcloud(folder, 'status', '--json'))


def _end(folder: Path, ours: Path) -> None:
    left = _leftovers(folder / 'clouds.yaml')
    if not os.environ.get('IMAGE_PIPELINE_DEVCLOUD_KEEP'):
        _devcloud(folder, 'stop')
        ours.unlink()
    if left:
        pytest.fail(f'the tests left in the cloud: {left}', pytrace=False)


def _leftovers(clouds_yaml: Path) -> list[str]:
    config = openstack.config.OpenStackConfig(config_files=[str(clouds_yaml)])

    def connect(name: str) -> openstack.connection.Connection:
        return openstack.connection.Connection(
            config=config.get_one(cloud=name)
        )

    admin, two = connect('devcloud-admin'), connect('devcloud-two')
    left: list[Any] = list(admin.compute.servers(all_projects=True))
    for images in (admin.image, two.image):
        for hidden in (False, True):
            left += images.images(is_hidden=hidden)
    left += admin.network.networks()
    left += admin.network.security_groups()
    for user in map(connect, ('devcloud', 'devcloud-other', 'devcloud-alone')):
        left += user.network.ports(project_id=user.current_project_id)
        left += user.compute.keypairs()
    return [
        f'{type(one).__name__} {one.name or one.id}'
        for one in left
        if one.name not in {'default', 'provider'}
    ]


def _others(folder: Path) -> bool:
    for path in (folder / 'testers').iterdir():
        with path.open() as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
        # Whoever that was is dead.
        path.unlink()
    return False


@contextlib.contextmanager
def _locked(path: Path, how: int) -> Iterator[None]:
    with path.open('a') as file:
        fcntl.flock(file, how)
        yield
