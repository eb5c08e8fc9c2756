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

import base64
import concurrent.futures
import contextlib
import dataclasses
import os
import secrets
import struct
import uuid
from collections.abc import Mapping
from pathlib import Path

from image_pipeline import artifact, exceptions
from image_pipeline.hypervisors import base as hypervisor_base
from image_pipeline.probes import base as probe_base
from image_pipeline.probes import report, script, watch
from image_pipeline.stages import base

_MIB = 1 << 20
# Seconds from the end of cloud-init to the first word of user data, which
# cloud-init has started by then.
_ANSWER_LIMIT = 10
# Seconds that all else of a boot may take: an image comes to its compute
# host, a server starts again, all is taken down.
_LIFETIME = 3600


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

    def boot_all(self) -> list[report.Boot]:
        """Boot under each firmware, at once where the host has room."""
        names = self._names()
        room = self.hypervisor.capacity(self._shape(self.order.firmware[0]))
        with concurrent.futures.ThreadPoolExecutor(
            max_workers=min(room, len(names))
        ) as pool:
            # One that cannot be started does not stop the other: both of
            # their consoles are of use.
            waiting = [pool.submit(self._boot, *one) for one in names.items()]
        return [each.result() for each in waiting]

    def _names(self) -> dict[str, hypervisor_base.Firmware]:
        firmware = self.order.firmware
        if len(firmware) > 1:
            return {each.value: each for each in firmware}
        # Two boots show whether identities differ.
        return {
            firmware[0].value: firmware[0],
            f'{firmware[0].value}-again': firmware[0],
        }

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
        """Return where a boot's console is kept.

        :param name: of the boot.
        """
        log = self.context.log
        return log.with_name(f'{log.stem}.{name}.console.log')

    def _boot(
        self, name: str, firmware: hypervisor_base.Firmware
    ) -> report.Boot:
        nonce = secrets.token_hex(8)
        limits = watch.Limits(
            total=self.order.time_limit * self.factor,
            silence=self.order.silence_limit * self.factor,
            answer=_ANSWER_LIMIT * self.factor,
        )
        shape = self._shape(firmware)
        seed = hypervisor_base.Seed(
            instance_id=str(uuid.uuid4()),
            hostname=f'smoke-{name}-{nonce[:6]}',
            public_key=_public_key(),
            user_data=script.render(
                nonce, self.order.probes, wait=limits.silence
            ),
            run_id=self.context.run_id,
            lifetime=limits.total + _LIFETIME,
        )
        work_dir = self.context.work_dir / name
        work_dir.mkdir()
        result: report.Boot | None = None
        # What is left standing on failure is left by an exception.
        with (
            contextlib.suppress(_LeftStanding),
            self.hypervisor.boot(
                self.image,
                seed=seed,
                shape=shape,
                work_dir=work_dir,
                host=self.context.host,
                cancelled=self.context.cancelled,
                undo=self.context.undo,
                keep_on_failure=self.context.keep_on_failure,
            ) as instance,
        ):
            heard = self._listen(name, instance, nonce, limits)
            result = report.Boot(
                name=name,
                firmware=firmware.value,
                seconds=heard.seconds,
                machine=instance.describe(),
                asking=heard.asking,
                probes=self._judge(heard, *instance.as_booted(seed, shape)),
                diagnosis=heard.diagnosis,
            )
            if result.failed:
                raise _LeftStanding
        if result is None:
            raise exceptions.SmokeTestFailed(f'{name}: the boot was lost')
        return result

    def _listen(
        self,
        name: str,
        instance: hypervisor_base.Instance,
        nonce: str,
        limits: watch.Limits,
    ) -> watch.Heard:
        def reached(milestone: str) -> None:
            self.context.progress(0, None, f'{name}: {milestone}')

        try:
            return watch.listen(
                watch.Watch(nonce, self.order.probes, limits=limits),
                read=instance.console,
                running=instance.running,
                wait=self.context.cancelled.wait,
                reached=reached,
            )
        finally:
            # Kept whatever happens, also when the run is interrupted.
            self.console_log(name).write_bytes(instance.console())

    def _judge(
        self,
        heard: watch.Heard,
        seed: hypervisor_base.Seed,
        shape: hypervisor_base.Shape,
    ) -> tuple[probe_base.ProbeResult, ...]:
        # A guest that said nothing at all has one problem, not twenty.
        if heard.diagnosis and not heard.answers:
            return ()
        expected = probe_base.Expected(
            instance_id=seed.instance_id,
            hostname=seed.hostname,
            public_key=seed.public_key,
            disk_bytes=shape.disk_bytes,
            config_drive=shape.config_drive,
            boot_seconds=self.order.boot_limit,
            emulated=self.factor > 1,
            allowed_ports=frozenset(self.order.allowed_ports),
            firmware=shape.firmware.value,
            properties=self.image.properties,
        )
        return tuple(
            report.waive(
                probe_base.judge(probe, heard.answers.get(probe.id), expected),
                self.order.waived,
            )
            for probe in self.order.probes
        )


class _LeftStanding(Exception):
    """Tells a hypervisor that a boot went wrong."""


def _public_key() -> str:
    """Return an SSH public key whose private half nobody has."""
    kind = b'ssh-ed25519'
    raw = os.urandom(32)
    blob = struct.pack('>I', len(kind)) + kind + struct.pack('>I', 32) + raw
    return f'ssh-ed25519 {base64.b64encode(blob).decode()} image-pipeline'
