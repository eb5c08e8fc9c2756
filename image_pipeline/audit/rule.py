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

"""The contract of a rule.

A rule is a class in a module of its own, registered as an entry point in
``image_pipeline.rules`` under its id.  One spelling everywhere:
``EGI-LAYOUT-02``, ``egi_layout_02.py``, ``EgiLayout02``,
``test_egi_layout_02.py``.  :mod:`image_pipeline.testing.conformance.rule`
tests one.
"""

import abc
import dataclasses
import enum
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from image_pipeline import artifact, exceptions
from image_pipeline.disk import edits

#: Pieces of evidence that a verdict keeps; one file may break a rule
#: thousands of times.
MOST_EVIDENCE = 20


#: How bad it is if a rule fails.
Severity = artifact.Severity


class Subject(enum.StrEnum):
    """What a rule is about, and so when it can be judged."""

    #: The disk in the file: tables, file systems, files.
    IMAGE = 'image'
    #: The file itself, with the files beside it (checksums, signatures).
    ARTIFACT = 'artifact'
    #: The run that made it: its manifest and what its stages said.
    RUN = 'run'
    #: The image in a catalogue: its name, properties and state.
    REGISTERED_IMAGE = 'registered-image'
    #: The image as a cloud lists it, whoever made it, among all others there.
    LISTED_IMAGE = 'listed-image'


class Fix(enum.StrEnum):
    """Whether a tool can mend what a rule finds."""

    #: A copy with other files does: residue goes, or :meth:`Rule.mend` says
    #: what changes.
    YES = 'yes'
    #: A copy that is written anew does, whatever is in its files.
    BY_COPYING = 'by-copying'
    #: It must be built in another way.
    BUILD_ONLY = 'build-only'
    #: A person must decide.
    NO = 'no'


class CannotTell(Exception):
    """A rule cannot be judged; the outcome is unknown, never a pass.

    :param reason: why not, one line.
    """


class NotApplicable(Exception):
    """A rule has nothing to say about this subject.

    :param reason: why not, one line.
    """


@dataclasses.dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that a rule objects to.

    :param evidence: what was seen, and where.
    :param severity: how bad it is, where that is not the rule's severity.
    """

    evidence: artifact.Evidence
    severity: Severity | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Verdict:
    """What a rule says.

    :param outcome: pass, fail, not applicable or unknown.
    :param evidence: why.
    :param severity: of the worst finding, where that is not the rule's own;
        None: the rule's.
    """

    outcome: artifact.Outcome
    evidence: tuple[artifact.Evidence, ...] = ()
    severity: Severity | None = None


class Rule(abc.ABC):
    """One rule; it keeps nothing between two checks."""

    #: As the catalogue of rules has it: ``EGI-LAYOUT-02``.
    id: ClassVar[str]
    subject: ClassVar[Subject] = Subject.IMAGE
    #: Before a profile says otherwise.
    severity: ClassVar[Severity]
    #: What must hold, one line without a full stop.
    statement: ClassVar[str]
    #: Why it must.
    rationale: ClassVar[str]
    #: Where the rule comes from.
    source: ClassVar[str]
    #: The elements and stages that see to it: ``element:plain-disk``.
    satisfied_by: ClassVar[tuple[str, ...]] = ()
    #: What a person does about it.
    remedy: ClassVar[str]
    fix: ClassVar[Fix] = Fix.NO
    #: Rules that may fail for the same cause, and then say nothing new.
    implies: ClassVar[frozenset[str]] = frozenset()
    #: The probe that asks the same of a booted guest.
    probe: ClassVar[str | None] = None
    #: Closed JSON Schema of the options, each with a description and its
    #: default.  Where sources disagree, the rule has an option.
    options: ClassVar[Mapping[str, Any]] = {
        'type': 'object',
        'additionalProperties': False,
        'properties': {},
    }

    @classmethod
    def defaults(cls) -> dict[str, Any]:
        """Return the options' defaults."""
        return {
            name: option['default']
            for name, option in cls.options['properties'].items()
        }

    def check(
        self, subject: Any, options: Mapping[str, Any] | None = None
    ) -> Verdict:
        """Judge a subject.

        :param subject: what :attr:`subject` names: an
            :class:`~image_pipeline.audit.view.ImageView`, or one of
            :mod:`image_pipeline.audit.subjects`.
        :param options: those that differ from the defaults.
        :returns: the verdict; never raises for what an image holds.
        """
        found: dict[Severity, list[Finding]] = {}
        count = 0
        reason = None
        try:
            for finding in self.find(
                subject, self.defaults() | dict(options or {})
            ):
                count += 1
                # A million faults must not fill the memory.
                alike = found.setdefault(finding.severity or self.severity, [])
                if len(alike) < MOST_EVIDENCE:
                    alike.append(finding)
        except NotApplicable as exc:
            if not found:
                return Verdict(
                    outcome=artifact.Outcome.NOT_APPLICABLE,
                    evidence=(artifact.Evidence(message=str(exc)),),
                )
        except (CannotTell, exceptions.ImageUnreadable) as exc:
            reason = str(exc)
        except RecursionError:
            reason = 'the image is too deeply nested'
        if found:
            return self._failed(found, count)
        if reason is not None:
            return Verdict(
                outcome=artifact.Outcome.UNKNOWN,
                evidence=(artifact.Evidence(message=reason),),
            )
        return Verdict(outcome=artifact.Outcome.PASS)

    @abc.abstractmethod
    def find(
        self, subject: Any, options: Mapping[str, Any]
    ) -> Iterator[Finding]:
        """Give everything that breaks the rule; nothing means a pass.

        What was found before an exception counts: a rule looks at the disk
        first and at files, which may not be readable, after that.

        :param subject: see :meth:`check`.
        :param options: all of them, with the profile's values.
        :raises NotApplicable: it has nothing to say.
        :raises CannotTell: it cannot be judged.
        """

    def mend(
        self, subject: Any, options: Mapping[str, Any]
    ) -> Iterator[edits.Edit]:
        """Give changes of files after which the rule passes.

        Asked of rules about an image that failed and whose :attr:`fix` is
        yes.  Residue is mended by its own table and needs nothing here.

        :param subject: see :meth:`check`.
        :param options: as :meth:`find` gets them.
        :raises NotApplicable: there is nothing that files could mend.
        """
        yield from ()

    def _failed(
        self, found: Mapping[Severity, list[Finding]], count: int
    ) -> Verdict:
        ranked = sorted(found, key=lambda severity: severity.rank)[::-1]
        evidence = [
            finding.evidence
            for severity in ranked
            for finding in found[severity]
        ][:MOST_EVIDENCE]
        if count > len(evidence):
            evidence.append(
                artifact.Evidence(message=f'and {count - len(evidence)} more')
            )
        return Verdict(
            outcome=artifact.Outcome.FAIL,
            evidence=tuple(evidence),
            severity=None if ranked[0] is self.severity else ranked[0],
        )
