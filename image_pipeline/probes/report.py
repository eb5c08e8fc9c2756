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

"""What is said of an image after its boots."""

import collections
import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from image_pipeline import artifact, exceptions
from image_pipeline.probes import base, console, disagreement, identity


@dataclasses.dataclass(frozen=True, kw_only=True)
class Boot:
    """One boot of an image.

    :param name: unique in the report, such as ``bios``.
    :param firmware: ``bios`` or ``uefi``.
    :param seconds: from power-on to the last answer, or to giving up.
    :param machine: what the hypervisor says of the instance.
    :param asking: of these, the seconds that the probes took in the guest;
        None if it did not say.
    :param probes: what the probes said; empty if it did not answer.
    :param diagnosis: why it did not answer; None if it did.
    :param after: the boot of the same instance that came first; None if this
        is the first one.
    """

    name: str
    firmware: str
    seconds: float
    machine: Mapping[str, Any]
    asking: float | None = None
    probes: tuple[base.ProbeResult, ...] = ()
    diagnosis: console.Diagnosis | None = None
    after: str | None = None

    @property
    def failed(self) -> bool:
        """Whether it did not answer, or a probe of weight failed."""
        return self.diagnosis is not None or any(
            probe.blocks for probe in self.probes
        )

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {
            'name': self.name,
            'firmware': self.firmware,
            'seconds': self.seconds,
            'asking': self.asking,
            'machine': dict(self.machine),
            'after': self.after,
            'probes': [probe.to_json() for probe in self.probes],
            'diagnosis': self.diagnosis
            and {
                'cause': self.diagnosis.cause.value,
                'message': self.diagnosis.message,
                'tail': list(self.diagnosis.tail),
            },
        }


@dataclasses.dataclass(frozen=True, kw_only=True)
class Skipped:
    """What was not tried.

    :param name: a firmware, or what is tried beside.
    :param reason: why not.
    """

    name: str
    reason: str


class Report:
    """What is said of an image after its boots.

    An outcome that is waived stays in the report, with the reason; what is
    unknown counts as a failure.  Only what is an error fails the smoke test.

    :param image: the image that was booted.
    :param boots: its boots, their probes waived.
    :param waived: why a comparison may fail, by its id.
    :param audited: the results of the audit of the same file, as JSON
        values; None if it was not audited.
    :param skipped: what was not tried, and why.
    """

    def __init__(
        self,
        *,
        image: artifact.ImageRecord,
        boots: tuple[Boot, ...],
        waived: Mapping[str, str],
        audited: Iterable[Mapping[str, Any]] | None = None,
        skipped: Iterable[Skipped] = (),
    ) -> None:
        self.image = image
        self.boots = boots
        self.skipped = tuple(skipped)
        self.identity = tuple(
            waive(one, waived) for one in self._compared() if boots
        )
        #: Where the audit and the guest say the opposite of each other.
        self.disagreements = disagreement.find(
            audited or (), (one for _, one in self._results())
        )

    def _compared(self) -> tuple[base.ProbeResult, ...]:
        # A boot that did not answer is a failure of its own, and says
        # nothing of identities.
        if any(boot.diagnosis for boot in self.boots):
            return ()
        return identity.compare(
            [
                probe
                for boot in self.boots
                for probe in boot.probes
                # Of one instance that started again it is the same.
                if probe.probe == identity.ID and boot.after is None
            ]
        )

    @property
    def passed(self) -> bool:
        """Whether every boot answered and no probe of weight failed."""
        return bool(self.boots) and not list(self.problems())

    def _results(self) -> Iterator[tuple[str, base.ProbeResult]]:
        for boot in self.boots:
            for probe in boot.probes:
                yield boot.name, probe
        for probe in self.identity:
            yield 'boots compared', probe

    def problems(self) -> Iterator[exceptions.Problem]:
        """Return what went wrong, by boot."""
        for boot in self.boots:
            if boot.diagnosis:
                yield exceptions.Problem(
                    path=boot.name, message=boot.diagnosis.message
                )
        for name, probe in self._results():
            if probe.blocks:
                said = '; '.join(one.message for one in probe.evidence)
                yield exceptions.Problem(
                    path=name,
                    message=f'{probe.probe} ({probe.title}): '
                    f'{probe.outcome.value}: {said}',
                )

    def summary(self) -> dict[str, int]:
        """Return how many results there are of each outcome."""
        counted = collections.Counter(
            probe.outcome for _, probe in self._results()
        )
        return {
            outcome.value.replace('-', '_'): counted[outcome]
            for outcome in artifact.Outcome
        }

    def memory_used(self) -> int | None:
        """Return the most memory that a boot used, in bytes, if known."""
        used = [
            int(probe.facts['used'])
            for _, probe in self._results()
            if probe.probe == 'LIVE-MEMORY' and 'used' in probe.facts
        ]
        return max(used, default=None)

    def lines(self) -> Iterator[str]:
        """Return the report for a person, a line each."""
        for boot in self.boots:
            asking = (
                f'probes {boot.asking:g} s, '
                if boot.asking is not None
                else ''
            )
            yield (
                f'{boot.name}: {boot.seconds:g} s, {asking}'
                f'{_pairs(boot.machine)}'
            )
            if boot.diagnosis:
                yield f'{boot.name}: {boot.diagnosis.message}'
                yield from (f'  | {line}' for line in boot.diagnosis.tail)
        for name, probe in self._results():
            said = '; '.join(one.message for one in probe.evidence)
            level = '' if probe.blocks else f' ({probe.severity.value})'
            yield (
                f'{name}: {probe.outcome.value:4} {probe.probe}'
                f'{level if probe.is_bad else ""}: {said}'
            )
        for skipped in self.skipped:
            yield f'{skipped.name}: skipped: {skipped.reason}'
        for one in self.disagreements:
            yield f'defect of the audit: {one}'
        if self.disagreements:
            yield disagreement.HINT

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {
            'image': {
                'id': self.image.id,
                'name': self.image.name,
                'sha256': self.image.sha256,
                'format': self.image.format,
            },
            'passed': self.passed,
            'summary': self.summary(),
            'memory_used': self.memory_used(),
            'boots': [boot.to_json() for boot in self.boots],
            'identity': [one.to_json() for one in self.identity],
            'skipped': [dataclasses.asdict(one) for one in self.skipped],
            'disagreements': [one.to_json() for one in self.disagreements],
        }


def waive(
    result: base.ProbeResult, waived: Mapping[str, str]
) -> base.ProbeResult:
    """Return a result, its failure waived if it may be.

    :param result: what a probe said.
    :param waived: why a probe may fail, by its id.
    """
    if not result.is_bad or result.probe not in waived:
        return result
    reason = artifact.Evidence(message=f'waived: {waived[result.probe]}')
    return dataclasses.replace(
        result,
        outcome=artifact.Outcome.WAIVED,
        evidence=(*result.evidence, reason),
    )


def _pairs(facts: Mapping[str, Any]) -> str:
    return ', '.join(f'{name} {value}' for name, value in facts.items())
