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

"""How work under way is told to stop."""

import contextlib
import contextvars
import os
import signal
import threading
from collections.abc import Callable, Iterator
from typing import TypeVar

from image_pipeline import exceptions

_T = TypeVar('_T')


class CancellationToken:
    """Tell every worker of a run to stop, from any thread or signal.

    Long work calls :meth:`check` between its pieces; a wait uses
    :meth:`wait` instead of sleeping.
    """

    def __init__(self) -> None:
        self._event = threading.Event()
        self._callbacks: dict[int, Callable[[], object]] = {}
        self._lock = threading.RLock()
        self._next = 0
        self.reason = ''

    def child(self) -> 'tuple[CancellationToken, Callable[[], None]]':
        """Return a token that is cancelled with this one, or by itself.

        :returns: the token, and a function that parts it from this one.
        """
        token = CancellationToken()
        forget = self.on_cancel(lambda: token.cancel(self.reason))
        return token, forget

    @property
    def cancelled(self) -> bool:
        """Whether somebody asked to stop."""
        return self._event.is_set()

    def cancel(self, reason: str) -> None:
        """Ask to stop; the first reason stays.

        :param reason: who asked, such as ``SIGINT``.
        """
        with self._lock:
            if self._event.is_set():
                return
            self.reason = reason
            self._event.set()
            callbacks = list(self._callbacks.values())
        for callback in callbacks:
            callback()

    def check(self) -> None:
        """Raise if somebody asked to stop.

        :raises Interrupted: naming the reason.
        """
        if self._event.is_set():
            raise exceptions.Interrupted(f'interrupted by {self.reason}')

    def wait(self, seconds: float) -> None:
        """Sleep, and wake at once when somebody asks to stop.

        :param seconds: how long to sleep.
        :raises Interrupted: naming the reason.
        """
        self._event.wait(seconds)
        self.check()

    def on_cancel(self, callback: Callable[[], object]) -> Callable[[], None]:
        """Call something when somebody asks to stop (at once if so already).

        :param callback: must not block and not raise.
        :returns: a function that takes the callback away again.
        """
        with self._lock:
            key = self._next
            self._next += 1
            self._callbacks[key] = callback
            now = self._event.is_set()
        if now:
            callback()

        def remove() -> None:
            with self._lock:
                self._callbacks.pop(key, None)

        return remove


_IN_FORCE: contextvars.ContextVar[CancellationToken | None] = (
    contextvars.ContextVar('image_pipeline_cancelled', default=None)
)


@contextlib.contextmanager
def in_force(token: CancellationToken) -> Iterator[None]:
    """Have a token concern what this thread waits for, as long as this lasts.

    :param token: for :func:`abandonable`.
    """
    former = _IN_FORCE.set(token)
    try:
        yield
    finally:
        _IN_FORCE.reset(former)


def abandonable(work: Callable[[], _T]) -> _T:
    """Return what some work returns, or give it up when told to stop.

    For what waits for others and cannot be interrupted, such as a request.
    Given up, it goes on in a thread of its own, and nobody gets to know what
    comes of it: only for what changes nothing.

    What begins after we were told to stop is not given up: it undoes.

    :param work: called in a thread of its own if a token is in force.
    :raises Interrupted: somebody asked to stop meanwhile.
    """
    token = _IN_FORCE.get()
    if token is None or token.cancelled:
        return work()
    woken = threading.Event()
    done: list[Callable[[], _T]] = []

    def run() -> None:
        _IN_FORCE.set(None)
        try:
            result = work()
        except BaseException as exc:
            error = exc

            def fail() -> _T:
                raise error

            done.append(fail)
        else:
            done.append(lambda: result)
        finally:
            woken.set()

    forget = token.on_cancel(woken.set)
    try:
        context = contextvars.copy_context()
        threading.Thread(
            target=context.run, args=(run,), name='abandonable', daemon=True
        ).start()
        woken.wait()
    finally:
        forget()
    if not done:
        token.check()
    return done[0]()


#: What makes us stop and undo; SIGHUP is a terminal or a session that went.
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextlib.contextmanager
def cancel_on_signals(
    token: CancellationToken,
    *,
    on_repeat: Callable[[str], object] | None = None,
) -> Iterator[None]:
    """Cancel a token when a signal asks us to stop, as long as this lasts.

    A thread of ours reads the signals from a pipe: no code runs inside the
    interrupted frame, so a second Ctrl-C cannot break an undo half-way.

    :param token: the token to cancel.
    :param on_repeat: called with the name of every further signal.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    read_end, write_end = os.pipe()
    os.set_blocking(write_end, False)
    known = {int(number) for number in SIGNALS}

    def listen() -> None:
        while data := os.read(read_end, 64):
            for number in data:
                if number == 0:
                    return
                if number not in known:
                    continue
                name = signal.Signals(number).name
                if token.cancelled and on_repeat:
                    on_repeat(name)
                token.cancel(name)

    # What is ignored (nohup) stays so.
    former = {
        number: signal.signal(number, lambda *_: None)
        for number in SIGNALS
        if signal.getsignal(number) != signal.SIG_IGN
    }
    former_fd = signal.set_wakeup_fd(write_end, warn_on_full_buffer=False)
    listener = threading.Thread(target=listen, daemon=True)
    listener.start()
    try:
        yield
    finally:
        signal.set_wakeup_fd(former_fd)
        for number, handler in former.items():
            signal.signal(number, handler)
        os.write(write_end, b'\0')
        listener.join()
        os.close(read_end)
        os.close(write_end)
