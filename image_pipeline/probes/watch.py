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

"""Wait for a guest's answers, and give up as soon as they cannot come."""

import dataclasses
import time
from collections.abc import Callable, Sequence

from image_pipeline.probes import base, console, protocol

#: Seconds between two looks at the console.
INTERVAL = 0.5


@dataclasses.dataclass(frozen=True, kw_only=True)
class Limits:
    """How long a boot may take, in seconds.

    :param total: from power-on to the last answer.
    :param silence: without a character on the console.
    :param answer: from the end of cloud-init to the user data's first word.
    """

    total: float
    silence: float
    answer: float


@dataclasses.dataclass(frozen=True, kw_only=True)
class Heard:
    """What was heard of a guest.

    :param answers: by probe; all of them if there is no diagnosis.
    :param seconds: from power-on to the last answer, or to giving up.
    :param asking: seconds that the probes took in the guest; None if it did
        not say.
    :param diagnosis: why answers are missing; None if none is.
    :param boot: which boot it is, the first digits of its id; None if it did
        not say.
    """

    answers: dict[str, protocol.Answer]
    seconds: float
    asking: float | None = None
    diagnosis: console.Diagnosis | None = None
    boot: str | None = None


class Watch:
    """Look at one instance's console until everything is known.

    :param nonce: the instance's; see :mod:`image_pipeline.probes.protocol`.
    :param probes: what it was asked.
    :param limits: when to give up.
    :param after: the boot before, of which nothing is wanted any more.
    :param clock: tells seconds.
    """

    def __init__(
        self,
        nonce: str,
        probes: Sequence[base.Probe],
        *,
        limits: Limits,
        after: str | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._receiver = protocol.Receiver(nonce)
        self._asked = base.asked_as(probes)
        self._limits = limits
        self._after = after
        self._clock = clock
        self._started = self._changed = clock()
        self._finished: float | None = None
        self._seen = b''
        #: How far the boot got, for progress.
        self.milestone = console.milestone('')

    def look(self, seen: bytes, *, running: bool) -> Heard | None:
        """Take a look; return what was heard once it is all, or hopeless.

        :param seen: all that the console printed, as far as it is known.
        :param running: whether the instance ran before that was read.
        """
        now = self._clock()
        if seen != self._seen:
            self._seen, self._changed = seen, now
            self._receiver.feed(seen)
        answers = {} if self._stale() else self._receiver.answers()
        if answers.keys() >= set(self._asked.values()):
            return self._heard(answers, now)
        text = console.text_of(seen)
        self.milestone = console.milestone(text)
        diagnosis = self._diagnose(text, now, running, answers)
        if diagnosis:
            return self._heard(answers, now, diagnosis)
        return None

    def _stale(self) -> bool:
        """Whether nothing was heard but of the boot before."""
        return self._receiver.boots[-1:] == (self._after,)

    def _diagnose(
        self,
        text: str,
        now: float,
        running: bool,
        answers: dict[str, protocol.Answer],
    ) -> console.Diagnosis | None:
        if not running:
            return console.stopped(text)
        # A guest that answers is alive, whatever its console showed before.
        if protocol.HELLO not in answers:
            found = console.fatal(text)
            if found:
                return found
            if self._finished is None and console.finished(text):
                self._finished = now
            if (
                self._finished is not None
                and now - self._finished > self._limits.answer
            ):
                return console.no_answer(text)
        if now - self._started > self._limits.total:
            return console.too_slow(text, now - self._started)
        if now - self._changed > self._limits.silence:
            return console.silence(text, now - self._changed)
        return None

    def _heard(
        self,
        answers: dict[str, protocol.Answer],
        now: float,
        diagnosis: console.Diagnosis | None = None,
    ) -> Heard:
        return Heard(
            answers={
                probe: answers[asked]
                for probe, asked in self._asked.items()
                if asked in answers
            },
            seconds=round(now - self._started, 1),
            asking=protocol.asking(answers),
            diagnosis=diagnosis,
            boot=next(reversed(self._receiver.boots), None),
        )


def listen(
    watch: Watch,
    *,
    read: Callable[[], bytes],
    running: Callable[[], bool],
    wait: Callable[[float], None],
    reached: Callable[[str], object],
) -> Heard:
    """Watch an instance until everything is known or hopeless.

    :param watch: of that instance.
    :param read: returns all that the console printed.
    :param running: whether the instance runs.
    :param wait: sleeps; raises if the run is cancelled.
    :param reached: called with each milestone.
    """
    last = ''
    while True:
        # In this order: what a machine printed before it stopped counts.
        alive = running()
        heard = watch.look(read(), running=alive)
        if watch.milestone != last:
            last = watch.milestone
            reached(last)
        if heard:
            return heard
        wait(INTERVAL)
