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

"""A hypervisor on which nothing runs, for tests of what uses one."""

import contextlib
import dataclasses
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from image_pipeline import artifact
from image_pipeline.conf import settings as conf_settings
from image_pipeline.host import cancellation, process
from image_pipeline.hypervisors import base
from image_pipeline.probes import protocol
from image_pipeline.store import cache as store_cache
from image_pipeline.testing import guest_answers

_NONCE = re.compile(rb'^IP_NONCE=([0-9a-f]{16})$', re.MULTILINE)
_PROBE = re.compile(rb'^cat >"\$IP_DIR/probes/([A-Za-z0-9-]+)"', re.MULTILINE)

#: What an instance prints: made of its seed and shape, when it boots.
Console = Callable[[base.Seed, base.Shape], bytes]


def good_answers(seed: base.Seed, shape: base.Shape) -> dict[str, str]:
    """Return what a good guest answers, by probe.

    :param seed: what the instance was told.
    :param shape: the machine.
    """
    return guest_answers.good(seed, shape)


def console(
    seed: base.Seed, answers: Mapping[str, str], *, boot: str = '0' * 8
) -> bytes:
    """Return the console of a guest that answers what it is asked.

    :param seed: its user data says what is asked.
    :param answers: by probe; what is missing is not answered.
    :param boot: the first digits of the boot id.
    """
    nonce = _NONCE.search(seed.user_data)
    asked = [name.decode() for name in _PROBE.findall(seed.user_data)]
    lines = [b'[    0.000000] Linux version 6.1.0-1-cloud-amd64']
    for name in (protocol.HELLO, protocol.ASKED, *asked):
        if nonce and name in answers:
            lines += protocol.encode(
                nonce[1].decode(),
                boot,
                name,
                protocol.Answer(text=answers[name]),
            )
    return b'\r\n'.join(lines) + b'\r\n'


def good_console(seed: base.Seed, shape: base.Shape) -> bytes:
    """Return the console of a good guest.

    :param seed: what the instance was told.
    :param shape: the machine.
    """
    return console(seed, good_answers(seed, shape))


@dataclasses.dataclass(kw_only=True)
class FakeInstance(base.Instance):
    """An instance that printed its whole console at once.

    :param id: its UUID.
    :param seed: what it was told.
    :param shape: its machine.
    :param text: what it printed.
    :param alive: whether it runs.
    """

    id: str
    seed: base.Seed
    shape: base.Shape
    text: bytes
    alive: bool = True

    def console(self) -> bytes:
        """Return all that the serial console printed so far."""
        return self.text

    def running(self) -> bool:
        """Whether it still runs."""
        return self.alive

    def addresses(self) -> tuple[str, ...]:
        """Return none."""
        return ()

    def describe(self) -> Mapping[str, Any]:
        """Return its firmware."""
        return {'firmware': self.shape.firmware.value, 'accel': 'none'}


class FakeHypervisor(base.Hypervisor):
    """A hypervisor whose instances print what a test says.

    :param target: the target's settings.
    :param cache: not used.
    :param accel: not used.
    :param prints: what an instance prints; a good guest's if not given.
    """

    #: What its instances are.
    instance_class: type[FakeInstance] = FakeInstance

    def __init__(
        self,
        target: conf_settings.Target,
        *,
        cache: store_cache.Cache,
        accel: str = 'auto',
        prints: Console = good_console,
    ) -> None:
        super().__init__(target, cache=cache, accel=accel)
        self.prints = prints
        #: Every instance that was booted, in order.
        self.booted: list[FakeInstance] = []
        #: The instances that were left standing on failure.
        self.left: list[FakeInstance] = []
        self._lock = threading.Lock()

    @contextlib.contextmanager
    def boot(
        self,
        image: artifact.ImageRecord,
        *,
        seed: base.Seed,
        shape: base.Shape,
        work_dir: Path,
        host: process.Runner,
        cancelled: cancellation.CancellationToken,
        undo: Callable[[artifact.UndoRecord], None],
        keep_on_failure: bool = False,
    ) -> Iterator[base.Instance]:
        """Give an instance; as the contract says."""
        cancelled.check()
        undo(
            artifact.UndoRecord(
                kind='hypervisor',
                arguments={
                    'target': self.target.name,
                    'instance': seed.instance_id,
                },
            )
        )
        instance = self.instance_class(
            id=seed.instance_id,
            seed=seed,
            shape=shape,
            text=self.prints(seed, shape),
        )
        with self._lock:
            self.booted.append(instance)
        try:
            yield instance
        except BaseException:
            if keep_on_failure:
                self.left.append(instance)
            raise
        finally:
            instance.alive = instance in self.left

    def time_factor(self, host: process.Runner) -> float:
        """Return 1: nothing runs."""
        return 1.0

    def undo(self, arguments: Mapping[str, Any]) -> None:
        """Take an instance down."""
        for instance in self.booted:
            if instance.id == arguments['instance']:
                instance.alive = False
