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

"""Whether an SSH server answers; asked on this host's own loopback."""

import contextlib
import socket
import threading
from collections.abc import Iterator

import pytest

from image_pipeline import artifact
from image_pipeline.stages import reach


@contextlib.contextmanager
def server(says: bytes) -> Iterator[int]:
    """Answer one connection; give the port."""
    with socket.create_server(('127.0.0.1', 0)) as listener:

        def answer() -> None:
            with contextlib.suppress(OSError):
                connection, _ = listener.accept()
                with connection:
                    connection.sendall(says)

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        thread.join()


@pytest.mark.parametrize(
    ('says', 'outcome'),
    [
        (b'SSH-2.0-OpenSSH_9.2\r\n', artifact.Outcome.PASS),
        (b'SSH-2.0-tiny', artifact.Outcome.PASS),
        (b'220 mail.example.org\r\n', artifact.Outcome.FAIL),
        (b'', artifact.Outcome.FAIL),
    ],
)
def test_first_word_tells_an_ssh_server(
    says: bytes, outcome: artifact.Outcome
) -> None:
    with server(says) as port:
        found = reach.check(('127.0.0.1',), port=port, timeout=30)
    assert found and found.outcome is outcome


def test_who_refuses_is_there() -> None:
    with socket.create_server(('127.0.0.1', 0)) as listener:
        port = listener.getsockname()[1]
    found = reach.check(('127.0.0.1',), port=port, timeout=30)
    assert found and found.outcome is artifact.Outcome.FAIL
    # What stands between is not the image's.
    assert not found.blocks


def test_what_cannot_be_reached_is_no_failure() -> None:
    # Nobody may listen on a multicast address.
    found = reach.check(('224.0.0.1',), timeout=5)
    assert found and found.outcome is artifact.Outcome.NOT_APPLICABLE
