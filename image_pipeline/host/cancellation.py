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

import threading
from collections.abc import Callable

from image_pipeline import exceptions


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
