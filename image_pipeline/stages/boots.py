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

"""Boot one image under each firmware, and ask what runs then."""

import concurrent.futures
import contextlib
import dataclasses
import secrets
import uuid
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from image_pipeline import artifact, exceptions
from image_pipeline.hypervisors import base as hypervisor_base
from image_pipeline.probes import base as probe_base
from image_pipeline.probes import identity, report, script, watch
from image_pipeline.stages import base, keys, reach, smoke_options

_MIB = 1 << 20
# Seconds from the end of cloud-init to the first word of user data, which
# cloud-init has started by then.
_ANSWER_LIMIT = 10
# Seconds that all else of a boot may take: an image comes to its compute
# host, a server starts again, all is taken down.
_LIFETIME = 3600
# In this order; a rescue comes last, for what is answered then is of another
# disk.
_CHANGES = {
    smoke_options.Also.REBOOT: hypervisor_base.Change.REBOOT,
    smoke_options.Also.RESIZE: hypervisor_base.Change.RESIZE,
    smoke_options.Also.RESCUE: hypervisor_base.Change.RESCUE,
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Order:
    """What to boot an image on, and what to ask.

    :param firmware: BIOS, UEFI or both.
    :param probes: what to ask.
    :param waived: why a probe may fail, by its id.
    :param vcpus: processors of an instance.
    :param memory_mib: memory of an instance, in MiB.
    :param growth_mib: by how much its disk is larger than the image, in MiB.
    :param config_drive: whether metadata comes on a config drive.
    :param time_limit: seconds to the last answer, on hardware.
    :param silence_limit: seconds of silence, on hardware.
    :param boot_limit: seconds to the end of cloud-init, on hardware.
    :param allowed_ports: ports that may listen beyond loopback.
    :param also: what is tried beside.
    """

    firmware: tuple[hypervisor_base.Firmware, ...]
    probes: tuple[probe_base.Probe, ...]
    waived: Mapping[str, str]
    vcpus: int
    memory_mib: int
    growth_mib: int
    config_drive: bool
    time_limit: int
    silence_limit: int
    boot_limit: int
    allowed_ports: tuple[str, ...]
    also: tuple[smoke_options.Also, ...] = ()


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Instance:
    """One instance to boot.

    :param name: of its boot.
    :param shape: its machine.
    :param changes: what is done to it once it answered.
    """

    name: str
    shape: hypervisor_base.Shape
    changes: tuple[hypervisor_base.Change, ...] = ()


class Boots:
    """The boots of one image.

    :param order: what to boot it on, and what to ask.
    :param context: the stage's.
    :param hypervisor: where to boot.
    :param image: what to boot.
    """

    def __init__(
        self,
        order: Order,
        *,
        context: base.StageContext,
        hypervisor: hypervisor_base.Hypervisor,
        image: artifact.ImageRecord,
    ) -> None:
        self.order = order
        self.context = context
        self.hypervisor = hypervisor
        self.image = image
        self.factor = hypervisor.time_factor(context.host)
        #: What was not tried, and why.
        self.skipped: list[report.Skipped] = []
        #: How a person gets to an instance that was left, by boot.
        self.reach: dict[str, str] = {}

    def boot_all(self) -> list[report.Boot]:
        """Boot under each firmware, at once where the host has room.

        :raises StageFailed: the image is booted under none of them here.
        """
        wanted = self._instances()
        room = self.hypervisor.capacity(wanted[0].shape)
        with concurrent.futures.ThreadPoolExecutor(
            max_workers=min(room, len(wanted))
        ) as pool:
            # One that cannot be started does not stop the other: both of
            # their consoles are of use.
            waiting = [pool.submit(self._boot, one) for one in wanted]
        return [boot for each in waiting for boot in each.result()]

    def _instances(self) -> list[_Instance]:
        shapes = {
            each.value: self._shape(each) for each in self.order.firmware
        }
        for name, shape in list(shapes.items()):
            # Who has no metadata service may have a config drive instead.
            easiest = dataclasses.replace(shape, config_drive=True)
            if not self._offered(name, easiest):
                del shapes[name]
        if not shapes:
            raise exceptions.StageFailed(
                f'image {self.image.name} is booted under '
                f'{" or ".join(self.order.firmware)}, and cannot be: '
                + '; '.join(one.reason for one in self.skipped),
                hint='change `firmware` of smoke-test, or the property of '
                'the image',
            )
        first = next(iter(shapes))
        if len(shapes) == 1:
            # Two boots show whether identities differ.
            shapes[f'{first}-again'] = shapes[first]
        last = next(reversed(shapes))
        for also in self.order.also:
            if also is smoke_options.Also.METADATA:
                other = dataclasses.replace(
                    shapes[last], config_drive=not self.order.config_drive
                )
                if self._offered(also.value, other):
                    shapes[last] = other
            elif also is smoke_options.Also.VOLUME:
                other = dataclasses.replace(shapes[first], volume=True)
                if self._offered(also.value, other):
                    shapes[f'{first}-volume'] = other
        changes = tuple(
            change
            for also, change in _CHANGES.items()
            if also in self.order.also
        )
        return [
            _Instance(
                name=name,
                shape=shape,
                changes=changes if name == first else (),
            )
            for name, shape in shapes.items()
        ]

    def _offered(self, name: str, shape: hypervisor_base.Shape) -> bool:
        reason = self.hypervisor.declines(self.image, shape)
        if reason:
            self._skip(name, reason)
        return not reason

    def _skip(self, name: str, reason: str) -> None:
        self.skipped.append(report.Skipped(name=name, reason=reason))

    def _shape(
        self, firmware: hypervisor_base.Firmware
    ) -> hypervisor_base.Shape:
        growth = self.order.growth_mib * _MIB
        return hypervisor_base.Shape(
            firmware=firmware,
            vcpus=self.order.vcpus,
            memory_bytes=self.order.memory_mib * _MIB,
            disk_bytes=self.image.virtual_size + growth,
            config_drive=self.order.config_drive,
        )

    def console_log(self, name: str) -> Path:
        """Return where an instance's console is kept.

        :param name: of its first boot.
        """
        log = self.context.log
        return log.with_name(f'{log.stem}.{name}.console.log')

    def _boot(self, wanted: _Instance) -> list[report.Boot]:
        nonce = secrets.token_hex(8)
        limits = watch.Limits(
            total=self.order.time_limit * self.factor,
            silence=self.order.silence_limit * self.factor,
            answer=_ANSWER_LIMIT * self.factor,
        )
        work_dir = self.context.work_dir / wanted.name
        work_dir.mkdir()
        seed = hypervisor_base.Seed(
            instance_id=str(uuid.uuid4()),
            hostname=f'smoke-{wanted.name}-{nonce[:6]}',
            # Who is to have a look must get in.
            public_key=keys.make(
                work_dir / 'id_ed25519'
                if self.context.keep_on_failure
                else None
            ),
            user_data=script.render(
                nonce,
                self.order.probes,
                wait=limits.silence,
                every_boot=bool(wanted.changes),
            ),
            run_id=self.context.run_id,
            lifetime=limits.total * (1 + len(wanted.changes)) + _LIFETIME,
        )
        results: list[report.Boot] = []
        # What is left standing on failure is left by an exception.
        with (
            contextlib.suppress(_LeftStanding),
            self.hypervisor.boot(
                self.image,
                seed=seed,
                shape=wanted.shape,
                work_dir=work_dir,
                host=self.context.host,
                cancelled=self.context.cancelled,
                undo=self.context.undo,
                keep_on_failure=self.context.keep_on_failure,
            ) as instance,
        ):
            ear = _Ear(self, wanted, instance, nonce, limits, seed)
            for result in ear.hear():
                results.append(result)
                if result.failed:
                    self.reach[wanted.name] = instance.reach()
                    raise _LeftStanding
        if not results:
            raise exceptions.SmokeTestFailed(f'{wanted.name}: it was lost')
        return results


class _Ear:
    """Listen to one instance: its boot, and what is done to it then."""

    def __init__(
        self,
        boots: Boots,
        wanted: _Instance,
        instance: hypervisor_base.Instance,
        nonce: str,
        limits: watch.Limits,
        seed: hypervisor_base.Seed,
    ) -> None:
        self._boots = boots
        self._wanted = wanted
        self._instance = instance
        self._nonce = nonce
        self._limits = limits
        self._seed = seed

    def hear(self) -> Iterator[report.Boot]:
        """Return what became of its boot, and of each change."""
        name = self._wanted.name
        heard = self._listen(name, self._instance.console)
        probes = self._judge(heard)
        if not heard.diagnosis:
            reached = reach.check(self._instance.addresses())
            probes += (reached,) if reached else ()
        yield self._result(name, heard, probes)
        for change in self._wanted.changes:
            before = identity.of(probes)
            start = len(self._instance.console())
            try:
                self._instance.change(change)
            except hypervisor_base.NotOffered as exc:
                self._boots.skipped.append(
                    report.Skipped(name=change.value, reason=exc.message)
                )
                continue
            # What it says from now on, and not of the boot before.
            heard = self._listen(
                f'{name}-{change.value}',
                lambda start=start: self._instance.console()[start:],  # type: ignore[misc]
                after=heard.boot,
            )
            rescued = change is hypervisor_base.Change.RESCUE
            # Of another disk than the instance's own: that it answers is all
            # that is asked.
            again = () if rescued else self._judge(heard)
            if again:
                again += (identity.kept(before, identity.of(again)),)
            yield self._result(
                f'{name}-{change.value}', heard, again, after=name
            )
            self._instance.changed(change)

    def _result(
        self,
        name: str,
        heard: watch.Heard,
        probes: tuple[probe_base.ProbeResult, ...],
        after: str | None = None,
    ) -> report.Boot:
        return report.Boot(
            name=name,
            firmware=self._wanted.shape.firmware.value,
            seconds=heard.seconds,
            machine=self._instance.describe(),
            asking=heard.asking,
            probes=probes,
            diagnosis=heard.diagnosis,
            after=after,
        )

    def _listen(
        self,
        name: str,
        read: Callable[[], bytes],
        *,
        after: str | None = None,
    ) -> watch.Heard:
        context = self._boots.context

        def reached(milestone: str) -> None:
            context.progress(0, None, f'{name}: {milestone}')

        try:
            return watch.listen(
                watch.Watch(
                    self._nonce,
                    self._boots.order.probes,
                    limits=self._limits,
                    after=after,
                ),
                read=read,
                running=self._instance.running,
                wait=context.cancelled.wait,
                reached=reached,
            )
        finally:
            # Kept whatever happens, also when the run is interrupted.
            self._boots.console_log(self._wanted.name).write_bytes(
                self._instance.console()
            )

    def _judge(self, heard: watch.Heard) -> tuple[probe_base.ProbeResult, ...]:
        # A guest that said nothing at all has one problem, not twenty.
        if heard.diagnosis and not heard.answers:
            return ()
        boots = self._boots
        seed, shape = self._instance.as_booted(self._seed, self._wanted.shape)
        expected = probe_base.Expected(
            instance_id=seed.instance_id,
            hostname=seed.hostname,
            public_key=seed.public_key,
            disk_bytes=shape.disk_bytes,
            config_drive=shape.config_drive,
            boot_seconds=boots.order.boot_limit,
            emulated=boots.factor > 1,
            allowed_ports=frozenset(boots.order.allowed_ports),
            firmware=shape.firmware.value,
            properties=boots.image.properties,
        )
        return tuple(
            report.waive(
                probe_base.judge(probe, heard.answers.get(probe.id), expected),
                boots.order.waived,
            )
            for probe in boots.order.probes
        )


class _LeftStanding(Exception):
    """Tells a hypervisor that a boot went wrong."""
