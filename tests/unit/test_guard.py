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

"""The guard that keeps unit tests in their process."""

import contextlib
import os
import pathlib
import socket
import subprocess
from typing import Any

import pytest


@pytest.mark.parametrize(
    'attempt',
    [
        lambda: subprocess.run(['true']),
        lambda: os.system('true'),
        os.fork,
        lambda: os.posix_spawn('/bin/true', ['true'], {}),
        lambda: socket.create_connection(('127.0.0.1', 9)),
        lambda: socket.getaddrinfo('localhost', 80),
        lambda: socket.socket(type=socket.SOCK_DGRAM).sendto(
            b'', ('127.0.0.1', 9)
        ),
    ],
)
def test_an_attempt_raises_and_is_remembered(guard: Any, attempt: Any) -> None:
    with pytest.raises(BaseException, match='may not do this'):
        attempt()
    assert len(guard.take()) == 1


def test_a_swallowed_attempt_is_remembered(guard: Any) -> None:
    with contextlib.suppress(BaseException):
        subprocess.run(['true'])
    assert guard.take()[0].startswith('subprocess.Popen')


def test_a_socket_on_this_host_is_allowed(tmp_path: Any, guard: Any) -> None:
    path = str(tmp_path / 'socket')
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(path)
        server.listen()
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(path)
    assert guard.take() == []


def test_a_test_with_an_attempt_fails(
    pytester: pytest.Pytester, guard: Any
) -> None:
    # Run the conftest as it is on a test that swallows its error; the guard
    # of that run refuses, so ours steps aside.
    guard.shut = False
    conftest = pathlib.Path(__file__).with_name('conftest.py')
    pytester.makeconftest(conftest.read_text())
    pytester.makepyfile("""
        import subprocess

        def test_it():
            try:
                subprocess.run(['true'])
            except BaseException:
                pass
    """)
    result = pytester.runpytest_inprocess('-p', 'no:cacheprovider')
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(['*unit tests stay in their process*'])
