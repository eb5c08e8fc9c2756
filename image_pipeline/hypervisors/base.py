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

from image_pipeline import artifact, exceptions
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
    :param volume: whether its root disk is a volume of block storage.
    """

    firmware: Firmware
    vcpus: int
    memory_bytes: int
    disk_bytes: int
    config_drive: bool = True
    volume: bool = False


@dataclasses.dataclass(frozen=True, kw_only=True)
class Seed:
    """What the instance is told by the metadata service or config drive.

    :param instance_id: a UUID, new for each instance.
    :param hostname: the instance's name.
    :param public_key: OpenSSH public key for the default user, one line.
    :param user_data: cloud-init's user data.
    :param run_id: the run that boots it; what a cloud keeps for it bears
        this mark.
    :param lifetime: seconds after which nobody needs it any more.
    """

    instance_id: str
    hostname: str
    public_key: str
    user_data: bytes
    run_id: str = ''
    lifetime: float = 3600


class Change(enum.StrEnum):
    """What may be done to an instance that runs."""

    #: It is told to start again; everything of it stays.
    REBOOT = 'reboot'
    #: It gets a larger flavor, and starts again.
    RESIZE = 'resize'
    #: It is started from the image, its own disk beside.
    RESCUE = 'rescue'


class NotOffered(exceptions.StageFailed):
    """What was asked for cannot be had here; nothing was done."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Leftover:
    """What a dead run left where it booted an image.

    :param name: of all that belongs together.
    :param run_id: the run.
    :param kinds: what there is, such as ``server``.
    :param problem: why it is still there; empty if it is not.
    """

    name: str
    run_id: str
    kinds: tuple[str, ...]
    problem: str = ''


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

    def as_booted(self, seed: Seed, shape: Shape) -> tuple[Seed, Shape]:
        """Return what it was really told, and the machine that it really is.

        A cloud chooses ids, names and sizes itself.

        :param seed: what it was to be told.
        :param shape: the machine that was asked for.
        """
        return seed, shape

    def change(self, change: Change) -> None:
        """Do something to it after which it starts again.

        On return it starts; what its console printed before stays in
        :meth:`console`.

        :param change: what to do.
        :raises NotOffered: that cannot be done here; it runs as before.
        :raises StageFailed: it did not work.
        """
        raise NotOffered('instances on this host are not changed')

    def changed(self, change: Change) -> None:  # noqa: B027 - a hook
        """Undo what only lasts for a look, once it was looked at.

        :param change: what was done.
        """

    def reach(self) -> str:
        """Return how a person gets to it, if it is left; else nothing."""
        return ''


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

    def declines(
        self, image: artifact.ImageRecord, shape: Shape
    ) -> str | None:
        """Return why an image is not booted on a machine here, or None.

        :param image: the registered image.
        :param shape: the machine.
        """
        if shape.volume:
            return 'there are no volumes on this host'
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

    def reap(
        self,
        *,
        alive: Callable[[str], bool | None],
        dry_run: bool = False,
        seconds: float = 120.0,
    ) -> Iterable[Leftover]:
        """Remove what dead runs left, and spare all others.

        Of what runs on this host the journal knows; a cloud is asked.

        :param alive: whether a run works on; None if it is not known here.
        :param dry_run: only say what would be removed.
        :param seconds: how long to wait for what goes slowly.
        """
        return ()
