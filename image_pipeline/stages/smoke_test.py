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

"""``smoke-test``: boot the registered image, ask it, and take it down."""

import dataclasses
import datetime
import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, ClassVar

from image_pipeline import artifact, exceptions
from image_pipeline.hypervisors import base as hypervisor_base
from image_pipeline.hypervisors import registry as hypervisor_registry
from image_pipeline.probes import (
    access,
    console,
    disagreement,
    report,
    script,
)
from image_pipeline.probes import registry as probe_registry
from image_pipeline.stages import base, boots, smoke_options, tested

_MIB = 1 << 20


@dataclasses.dataclass(frozen=True, kw_only=True)
class SmokeTestOptions:
    """Options of :class:`SmokeTestStage`.

    :param firmware: what the image is booted under.
    :param probes: ids of the probes to ask; None means all.
    :param waive: probes that may fail.
    :param vcpus: processors of an instance.
    :param memory_mib: memory of an instance, in MiB.
    :param growth_mib: by how much its disk is larger than the image, in MiB.
    :param config_drive: whether metadata comes on a config drive.
    :param time_limit: seconds from power-on to the last answer.
    :param silence_limit: seconds without a character on the console.
    :param boot_limit: seconds from the kernel's start to cloud-init's end.
    :param allowed_ports: ports that may listen beyond loopback.
    :param also: what is tried beside, where the hypervisor offers it.
    """

    firmware: tuple[hypervisor_base.Firmware, ...] = (
        hypervisor_base.Firmware.BIOS,
        hypervisor_base.Firmware.UEFI,
    )
    probes: tuple[str, ...] | None = None
    waive: tuple[smoke_options.Waiver, ...] = ()
    vcpus: int = 1
    memory_mib: int = 1024
    growth_mib: int = 2048
    config_drive: bool = True
    time_limit: int = 180
    silence_limit: int = 30
    boot_limit: int = 60
    allowed_ports: tuple[str, ...] = access.ALLOWED_PORTS
    also: tuple[smoke_options.Also, ...] = ()


class SmokeTestStage(base.Stage[SmokeTestOptions]):
    """Boot the registered image, run the probes in it, and take it down.

    Each firmware is one boot; with a single firmware the image is booted
    twice, since identities of two boots are compared.
    """

    name: ClassVar[str] = 'smoke-test'
    options_class = SmokeTestOptions
    schema: ClassVar[Mapping[str, Any]] = smoke_options.SCHEMA
    requires = frozenset({artifact.REGISTRATION, artifact.IMAGE})
    uses = frozenset({artifact.AUDIT_REPORT})
    compares = uses
    provides = frozenset({artifact.SMOKE_REPORT})
    scope: ClassVar[base.Scope] = base.Scope.TARGET

    def needs(self, context: base.PlanContext) -> base.HostNeeds:
        """Return what the target's hypervisor needs of this host."""
        if context.target is None:
            return base.HostNeeds()
        plugin = hypervisor_registry.plugin(context.target)
        if not plugin.executables:
            return base.HostNeeds()
        return base.HostNeeds(
            executables=plugin.executables,
            # What a boot writes to its overlay, twice; measured: 150 MiB.
            disk_bytes=512 * _MIB,
            memory_bytes=self.options.memory_mib * _MIB,
        )

    def check(self, context: base.PlanContext) -> Iterable[exceptions.Problem]:
        """Return probes that do not exist and firmware that is missing."""
        known = probe_registry.names()
        named = [
            (f'probes[{at}]', name)
            for at, name in enumerate(self.options.probes or ())
        ]
        named += [
            (f'waive[{at}].probe', waiver.probe)
            for at, waiver in enumerate(self.options.waive)
        ]
        for path, name in named:
            if name not in known:
                yield exceptions.Problem(
                    path=path,
                    message=f'there is no probe "{name}"',
                    hint=exceptions.did_you_mean(name, known)
                    or f'probes are {", ".join(known)}',
                )
        for at, waiver in enumerate(self.options.waive):
            try:
                datetime.date.fromisoformat(waiver.expires)
            except ValueError:
                yield exceptions.Problem(
                    path=f'waive[{at}].expires',
                    message=f'"{waiver.expires}" is no day',
                )
        if context.target is None:
            return
        plugin = hypervisor_registry.plugin(context.target)
        for at, firmware in enumerate(self.options.firmware):
            if lacks := plugin.lacks(firmware):
                yield exceptions.Problem(path=f'firmware[{at}]', message=lacks)

    def fingerprint(self, context: base.PlanContext) -> Mapping[str, str]:
        """Return where it is booted, and what the guest runs."""
        asked = script.render(
            '0' * 16, probe_registry.select(self.options.probes), wait=1
        )
        target = context.target
        return {
            'probes': hashlib.sha256(asked).hexdigest(),
            'hypervisor': target.hypervisor if target else '',
            'flavor': (target.flavor if target else None) or '',
        }

    def run(self, context: base.StageContext) -> Iterable[artifact.Artifact]:
        """Boot, ask, judge, compare.

        Where an audit of the same file says the opposite of a probe, the
        report has it as a defect of the audit; that alone is no failure.

        :raises SmokeTestFailed: a boot did not answer, or a probe failed.
        """
        if context.catalogue is None or context.hypervisor is None:
            raise exceptions.StageFailed('smoke-test runs for a target only')
        registration = context.inputs[artifact.REGISTRATION]
        image = context.catalogue.get(registration.properties['image_id'])
        smoke = boots.Boots(
            self._order(),
            context=context,
            hypervisor=context.hypervisor,
            image=image,
        )
        found = report.Report(
            image=image,
            boots=tuple(smoke.boot_all()),
            skipped=smoke.skipped,
            waived=smoke.order.waived,
            audited=disagreement.audited(
                context.inputs.get(artifact.AUDIT_REPORT), image.sha256
            ),
        )
        path = context.work_dir / 'smoke-report.json'
        path.write_text(json.dumps(found.to_json(), indent=2, sort_keys=True))
        with context.log.open('a') as log:
            log.writelines(f'{line}\n' for line in found.lines())
        if not found.passed:
            raise self._failure(found, path, smoke)
        tested.note(context.catalogue, image, self._memory(found))
        return [
            artifact.Artifact(
                kind=artifact.SMOKE_REPORT,
                path=path,
                digest='',
                size=0,
                properties={
                    'image_id': image.id,
                    'image_digest': f'sha256:{image.sha256}',
                    'passed': True,
                    'summary': found.summary(),
                    'skipped': [one.name for one in found.skipped],
                    'disagreements': [
                        one.to_json() for one in found.disagreements
                    ],
                },
            )
        ]

    def _memory(self, found: report.Report) -> int:
        """Return with how much memory it was booted, in MiB."""
        # A cloud's flavor may have another size than was asked for.
        told = [
            boot.machine.get('memory')
            for boot in found.boots
            # Not what it was resized to.
            if boot.after is None
        ]
        known = [one >> 20 for one in told if isinstance(one, int)]
        return max(known, default=self.options.memory_mib)

    def _order(self) -> boots.Order:
        given = {
            field.name: getattr(self.options, field.name)
            for field in dataclasses.fields(self.options)
            if field.name not in {'probes', 'waive'}
        }
        today = datetime.datetime.now(datetime.UTC).date().isoformat()
        return boots.Order(
            probes=probe_registry.select(self.options.probes),
            waived={
                waiver.probe: waiver.reason
                for waiver in self.options.waive
                if waiver.expires >= today
            },
            **given,
        )

    def _failure(
        self, found: report.Report, path: Path, smoke: boots.Boots
    ) -> exceptions.SmokeTestFailed:
        problems = tuple(found.problems())
        boot = next(
            (each for each in found.boots if each.diagnosis), found.boots[0]
        )
        if boot.diagnosis:
            what = f'{boot.name}: {boot.diagnosis.message}'
            tail = boot.diagnosis.tail
        else:
            more = len(problems) - 1
            what = str(problems[0]) + (f', and {more} more' if more else '')
            tail = ()
        hint = self._hint(boot, smoke)
        if found.disagreements:
            rules = ', '.join(one.rule for one in found.disagreements)
            hint += f'; the audit says otherwise of {rules}: '
            hint += disagreement.HINT
        error = exceptions.SmokeTestFailed(
            f'image {found.image.name} failed its smoke test: {what}',
            problems=problems,
            tail=tail,
            log=str(smoke.console_log(boot.after or boot.name)),
            hint=hint,
        )
        error.evidence = (path,)
        return error

    def _hint(self, boot: report.Boot, smoke: boots.Boots) -> str:
        silent = {console.Cause.HANG, console.Cause.SILENT}
        if (
            boot.diagnosis
            and boot.diagnosis.cause in silent
            and boot.machine.get('accel') == 'kvm'
        ):
            # The acceleration probe is small; a kernel may find more wrong.
            return "set accel to tcg to see whether it is this host's KVM"
        if not smoke.context.keep_on_failure:
            return 'run it again with --keep-on-failure to look into the disk'
        name = boot.after or boot.name
        folder = smoke.context.work_dir / name
        if smoke.reach.get(name):
            return (
                f'{smoke.reach[name]}, key {folder}/id_ed25519; '
                '`image-pipeline reap` removes it'
            )
        # Of a hypervisor on this host; others keep the instance.
        if (folder / 'start').exists():
            return (
                f'boot it again with {folder}/start: its console comes to '
                'this terminal, C-a x ends it; `image-pipeline reap` removes '
                'what is kept'
            )
        return (
            f'what is left is in {folder}; `image-pipeline reap` removes it, '
            'and an instance that was kept'
        )
