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

"""The contract of a probe: a check made inside a booted guest.

A probe is a snippet of POSIX shell that prints facts, and a function on this
host that judges them.  The snippet decides nothing: what is right may depend
on the instance's size, its name or how fast this host is, which the guest
does not know.
"""

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from image_pipeline import artifact
from image_pipeline.probes import protocol


@dataclasses.dataclass(frozen=True, kw_only=True)
class Expected:
    """What this host knows of an instance, for the judges.

    :param instance_id: the UUID that the metadata gave it.
    :param hostname: the name that the metadata gave it.
    :param public_key: the key that the metadata gave it.
    :param disk_bytes: its root disk.
    :param config_drive: whether its metadata is on a config drive.
    :param boot_seconds: how long it may take to the end of cloud-init.
    :param emulated: whether it runs without acceleration.
    :param allowed_ports: ports that may listen on every address, as
        ``22/tcp``.
    :param firmware: what it was booted under, ``bios`` or ``uefi``.
    :param properties: what the image's properties claim.
    """

    instance_id: str
    hostname: str
    public_key: str
    disk_bytes: int
    config_drive: bool
    boot_seconds: float
    emulated: bool
    allowed_ports: frozenset[str]
    firmware: str = 'bios'
    properties: Mapping[str, str] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Verdict:
    """What a judge says of an answer.

    :param outcome: pass, fail, not-applicable or unknown.
    :param evidence: what it saw.
    :param facts: values for the report, such as seconds or bytes.
    """

    outcome: artifact.Outcome
    evidence: tuple[artifact.Evidence, ...] = ()
    facts: Mapping[str, Any] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Probe:
    """A check made inside a booted guest.

    :param id: the id of the audit rule that it confirms; ``LIVE-…`` where
        there is none.
    :param title: one line: what holds if it passes.
    :param snippet: POSIX shell; prints at most 6000 bytes within 60 seconds.
        Probes that judge the same answer share it; it is asked once.
    :param judge: says what the answer means.
    :param severity: how bad a failure is; only an error, or what is unknown
        of one, fails a smoke test.
    :param refutes: whether a pass contradicts an audit that found a failure;
        not where the rule looks at more than a booted guest shows, such as
        what the first boot has removed by now.
    """

    id: str
    title: str
    snippet: str
    judge: Callable[[protocol.Answer, Expected], Verdict]
    severity: artifact.Severity = artifact.Severity.ERROR
    refutes: bool = True


@dataclasses.dataclass(frozen=True, kw_only=True)
class ProbeResult:
    """What a probe said of a boot.

    :param probe: the probe's id.
    :param title: the probe's title.
    :param outcome: pass, fail, not-applicable, unknown or waived.
    :param evidence: what was seen.
    :param facts: values for the report.
    :param severity: how bad a failure of it is.
    :param refutes: whether a pass contradicts an audit that found a failure.
    """

    probe: str
    title: str
    outcome: artifact.Outcome
    evidence: tuple[artifact.Evidence, ...] = ()
    facts: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    severity: artifact.Severity = artifact.Severity.ERROR
    refutes: bool = True

    @property
    def is_bad(self) -> bool:
        """Whether it failed, or nobody knows."""
        return self.outcome in (
            artifact.Outcome.FAIL,
            artifact.Outcome.UNKNOWN,
        )

    @property
    def blocks(self) -> bool:
        """Whether the smoke test fails because of it."""
        return self.is_bad and self.severity is artifact.Severity.ERROR

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {
            'probe': self.probe,
            'title': self.title,
            'severity': self.severity.value,
            'outcome': self.outcome.value,
            'evidence': [one.to_json() for one in self.evidence],
            'facts': dict(self.facts),
        }


def passed(*messages: str, **facts: Any) -> Verdict:
    """Return a pass, with what was seen and what goes into the report."""
    return _verdict(artifact.Outcome.PASS, messages, facts)


def failed(*messages: str, **facts: Any) -> Verdict:
    """Return a fail, with what is wrong and what goes into the report."""
    return _verdict(artifact.Outcome.FAIL, messages, facts)


def judged(wrong: Sequence[str], seen: str, **facts: Any) -> Verdict:
    """Return a fail with all that is wrong; a pass if nothing is.

    :param wrong: what is wrong, a sentence each.
    :param seen: what was seen, if nothing is wrong.
    :param facts: what goes into the report.
    """
    return failed(*wrong, **facts) if wrong else passed(seen, **facts)


def compared(seen: str, right: bool, wanted: str, **facts: Any) -> Verdict:
    """Return a pass with what was seen, or a fail that says what was wanted.

    :param seen: what was seen.
    :param right: whether that is right.
    :param wanted: what it should have been.
    :param facts: what goes into the report.
    """
    return judged([] if right else [f'{seen}, not {wanted}'], seen, **facts)


def unknown(*messages: str) -> Verdict:
    """Return that an answer does not tell."""
    return _verdict(artifact.Outcome.UNKNOWN, messages, {})


def not_applicable(*messages: str) -> Verdict:
    """Return that a probe makes no sense in this guest."""
    return _verdict(artifact.Outcome.NOT_APPLICABLE, messages, {})


def _verdict(
    outcome: artifact.Outcome,
    messages: tuple[str, ...],
    facts: Mapping[str, Any],
) -> Verdict:
    return Verdict(
        outcome=outcome,
        evidence=tuple(
            artifact.Evidence(message=message) for message in messages
        ),
        facts=facts,
    )


def judge(
    probe: Probe, answer: protocol.Answer | None, expected: Expected
) -> ProbeResult:
    """Return what a probe's answer means; no answer is no pass.

    :param probe: the probe.
    :param answer: what the guest answered; None if nothing arrived.
    :param expected: what this host knows of the instance.
    """
    if answer is None:
        verdict = unknown('the guest sent no answer')
    elif answer.status == 124:
        verdict = unknown('the guest gave up on it after 60 seconds')
    else:
        try:
            verdict = probe.judge(answer, expected)
        except (ValueError, KeyError, IndexError, TypeError, AttributeError):
            # The answer is the guest's text, and a guest may send anything.
            verdict = unknown(f'cannot be understood: {answer.text[:200]!r}')
    if not answer or answer.whole:
        evidence = verdict.evidence
    else:
        evidence = (
            *verdict.evidence,
            artifact.Evidence(message='the answer was cut short'),
        )
    return ProbeResult(
        probe=probe.id,
        title=probe.title,
        outcome=verdict.outcome,
        evidence=evidence,
        facts=verdict.facts,
        severity=probe.severity,
        refutes=probe.refutes,
    )


def asked_as(probes: Iterable[Probe]) -> dict[str, str]:
    """Return under which id each probe's snippet is asked, by its id.

    Starting a program costs an emulated guest up to a second: what several
    probes want to know is asked once, for the first of them.

    :param probes: all that are asked.
    """
    first: dict[str, str] = {}
    return {
        probe.id: first.setdefault(probe.snippet, probe.id) for probe in probes
    }


def sections(text: str) -> dict[str, str]:
    """Split an answer at its ``== name`` lines.

    :param text: what a snippet printed.
    :returns: each section's text, stripped, by its name.
    """
    found: dict[str, str] = {}
    for part in ('\n' + text).split('\n== ')[1:]:
        name, _, rest = part.partition('\n')
        found[name.strip()] = rest.strip()
    return found


def values(text: str) -> dict[str, str]:
    """Return the ``name=value`` lines of an answer.

    :param text: what a snippet printed.
    """
    pairs = (line.partition('=') for line in text.splitlines())
    return {name: value for name, equals, value in pairs if equals}
