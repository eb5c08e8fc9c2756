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

"""Unit tests reach nothing outside their process.

An audit hook sees every attempt to start a program, to fork or to open a
connection, from C code too.  The attempt raises, and the test fails even if
the code under test swallows the error.
"""

import os
import sys
from collections.abc import Generator
from typing import Any

import pytest

_PROCESS = frozenset(
    {
        'os.exec',
        'os.fork',
        'os.forkpty',
        'os.posix_spawn',
        'os.spawn',
        'os.startfile',
        'os.system',
        'pty.spawn',
        'subprocess.Popen',
    }
)
_NETWORK = frozenset(
    {
        'socket.connect',
        'socket.getaddrinfo',
        'socket.gethostbyaddr',
        'socket.gethostbyname',
        'socket.getnameinfo',
        'socket.sendmsg',
        'socket.sendto',
    }
)


class ForbiddenError(BaseException):
    """A unit test reached for the world; not for ``except Exception``."""


class Guard:
    """Whether the world is shut, and who tried the door."""

    def __init__(self) -> None:
        self.shut = False
        self.attempts: list[str] = []

    def hook(self, event: str, arguments: tuple[Any, ...]) -> None:
        """Refuse an event while the world is shut.

        :param event: the name of the audit event.
        :param arguments: what comes with it.
        """
        if not self.shut or event not in _PROCESS | _NETWORK:
            return
        if event.startswith('socket.') and self._is_local(arguments):
            return
        attempt = f'{event}{arguments!r:.200}'
        self.attempts.append(attempt)
        raise ForbiddenError(f'a unit test may not do this: {attempt}')

    def take(self) -> list[str]:
        """Return the attempts so far and forget them."""
        taken, self.attempts = self.attempts, []
        return taken

    @staticmethod
    def _is_local(arguments: tuple[Any, ...]) -> bool:
        # A path is a Unix socket, which a fake in this process listens on;
        # None is a connected pair.
        return len(arguments) > 1 and isinstance(
            arguments[1], str | bytes | None
        )


_guard = Guard()
sys.addaudithook(_guard.hook)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, Any, Any]:
    _guard.take()
    _guard.shut = True
    try:
        result = yield
    finally:
        _guard.shut = False
    if attempts := _guard.take():
        pytest.fail('unit tests stay in their process: ' + '; '.join(attempts))
    return result


@pytest.fixture(scope='session', autouse=True)
def _no_clouds(
    tmp_path_factory: pytest.TempPathFactory,
) -> Generator[None, None, None]:
    """Keep the tests from the clouds of whoever runs them."""
    file = tmp_path_factory.mktemp('no-clouds') / 'clouds.yaml'
    file.write_text('clouds: {}\n')
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith('OS_')]:
            patch.delenv(name)
        patch.setenv('OS_CLIENT_CONFIG_FILE', str(file))
        yield


@pytest.fixture
def guard() -> Guard:
    """The guard itself, for the tests of it."""
    return _guard
