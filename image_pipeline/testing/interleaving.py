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

"""Several clients of one fake image service, one request at a time.

A schedule says whose turn it is, who dies, and when time passes; so a test
with many clients does the same whenever it runs.
"""

import dataclasses
import datetime
import enum
import itertools
import random
import threading
from collections.abc import Callable, Iterable
from typing import Any

from image_pipeline import exceptions
from image_pipeline.catalogues import glance_desk
from image_pipeline.testing import fake_glance, fake_images

#: The host of all clients.
HOST = 'host'
_LIMIT = 20_000


class Event(enum.StrEnum):
    """What happens to a client."""

    #: It does its next request.
    STEP = 'step'
    #: It dies before that.
    DIE = 'die'
    #: Everybody sleeps for longer than a lease; then it does its request.
    LATE = 'late'


@dataclasses.dataclass
class Clock(glance_desk.Clock):
    """The service's time.

    :param service: whose time it is.
    :param sleeping: called with the seconds that a client is to sleep.
    """

    service: fake_glance.FakeGlance
    sleeping: Callable[[float], object] = lambda seconds: None

    def now(self) -> datetime.datetime:
        """Return the time of day."""
        return self.service.time

    def monotonic(self) -> float:
        """Return the seconds of it."""
        return self.service.time.timestamp()

    def sleep(self, seconds: float) -> None:
        """Let others go on meanwhile.

        :param seconds: how long.
        """
        self.service.time += datetime.timedelta(seconds=seconds)
        self.sleeping(seconds)


class Client:
    """One process.

    :param name: what names it; the id of its process.
    :param service: the service.
    :param work: what it does, with itself.
    """

    def __init__(
        self,
        name: str,
        service: fake_glance.FakeGlance,
        work: Callable[['Client'], Any],
    ) -> None:
        self.name = name
        self.images = fake_images.FakeImages(service)
        self.images.before.append(lambda request: self._pause())
        self.clock = Clock(service, lambda seconds: self._pause())
        self.dead = False
        self.done = False
        #: What came of its work, or the error that it ended with.
        self.result: Any = None
        self.error: exceptions.PipelineError | None = None
        #: A failure of the test itself.
        self.failure: BaseException | None = None
        self._tokens = itertools.count()
        self._work = work
        self._go = threading.Semaphore(0)
        self._paused = threading.Semaphore(0)
        self._thread = threading.Thread(target=self._run, daemon=True)

    def me(self, lives: Callable[[str], bool]) -> glance_desk.Client:
        """Return who it is.

        :param lives: tells whether a client is alive.
        """
        return glance_desk.Client(
            host=HOST,
            process=self.name,
            lives=lives,
            token=lambda: f'{next(self._tokens):04}-{self.name}',
        )

    def start(self) -> None:
        """Go as far as the first request."""
        self._thread.start()
        self._paused.acquire()

    def step(self, *, die: bool = False) -> None:
        """Do a request, and go as far as the next one.

        :param die: die instead.
        """
        self.dead = self.dead or die
        self._go.release()
        self._paused.acquire()

    def _pause(self) -> None:
        if self.dead:
            raise fake_images.Died(self.name)
        self._paused.release()
        self._go.acquire()
        if self.dead:
            raise fake_images.Died(self.name)

    def _run(self) -> None:
        try:
            self.result = self._work(self)
        except exceptions.PipelineError as exc:
            self.error = exc
        except fake_images.Died:
            pass
        except BaseException as exc:
            self.failure = exc
        finally:
            self.done = True
            self._paused.release()


def run(
    service: fake_glance.FakeGlance,
    clients: list[Client],
    schedule: Iterable[tuple[int, Event]],
    *,
    look: Callable[[], object],
) -> None:
    """Let clients work, as a schedule says; then the rest of them in turn.

    :param service: the service.
    :param clients: the clients.
    :param schedule: whose turn it is, and what happens.
    :param look: called after each request, to see that all is well.
    """
    # The pauses of clients are random, and a test's are to be the same.
    random.seed(0)
    for client in clients:
        client.start()
    told = iter(schedule)
    try:
        for turn in range(_LIMIT):
            waiting = [one for one in clients if not one.done]
            if not waiting:
                break
            number, event = next(told, (turn, Event.STEP))
            if event == Event.LATE:
                service.time += datetime.timedelta(
                    seconds=glance_desk.LEASE + 1
                )
            client = waiting[number % len(waiting)]
            client.step(die=event == Event.DIE)
            look()
        else:
            raise AssertionError('the clients come to no end')
    finally:
        # No thread is left behind, whatever the look has found.
        for client in clients:
            while not client.done:
                client.step(die=True)
    for client in clients:
        if client.failure is not None:
            raise client.failure
