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

"""The contract of a hypervisor: where an image is booted.

Nova is one, QEMU on this host another; both pass
:mod:`image_pipeline.testing.conformance.hypervisor` and run the
same probes.
"""

import abc
import contextlib
import dataclasses
import enum
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, ClassVar

from image_pipeline import artifact
from image_pipeline.conf import settings as conf_settings
from image_pipeline.host import cancellation, process
from image_pipeline.store import cache as store_cache


class Firmware(enum.StrEnum):
    """What starts the boot loader."""

    BIOS = 'bios'
    UEFI = 'uefi'


@dataclasses.dataclass(frozen=True, kw_only=True)
class Shape:
    """The machine that an image is booted on.

    :param firmware: BIOS or UEFI.
    :param vcpus: processors.
    :param memory_bytes: memory.
    :param disk_bytes: root disk; larger than the image, so that it grows.
    :param config_drive: whether metadata comes on a config drive.
    """

    firmware: Firmware
    vcpus: int
    memory_bytes: int
    disk_bytes: int
    config_drive: bool = True


@dataclasses.dataclass(frozen=True, kw_only=True)
class Seed:
    """What the instance is told by the metadata service or config drive.

    :param instance_id: a UUID, new for each instance.
    :param hostname: the instance's name.
    :param public_key: OpenSSH public key for the default user, one line.
    :param user_data: cloud-init's user data.
    """

    instance_id: str
    hostname: str
    public_key: str
    user_data: bytes


class Instance(abc.ABC):
    """A booted instance."""

    #: The hypervisor's id of it.
    id: str

    @abc.abstractmethod
    def console(self) -> bytes:
        """Return all that the serial console printed so far."""

    @abc.abstractmethod
    def running(self) -> bool:
        """Whether it still runs (a powered-off or crashed one does not)."""

    @abc.abstractmethod
    def addresses(self) -> tuple[str, ...]:
        """Return the addresses at which it may be reached from here."""

    @abc.abstractmethod
    def describe(self) -> Mapping[str, Any]:
        """Return facts for the report: machine, acceleration, flavor."""


class Hypervisor(abc.ABC):
    """Where an image is booted.

    :param target: the target's settings.
    :param cache: for facts probed once per host.
    :param accel: ``auto``, ``kvm`` or ``tcg``; for hypervisors on this host.
    """

    #: Programs that it runs on this host, with the least version or None.
    executables: ClassVar[Mapping[str, str | None]] = {}

    def __init__(
        self,
        target: conf_settings.Target,
        *,
        cache: store_cache.Cache,
        accel: str = 'auto',
    ) -> None:
        self.target = target
        self.cache = cache
        self.accel = accel

    @classmethod
    def lacks(cls, firmware: Firmware) -> str | None:
        """Return why this host cannot start a firmware, or None.

        Asked by the plan, so it must be quick and change nothing.

        :param firmware: BIOS or UEFI.
        """
        return None

    def capacity(self, shape: Shape) -> int:
        """Return how many instances of a shape may run at once (>= 1).

        :param shape: the machine.
        """
        return 2

    @abc.abstractmethod
    def boot(
        self,
        image: artifact.ImageRecord,
        *,
        seed: Seed,
        shape: Shape,
        work_dir: Path,
        host: process.Runner,
        cancelled: cancellation.CancellationToken,
        undo: Callable[[artifact.UndoRecord], None],
        keep_on_failure: bool = False,
    ) -> contextlib.AbstractContextManager[Instance]:
        """Boot an image that is registered; the image itself stays untouched.

        :param image: the registered image.
        :param seed: what the instance is told.
        :param shape: the machine.
        :param work_dir: for overlay, seed and console log.
        :param host: runs programs on this host.
        :param cancelled: stops waiting.
        :param undo: journals ``hypervisor`` records before things are made.
        :param keep_on_failure: leave the instance when the body raises.
        :returns: a context manager; at its end everything is taken down.
        :raises SmokeTestFailed: the instance could not be started.
        """

    def preflight(
        self, intent: artifact.Intent
    ) -> Iterable[artifact.Objection]:
        """Give what speaks against an intent, before anything is built.

        It changes nothing, and asks no more than the intent needs.  What it
        raises counts as an objection, too.

        :param intent: what a run is about to do here.
        """
        return ()

    @abc.abstractmethod
    def time_factor(self, host: process.Runner) -> float:
        """Return by how much slower than hardware a guest runs here (>= 1).

        Time limits are multiplied by it: software emulation needs about ten
        times as long.

        :param host: runs programs on this host.
        """

    @abc.abstractmethod
    def undo(self, arguments: Mapping[str, Any]) -> None:
        """Undo a ``hypervisor`` record; what is not there is undone.

        :param arguments: of the record that ``boot`` journaled.
        """
