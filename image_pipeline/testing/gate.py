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

"""A gate before a service: what is sent through it stops where a test says.

So a test can kill one of the two ends in the middle of an upload, however
fast or loaded the host is.
"""

import contextlib
import socket
import threading
from collections.abc import Iterator
from types import TracebackType

_BLOCK = 65536


class Gate:
    """Forward connections to a service of this host or another.

    :param host: the service's address.
    :param port: its port.
    :param stop_at: the beginning of a request that is stopped, such as
        ``PUT /v2/images/``; None lets all through.
    :param after: bytes of that request that still get through.
    :param damage: change a byte of what comes after them.
    """

    def __init__(
        self,
        host: str,
        port: int,
        *,
        stop_at: str | None = None,
        after: int = 1 << 18,
        damage: bool = False,
    ) -> None:
        self._service = (host, port)
        self._stop_at = stop_at.encode() if stop_at else None
        self._after = after
        self._damage = damage
        self._server = socket.create_server(('127.0.0.1', 0))
        self._sockets: list[socket.socket] = [self._server]
        #: Set when a request has been stopped.
        self.stopped = threading.Event()
        self._open = threading.Event()

    @property
    def url(self) -> str:
        """Where clients go."""
        return f'http://127.0.0.1:{self._server.getsockname()[1]}'

    def open(self) -> None:
        """Let everything through from now on."""
        self._open.set()

    def cut(self) -> None:
        """Break the connections that there are; new ones are let through."""
        for one in self._sockets[1:]:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        self._open.set()

    def __enter__(self) -> 'Gate':
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._open.set()
        for one in self._sockets:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._server.accept()
                self._sockets.append(client)
                try:
                    service = socket.create_connection(self._service)
                except OSError:
                    # As if nothing listened here either.
                    client.close()
                    continue
                self._sockets.append(service)
                for pair in ((client, service), (service, client)):
                    threading.Thread(
                        target=self._forward,
                        args=(*pair, pair[0] is client),
                        daemon=True,
                    ).start()

    def _forward(
        self, source: socket.socket, to: socket.socket, watched: bool
    ) -> None:
        left: int | None = None
        with _ended(source, to):
            while block := source.recv(_BLOCK):
                if watched and self._stops(block):
                    left = self._after
                if left is not None and (
                    self._damage or not self._open.is_set()
                ):
                    through, block = block[:left], block[left:]
                    to.sendall(through)
                    left -= len(through)
                    if not block:
                        continue
                    self.stopped.set()
                    self._open.wait()
                    if self._damage:
                        block = bytes([block[0] ^ 1]) + block[1:]
                        left = None
                to.sendall(block)

    def _stops(self, block: bytes) -> bool:
        return self._stop_at is not None and block.startswith(self._stop_at)


@contextlib.contextmanager
def _ended(source: socket.socket, to: socket.socket) -> Iterator[None]:
    """End both directions when one has come to its end."""
    try:
        with contextlib.suppress(OSError):
            yield
    finally:
        for one in (source, to):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
