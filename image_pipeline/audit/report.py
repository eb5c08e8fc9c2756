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

"""What an audit says of one image."""

import dataclasses
from pathlib import Path
from typing import Any

from image_pipeline import artifact
from image_pipeline.audit import rule as audit_rule

#: The order in which outcomes are shown: what needs a person first.
_ORDER = (
    artifact.Outcome.FAIL,
    artifact.Outcome.UNKNOWN,
    artifact.Outcome.WAIVED,
    artifact.Outcome.PASS,
    artifact.Outcome.NOT_APPLICABLE,
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Result:
    """What one rule said.

    :param rule: its id.
    :param severity: how bad a failure is, as the profile has it.
    :param outcome: what it said, after waivers.
    :param evidence: why.
    :param statement: what must hold.
    :param remedy: what to do; empty unless it failed.
    """

    rule: str
    severity: audit_rule.Severity
    outcome: artifact.Outcome
    evidence: tuple[artifact.Evidence, ...]
    statement: str
    remedy: str

    @property
    def blocks(self) -> bool:
        """Whether the image must not go out because of it.

        An error rule whose outcome is unknown blocks as one that failed:
        nobody knows that the image is sound.
        """
        return self.severity is audit_rule.Severity.ERROR and self.outcome in (
            artifact.Outcome.FAIL,
            artifact.Outcome.UNKNOWN,
        )

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {
            'rule': self.rule,
            'severity': self.severity.value,
            'outcome': self.outcome.value,
            'evidence': [item.to_json() for item in self.evidence],
            'remedy': self.remedy,
        }


@dataclasses.dataclass(frozen=True, kw_only=True)
class Reading:
    """How an image that lies elsewhere was read.

    :param bytes: that came here.
    :param size: bytes of its file.
    :param digest_checked: whether what came is known to be what was stored;
        nobody can tell that of a part.
    """

    bytes: int
    size: int
    digest_checked: bool

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return dataclasses.asdict(self)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Report:
    """What an audit says of one image.

    :param image: the image file.
    :param format: its format.
    :param virtual_size: bytes that the guest sees.
    :param profile: the profile's name.
    :param results: one for each rule of the profile, by rule id.
    :param reading: how it was read, if it lies elsewhere.
    """

    image: Path
    format: str
    virtual_size: int
    profile: str
    results: tuple[Result, ...]
    reading: Reading | None = None

    @property
    def blocking(self) -> tuple[Result, ...]:
        """The results for which the image must not go out."""
        return tuple(result for result in self.results if result.blocks)

    @property
    def failed(self) -> tuple[str, ...]:
        """The ids of the rules that failed, of any severity."""
        return tuple(
            result.rule
            for result in self.results
            if result.outcome is artifact.Outcome.FAIL
        )

    @property
    def by_urgency(self) -> tuple[Result, ...]:
        """The results, what needs a person first."""
        return tuple(
            sorted(
                self.results,
                key=lambda result: (
                    _ORDER.index(result.outcome),
                    -result.severity.rank,
                    result.rule,
                ),
            )
        )

    @property
    def summary(self) -> dict[str, int]:
        """How many rules had which outcome."""
        outcomes = [result.outcome for result in self.results]
        return {
            outcome.value.replace('-', '_'): outcomes.count(outcome)
            for outcome in artifact.Outcome
        }

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values, as ``audit -f json`` prints it."""
        read = {'reading': self.reading.to_json()} if self.reading else {}
        return {
            'image': str(self.image),
            'format': self.format,
            'virtual_size': self.virtual_size,
            'profile': self.profile,
            **read,
            'summary': self.summary,
            'results': [result.to_json() for result in self.results],
        }


def one_line(evidence: artifact.Evidence) -> str:
    """Return evidence as one line for a person.

    :param evidence: what was seen.
    """
    where = evidence.path or ''
    if evidence.line is not None:
        where += f':{evidence.line}'
    if evidence.offset is not None:
        where += f'{" " if where else ""}byte {evidence.offset}'
    text = f'{where}: {evidence.message}' if where else evidence.message
    return f'{text} ({evidence.data})' if evidence.data else text
