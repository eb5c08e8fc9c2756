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

"""What came of a run, as values."""

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any

from image_pipeline import artifact, exceptions
from image_pipeline.host import process


@dataclasses.dataclass(frozen=True, kw_only=True)
class StepResult:
    """What came of a step.

    :param key: the step's key.
    :param stage: the stage.
    :param state: how it ended.
    :param seconds: how long it took.
    :param reason: why it ran, was skipped, was left pending or failed.
    :param cached: whether an earlier result was taken.
    :param step_id: its identity; None if it never was known.
    :param identity: what that was computed of.
    :param artifacts: what it made, or took over.
    :param error: what went wrong.
    """

    key: str
    stage: str
    state: artifact.StepState
    seconds: float = 0.0
    reason: str = ''
    cached: bool = False
    step_id: str | None = None
    identity: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    artifacts: tuple[artifact.Artifact, ...] = ()
    error: 'Failure | None' = None

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {
            'stage': self.stage,
            'step': self.key,
            'state': str(self.state),
            'seconds': round(self.seconds, 3),
            'cached': self.cached,
            'reason': self.reason,
            'step_id': self.step_id,
            'identity': dict(self.identity),
            'artifacts': [made.to_json() for made in self.artifacts],
            'error': self.error.to_json() if self.error else None,
        }


@dataclasses.dataclass(frozen=True, kw_only=True)
class Failure:
    """What went wrong in a step, in words.

    :param message: what, and where.
    :param hint: what to do next.
    :param log: the log to look into.
    :param tail: its last lines.
    :param evidence: files that show it.
    :param exit_status: what we exit with.
    """

    message: str
    hint: str | None = None
    log: str | None = None
    tail: tuple[str, ...] = ()
    evidence: tuple[str, ...] = ()
    exit_status: int = 1

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {
            **dataclasses.asdict(self),
            'tail': list(self.tail),
            'evidence': list(self.evidence),
        }

    @classmethod
    def of(
        cls,
        error: exceptions.PipelineError,
        *,
        log: str | None = None,
        tail: tuple[str, ...] = (),
        evidence: tuple[str, ...] = (),
    ) -> 'Failure':
        """Make one of an error.

        :param error: the error.
        :param log: the log to look into.
        :param tail: its last lines, if the error has none itself.
        :param evidence: files that show it.
        """
        # A command's last lines or a console's; probes that failed.
        problems = [str(one) for one in getattr(error, 'problems', ())]
        own = (*problems, *getattr(error, 'tail', ()))
        return cls(
            message=error.message,
            hint=error.hint,
            log=getattr(error, 'log', None) or log,
            tail=own or tail,
            evidence=evidence,
            exit_status=error.exit_status,
        )


def redacted(failure: Failure, redact: process.Redactor) -> Failure:
    """Return a failure without secrets.

    :param failure: the failure.
    :param redact: takes them out.
    """
    return dataclasses.replace(
        failure,
        message=redact(failure.message),
        hint=redact(failure.hint) if failure.hint else None,
        tail=tuple(map(redact, failure.tail)),
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class RunResult:
    """What came of a run.

    :param run: the run id; of the run that made what is there, if nothing
        had to be done.
    :param recipe: the recipe's name.
    :param state: how it ended.
    :param steps: in the plan's order.
    :param images: as ``bake -f json`` prints them.
    :param seconds: how long it took.
    :param unchanged: whether nothing had to be done.
    :param undone: what was undone, one line each.
    :param error: what ended the run, if it was not a step.
    """

    run: str | None
    recipe: str
    state: artifact.RunState
    steps: tuple[StepResult, ...]
    images: tuple[Mapping[str, Any], ...] = ()
    seconds: float = 0.0
    unchanged: bool = False
    undone: tuple[str, ...] = ()
    error: Failure | None = None

    @property
    def exit_status(self) -> int:
        """What we exit with."""
        if self.state == artifact.RunState.SUCCEEDED:
            return 0
        if self.state == artifact.RunState.INTERRUPTED:
            return exceptions.Interrupted.exit_status
        if self.error:
            return self.error.exit_status
        failed = [step.error for step in self.steps if step.error]
        return failed[0].exit_status if failed else 1

    def smoke_tested(self, image_id: str) -> bool:
        """Tell whether a smoke test of exactly this image's file passed.

        :param image_id: one of :attr:`images`.
        """
        made = [one for step in self.steps for one in step.artifacts]
        digests = {
            f'sha256:{one.properties["sha256"]}'
            for one in made
            if one.kind == artifact.REGISTRATION
            and one.properties.get('image_id') == image_id
        }
        return any(
            one.kind == artifact.SMOKE_REPORT
            and one.properties.get('passed') is True
            and one.properties.get('image_digest') in digests
            for one in made
        )

    @property
    def disagreements(self) -> tuple[dict[str, Any], ...]:
        """Where a smoke test says the opposite of the audit."""
        return disagreements(
            made.to_json() for step in self.steps for made in step.artifacts
        )

    def to_json(self) -> dict[str, Any]:
        """Return it as ``bake -f json`` prints it."""
        return {
            'run': self.run,
            'recipe': self.recipe,
            'state': str(self.state),
            'seconds': round(self.seconds, 3),
            'unchanged': self.unchanged,
            'stages': [_printed(step) for step in self.steps],
            'images': [dict(image) for image in self.images],
            'error': self.error.to_json() if self.error else None,
        }


def _printed(step: StepResult) -> dict[str, Any]:
    value = step.to_json()
    del value['identity'], value['step_id']
    return value


def disagreements(
    made: Iterable[Mapping[str, Any]],
) -> tuple[dict[str, Any], ...]:
    """Return where smoke tests say the opposite of the audit.

    :param made: artifacts, as JSON values.
    """
    return tuple(
        dict(one)
        for each in made
        if each['kind'] == artifact.SMOKE_REPORT
        for one in each['properties'].get('disagreements', ())
    )
