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

"""Send notifications, and never let anybody wait for that.

Notifications go into a bounded queue; a thread of its own sends them.  While
the broker is down they stay there, and when the command is done what is left
is given up after some seconds, and told of once.
"""

import collections
import contextlib
import logging
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol, TypeAlias

from image_pipeline import exceptions

if TYPE_CHECKING:
    # Every command imports this module.
    from image_pipeline.conf import settings as conf_settings
    from image_pipeline.notifications import payloads

LOG = logging.getLogger(__name__)

#: How many wait at most; a run has some dozens.
CAPACITY = 1000
#: Seconds for which a command waits at its end, for all of them together.
GRACE = 4.0
#: Seconds until the next attempt, at first and at most.
PAUSES = (1.0, 30.0)


class Sender(Protocol):
    """What sends notifications."""

    def __call__(self, notification: 'payloads.Notification') -> None:
        """Send one.

        :param notification: what to tell.
        :raises Unavailable: it could not be sent.
        """

    def close(self) -> None:
        """Take leave of the broker."""


#: Makes a sender; runs in the thread, for importing takes its time.
Connect: TypeAlias = 'Callable[[conf_settings.Notifications], Sender]'


class Emitter:
    """Send notifications in a thread of its own.

    :param settings: the site's.
    :param connect: makes the sender, when it is first needed.
    :param grace: seconds for which :meth:`close` waits.
    """

    def __init__(
        self,
        settings: 'conf_settings.Notifications',
        *,
        connect: Connect,
        grace: float = GRACE,
    ) -> None:
        self.settings = settings
        self._connect = connect
        self._grace = grace
        self._waiting: collections.deque[payloads.Notification] = (
            collections.deque()
        )
        self._changed = threading.Condition()
        self._closing = False
        self._closed = False
        self._thread: threading.Thread | None = None
        self._left = threading.Event()
        self._pause = PAUSES[0]
        self._dropping_until = 0.0
        self._reason = ''
        self._lost = 0

    def __call__(self, notification: 'payloads.Notification') -> None:
        """Have a notification sent; returns at once.

        :param notification: what to tell.
        """
        with self._changed:
            if self._closed or len(self._waiting) >= CAPACITY:
                self._lost += 1
                return
            self._waiting.append(notification)
            self._changed.notify_all()
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._work, name='notifications', daemon=True
                )
                self._thread.start()

    def doubt(self, reason: str) -> None:
        """Keep why sending takes so long; the sender calls it.

        :param reason: what the broker, or the way to it, said.
        """
        with self._changed:
            self._reason = reason

    def close(self) -> str | None:
        """Wait, but not for long, until all is sent.

        :returns: what to tell the user, if some could not be sent.
        """
        with self._changed:
            self._closing = True
            self._changed.notify_all()
            self._changed.wait_for(
                lambda: self._closed or not self._waiting, self._grace
            )
            self._closed = True
            lost = self._lost + len(self._waiting)
            self._waiting.clear()
            self._changed.notify_all()
        if not lost:
            if self._thread is not None:
                # Not join(): eventlet, imported in that thread by a library
                # of oslo.messaging's, runs a second copy of threading, which
                # takes the lock that join() waits for.
                self._left.wait(self._grace)
            return None
        what = 'notification was' if lost == 1 else 'notifications were'
        reason = self._reason or (f'no answer within {self._grace:g} seconds')
        return f'{lost} {what} not sent: {reason}'

    def _work(self) -> None:
        """Send what is in the queue, until it is closed."""
        send: Sender | None = None
        while (one := self._next()) is not None:
            try:
                if send is None:
                    send = self._connect(self.settings)
                send(one)
            except Exception as exc:
                LOG.debug('a notification was not sent', exc_info=True)
                self._failed(exc)
            else:
                self._sent()
        if send is not None:
            with contextlib.suppress(Exception):
                send.close()
        self._left.set()

    def _next(self) -> 'payloads.Notification | None':
        """Return what is to be sent; it stays in the queue until it is."""
        with self._changed:
            while True:
                self._changed.wait_for(lambda: self._waiting or self._closed)
                if self._closed:
                    return None
                if time.monotonic() >= self._dropping_until:
                    return self._waiting[0]
                self._lost += 1
                self._take()

    def _sent(self) -> None:
        with self._changed:
            self._reason = ''
            self._pause = PAUSES[0]
            self._take()

    def _failed(self, exc: Exception) -> None:
        """Have the notification sent again later, or give it up."""
        with self._changed:
            self._reason = (
                exc.message
                if isinstance(exc, exceptions.PipelineError)
                else f'{type(exc).__name__}: {exc}'
            )
            if self.settings.retry >= 0:
                # It was tried that often; the next ones would be no better.
                self._dropping_until = time.monotonic() + PAUSES[1]
                self._lost += 1
                self._take()
            elif self._closing:
                self._closed = True
                self._changed.notify_all()
            else:
                self._changed.wait_for(lambda: self._closing, self._pause)
                self._pause = min(2 * self._pause, PAUSES[1])

    def _take(self) -> None:
        if self._waiting:
            self._waiting.popleft()
        self._changed.notify_all()


_EMITTERS: dict['conf_settings.Notifications', Emitter] = {}
_LOCK = threading.Lock()


def emitter(settings: 'conf_settings.Notifications') -> Emitter | None:
    """Return the process's emitter, or None if nobody is to be told.

    :param settings: the site's.
    """
    if not set(settings.drivers) - {'noop'}:
        return None
    with _LOCK:
        if settings not in _EMITTERS:
            from image_pipeline.notifications import messaging

            messaging.be_quiet()
            made = Emitter(
                settings,
                connect=lambda given: messaging.connect(
                    given, doubt=lambda reason: made.doubt(reason)
                ),
            )
            _EMITTERS[settings] = made
        return _EMITTERS[settings]


def close() -> list[str]:
    """End all emitters; return what to tell the user."""
    with _LOCK:
        emitters = list(_EMITTERS.values())
        _EMITTERS.clear()
    told = [one.close() for one in emitters]
    return [line for line in told if line]
