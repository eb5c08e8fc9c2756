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


"""How commands speak with the supervisor: a line of JSON each way."""

import contextlib
import json
import os
import socket
import socketserver
import threading
import traceback
from collections.abc import Callable, Iterator
from typing import Any

from devcloudlib import errors, instance

Answer = Callable[[dict[str, Any]], dict[str, Any]]


class _Server(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True
    answer: Answer


class _Handler(socketserver.StreamRequestHandler):
    server: _Server

    def handle(self) -> None:
        try:
            reply = self.server.answer(json.loads(self.rfile.readline()))
        except errors.DevcloudError as error:
            reply = {'error': str(error), 'hint': error.hint}
        except Exception as error:  # the asker must hear of it
            traceback.print_exc()
            reply = {'error': repr(error), 'hint': ''}
        with contextlib.suppress(BrokenPipeError):
            self.wfile.write(json.dumps(reply).encode() + b'\n')


@contextlib.contextmanager
def serve(cloud: instance.Instance, answer: Answer) -> Iterator[None]:
    """Answer questions, each in a thread of its own.

    :param cloud: the devcloud.
    :param answer: gives the reply to a question.
    """
    cloud.control.unlink(missing_ok=True)
    with _Server(os.fspath(cloud.control), _Handler) as server:
        cloud.control.chmod(0o600)
        server.answer = answer
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield
        server.shutdown()


def ask(cloud: instance.Instance, **question: Any) -> dict[str, Any]:
    """Ask the supervisor of a running devcloud.

    :param cloud: the devcloud.
    :param question: what to ask; see the supervisor.
    :raises DevcloudError: if it does not run, or refuses.
    """
    cloud.pid()
    with socket.socket(socket.AF_UNIX) as client:
        try:
            client.connect(os.fspath(cloud.control))
            client.sendall(json.dumps(question).encode() + b'\n')
            reply = json.loads(client.makefile().readline())
        except (OSError, ValueError) as error:
            raise errors.DevcloudError(
                f'the devcloud in {cloud.root} does not answer: {error!r}',
                'it may be stopping; if not: devcloud stop, devcloud start',
            ) from error
    if 'error' in reply:
        raise errors.DevcloudError(reply['error'], reply['hint'])
    return dict(reply)
