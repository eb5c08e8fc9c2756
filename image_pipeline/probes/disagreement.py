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

"""Where the audit of a file and the probes of its boots disagree.

Both have the same ids.  The guest is what counts: a rule that passed, and
whose probe failed, was judged wrongly, and so was one that failed while its
probe, looking at the same, passed.  Either is a defect of the audit.
"""

import dataclasses
import json
from collections.abc import Iterable, Mapping
from typing import Any

from image_pipeline import artifact
from image_pipeline.probes import base

#: What to do about a disagreement.
HINT = (
    'the booted guest is what counts: please report each of them, with the '
    'audit report and the smoke report, as a defect of the audit'
)

_PASS, _FAIL = artifact.Outcome.PASS, artifact.Outcome.FAIL
# What is waived failed all the same.
_FAILED = frozenset({_FAIL, artifact.Outcome.WAIVED})


@dataclasses.dataclass(frozen=True, kw_only=True)
class Disagreement:
    """One rule of which the audit and the guest say the opposite.

    :param rule: the id of the rule, and of its probe.
    :param audit: what the audit said.
    :param probe: what the probe said, of any boot.
    :param evidence: why that one failed which did.
    """

    rule: str
    audit: artifact.Outcome
    probe: artifact.Outcome
    evidence: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {
            'rule': self.rule,
            'audit': self.audit.value,
            'probe': self.probe.value,
            'evidence': list(self.evidence),
        }

    def __str__(self) -> str:
        return line(self.to_json())


def line(one: Mapping[str, Any]) -> str:
    """Return a disagreement as a line for a person.

    :param one: of :meth:`Disagreement.to_json`.
    """
    why = '; '.join(one['evidence'])
    return (
        f'{one["rule"]}: the audit says {one["audit"]}, the probe '
        f'{one["probe"]}' + (f': {why}' if why else '')
    )


def audited(
    report: artifact.Artifact | None, sha256: str
) -> list[Mapping[str, Any]] | None:
    """Return what the audit said of a file; None if it said nothing of it.

    :param report: the audit's report, of whatever file.
    :param sha256: of the file that was booted.
    """
    if report is None or report.properties.get('image_digest') != (
        f'sha256:{sha256}'
    ):
        return None
    results: list[Mapping[str, Any]] = json.loads(report.path.read_text())[
        'results'
    ]
    return results


def find(
    audit: Iterable[Mapping[str, Any]], results: Iterable[base.ProbeResult]
) -> tuple[Disagreement, ...]:
    """Return each rule of which audit and probes say the opposite, by id.

    What is unknown or not applicable to either does not disagree, nor does a
    lesser finding of a rule than its probe would make: the probe does not
    look for it.

    :param audit: the ``results`` of an audit's report, as JSON values.
    :param results: what the probes said, of all boots.
    """
    by_probe: dict[str, list[base.ProbeResult]] = {}
    for result in results:
        by_probe.setdefault(result.probe, []).append(result)
    said = {str(one['rule']): one for one in audit}
    found = (
        _compared(said[rule], by_probe[rule])
        for rule in sorted(said.keys() & by_probe.keys())
    )
    return tuple(one for one in found if one is not None)


def _compared(
    judged: Mapping[str, Any], probed: list[base.ProbeResult]
) -> Disagreement | None:
    audit = artifact.Outcome(judged['outcome'])
    outcomes = {one.outcome for one in probed}
    # A failure that is waived has its reason already.
    failed = next((one for one in probed if one.outcome is _FAIL), None)
    if audit is _PASS and failed is not None:
        return Disagreement(
            rule=failed.probe,
            audit=audit,
            probe=failed.outcome,
            evidence=tuple(one.message for one in failed.evidence),
        )
    if (
        audit in _FAILED
        and failed is None
        and outcomes <= {_PASS, artifact.Outcome.NOT_APPLICABLE}
        and _PASS in outcomes
        and all(one.refutes for one in probed)
        and artifact.Severity(judged['severity']).rank
        >= probed[0].severity.rank
    ):
        return Disagreement(
            rule=probed[0].probe,
            audit=audit,
            probe=_PASS,
            evidence=tuple(map(_seen, judged['evidence'])),
        )
    return None


def _seen(evidence: Mapping[str, Any]) -> str:
    """Return a piece of the audit's evidence as one line."""
    where = str(evidence.get('path', ''))
    if 'line' in evidence:
        where += f':{evidence["line"]}'
    message = str(evidence['message'])
    return f'{where}: {message}' if where else message
