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

"""What goes into a program and comes out of it, while it runs."""

import contextlib
import os
import selectors
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import IO

#: How often we look whether a program has ended, in seconds.
_LOOK = 0.5
#: How long we read on after a program has ended, in seconds.
_LINGER = 2.0


def feed(pipe: IO[bytes] | None, text: str | None) -> None:
    """Write a program's standard input from a thread.

    The program may print before it has read all.

    :param pipe: its standard input.
    :param text: what to write; None leaves the pipe alone.
    """
    if pipe is None or text is None:
        return

    def write() -> None:
        with contextlib.suppress(BrokenPipeError), pipe:
            pipe.write(text.encode())

    threading.Thread(target=write, daemon=True).start()


def read(
    pipes: Sequence[IO[bytes]], ended: Callable[[], bool]
) -> Iterator[tuple[int, bytes]]:
    """Give what a program prints, until the pipes are closed.

    A daemon that it left behind may keep them open for ever, as gpg-agent
    does; so this ends a moment after the program itself.

    :param pipes: its outputs.
    :param ended: whether the program has ended.
    :returns: the pipe's number in the sequence, and bytes.
    """
    gone: float | None = None
    with selectors.DefaultSelector() as selector:
        for number, pipe in enumerate(pipes):
            selector.register(pipe, selectors.EVENT_READ, number)
        while selector.get_map():
            for key, _ in selector.select(_LOOK):
                data = os.read(key.fd, 1 << 16)
                if data:
                    yield key.data, data
                else:
                    selector.unregister(key.fileobj)
            if ended():
                gone = gone or time.monotonic()
                if time.monotonic() - gone > _LINGER:
                    return


def collect(
    pipes: Sequence[IO[bytes]], ended: Callable[[], bool]
) -> list[str]:
    """Return all that a program prints, a text for each pipe.

    :param pipes: its outputs.
    :param ended: whether the program has ended.
    """
    found = [bytearray() for _ in pipes]
    for number, data in read(pipes, ended):
        found[number] += data
    return [bytes(one).decode(errors='replace') for one in found]


def lines(
    pipes: Sequence[IO[bytes]], ended: Callable[[], bool]
) -> Iterator[bytes]:
    """Give whole lines without their ends; what is left at last is one.

    :param pipes: its outputs.
    :param ended: whether the program has ended.
    """
    rest = b''
    for _, data in read(pipes, ended):
        *whole, rest = (rest + data).split(b'\n')
        yield from whole
    if rest:
        yield rest
