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

"""The values that layers hand each other: frozen, and without I/O."""

import dataclasses
import enum
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from image_pipeline import exceptions

#: A raw disk: the whole image before it is converted.
DISK = 'disk'
#: A finished image file, in a format that is shipped.
IMAGE = 'image'
#: The packages that are in the image: a JSON list of {name, version,
#: architecture, source, source_version where it differs}.
PACKAGES = 'packages'
#: What the audit said of one image file.
AUDIT_REPORT = 'audit-report'
#: The image properties that follow from an image, and why.
PROPERTIES = 'properties'
#: An image in a catalogue, as a candidate.
REGISTRATION = 'registration'
#: What the probes said of one registered image.
SMOKE_REPORT = 'smoke-report'
#: A candidate that became the current image.
PROMOTION = 'promotion'

KINDS = frozenset(
    {
        DISK,
        IMAGE,
        PACKAGES,
        AUDIT_REPORT,
        PROPERTIES,
        REGISTRATION,
        SMOKE_REPORT,
        PROMOTION,
    }
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Artifact:
    """What a stage made.

    :param kind: one of :data:`KINDS`, or a plug-in's own.
    :param path: the file that holds it.
    :param digest: ``sha256:`` and 64 hexadecimal digits of that file.
    :param size: the file's length in bytes (not the virtual size).
    :param properties: what is known of it; JSON values only.  An image has
        ``format``, ``virtual_size`` (bytes) and ``sha512``.
    """

    kind: str
    path: Path
    digest: str
    size: int
    properties: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values, for records and symbols."""
        return {
            'kind': self.kind,
            'path': str(self.path),
            'digest': self.digest,
            'size': self.size,
            'properties': dict(self.properties),
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> 'Artifact':
        """Make one of what :meth:`to_json` returned."""
        return cls(
            kind=value['kind'],
            path=Path(value['path']),
            digest=value['digest'],
            size=value['size'],
            properties=dict(value['properties']),
        )


class Outcome(enum.StrEnum):
    """What a rule or a probe says; only ``PASS`` is a pass."""

    PASS = 'pass'  # noqa: S105 - an outcome, no password
    FAIL = 'fail'
    NOT_APPLICABLE = 'not-applicable'
    UNKNOWN = 'unknown'
    WAIVED = 'waived'


class Severity(enum.StrEnum):
    """How bad it is if a rule or a probe fails."""

    #: Breaks a boot, makes an image unreachable, leaks a credential, clones
    #: an identity, or is refused by Glance or Nova.
    ERROR = 'error'
    #: Against good practice, but the image works.
    WARNING = 'warning'
    #: A hint: size or style.
    INFO = 'info'

    @property
    def rank(self) -> int:
        """0 for info, 1 for warning, 2 for error."""
        return (Severity.INFO, Severity.WARNING, Severity.ERROR).index(self)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Evidence:
    """Why an outcome is what it is: where to look, and what is there.

    :param message: what was seen, one line.
    :param path: a path inside the image, with a leading slash.
    :param line: line of that file, from 1.
    :param offset: byte offset in the virtual disk.
    :param data: the bytes or the text seen there, shortened.
    """

    message: str
    path: str | None = None
    line: int | None = None
    offset: int | None = None
    data: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Return what is set, as JSON values."""
        return {
            name: value
            for name, value in dataclasses.asdict(self).items()
            if value is not None
        }


class RunState(enum.StrEnum):
    """How a run stands."""

    RUNNING = 'running'
    SUCCEEDED = 'succeeded'
    FAILED = 'failed'
    INTERRUPTED = 'interrupted'


class StepState(enum.StrEnum):
    """How a step of a run stands."""

    PENDING = 'pending'
    RUNNING = 'running'
    SUCCEEDED = 'succeeded'
    SKIPPED = 'skipped'
    FAILED = 'failed'


class ImageState(enum.StrEnum):
    """How an image in a catalogue stands."""

    CANDIDATE = 'candidate'
    CURRENT = 'current'
    PREVIOUS = 'previous'
    RETIRED = 'retired'
    REJECTED = 'rejected'


@dataclasses.dataclass(frozen=True, kw_only=True)
class ImageRecord:
    """An image in a catalogue.

    :param id: the catalogue's id; identity is this and the digest.
    :param name: what users call it; a candidate has a candidate's name.
    :param final_name: the name that it has, or gets, when it is current.
    :param state: candidate, current, previous, retired or rejected.
    :param sha256: 64 hexadecimal digits.
    :param sha512: 128 hexadecimal digits.
    :param size: bytes of the file.
    :param virtual_size: bytes of the disk.
    :param format: as Glance's ``disk_format``: qcow2, raw …
    :param visibility: private, shared, community or public.
    :param hidden: whether listings leave it out.
    :param created_at: ISO 8601, UTC.
    :param promoted_at: ISO 8601, UTC; None if it never was.
    :param run_id: the run that registered it.
    :param recipe: the recipe's name.
    :param properties: image properties, without the pipeline's own.
    :param tags: tags.
    :param reason: why it is in that state, if somebody said so.
    :param path: its file, where the catalogue is on this host.
    :param previous_id: the image that it replaced as the current one.
    :param tested_sha256: the content that its smoke test booted; None if
        none passed.
    :param tested_ram: MiB of memory that it was booted with then.
    """

    id: str
    name: str
    final_name: str
    state: ImageState
    sha256: str
    sha512: str
    size: int
    virtual_size: int
    format: str
    visibility: str
    hidden: bool
    created_at: str
    promoted_at: str | None = None
    run_id: str | None = None
    recipe: str | None = None
    properties: Mapping[str, str] = dataclasses.field(default_factory=dict)
    tags: tuple[str, ...] = ()
    reason: str | None = None
    path: Path | None = None
    previous_id: str | None = None
    tested_sha256: str | None = None
    tested_ram: int | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class UndoRecord:
    """How to take away a thing that is about to be made.

    Records are journaled before the thing is made, so that they survive a
    kill, and undoing is idempotent: a thing that is not there is undone.

    :param kind: ``path`` (remove a file or tree), ``process`` (kill a
        process group), ``catalogue`` or ``hypervisor`` (ask the target's
        plug-in).
    :param arguments: what the undoing needs; JSON values only.  ``path``:
        ``path``; ``process``: ``run``, the run id that every process
        started for a run carries in its environment (see
        :mod:`image_pipeline.host.process`); the others: ``target`` and the
        plug-in's own.
    """

    kind: str
    arguments: Mapping[str, Any]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Intent:
    """What a run is about to do at a target, as far as it is known before.

    :param makes: by kind of artifact that will be made there
        (:data:`REGISTRATION`, :data:`SMOKE_REPORT`, :data:`PROMOTION`), the
        options of the stage that makes it, as JSON values.
    :param name: the image's final name there.
    :param format: its format.
    :param size: bytes of its file; None if that is not known.  Of an image
        that is yet to be built it is the former one's.
    :param virtual_size: bytes of its disk, likewise.
    :param properties: its properties, as far as they are known.
    :param seconds: for how long credentials have to hold.
    """

    makes: Mapping[str, Mapping[str, Any]]
    name: str
    format: str
    size: int | None = None
    virtual_size: int | None = None
    properties: Mapping[str, str] = dataclasses.field(default_factory=dict)
    seconds: int = 0


@dataclasses.dataclass(frozen=True, kw_only=True)
class Objection:
    """What speaks against an intent, seen before anything is built.

    :param problem: what is wrong, and what to do.
    :param severity: an error stops the run; what is less is only said.
    :param unavailable: whether it may be gone when it is tried again: a
        service that does not answer.
    """

    problem: exceptions.Problem
    severity: Severity = Severity.ERROR
    unavailable: bool = False

    @classmethod
    def of(cls, error: exceptions.PipelineError) -> 'tuple[Objection, ...]':
        """Make objections of an error that was raised while looking.

        :param error: the error; each of its problems becomes one.
        """
        problems: tuple[exceptions.Problem, ...] = getattr(
            error, 'problems', ()
        )
        return tuple(
            cls(
                problem=problem,
                unavailable=isinstance(error, exceptions.Unavailable),
            )
            for problem in problems
            or [exceptions.Problem(message=error.message, hint=error.hint)]
        )

    @classmethod
    def tried(
        cls, check: 'Callable[[], Iterable[Objection]]'
    ) -> 'Iterator[Objection]':
        """Give what a look gives, and what it raises: others go on.

        :param check: the look.
        :raises Interrupted: nobody waits for it any more.
        """
        try:
            yield from check()
        except exceptions.Interrupted:
            raise
        except exceptions.PipelineError as exc:
            yield from cls.of(exc)

    @classmethod
    def warning(cls, message: str, hint: str | None = None) -> 'Objection':
        """Make one that is only said.

        :param message: what is odd, without a full stop.
        :param hint: what to do.
        """
        return cls(
            problem=exceptions.Problem(message=message, hint=hint),
            severity=Severity.WARNING,
        )

    @classmethod
    def error(cls, message: str, hint: str | None = None) -> 'Objection':
        """Make one that stops the run.

        :param message: what is wrong, without a full stop.
        :param hint: what to do.
        """
        return cls(problem=exceptions.Problem(message=message, hint=hint))
