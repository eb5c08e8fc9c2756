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

"""What the steps of a run have in common, and what each of them is given."""

import contextlib
import dataclasses
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from image_pipeline import artifact, exceptions
from image_pipeline.conf import settings as conf_settings
from image_pipeline.engine import decide, events, manifest, targets
from image_pipeline.host import cancellation, process
from image_pipeline.recipe import plan as recipe_plan
from image_pipeline.stages import base
from image_pipeline.store import runs as store_runs
from image_pipeline.store import store as store_module

#: Progress of a step is told this often at most, in seconds.
_PROGRESS_PAUSE = 0.2


@dataclasses.dataclass(frozen=True, kw_only=True)
class Job:
    """What the steps of a run have in common.

    :param plan: the plan.
    :param run: the run's folder, its lock held.
    :param store: the state folder.
    :param settings: the site's settings.
    :param decisions: by the step's key.
    :param cancelled: stops the run.
    :param emit: tells listeners.
    :param manifest: the run's record.
    :param secrets: values by name, by the step's key.
    :param redact: takes them out of text.
    :param force: whether every step runs.
    :param keep_on_failure: whether what failed is left for a look.
    """

    plan: recipe_plan.Plan
    run: store_runs.Run
    store: store_module.Store
    settings: conf_settings.Settings
    decisions: Mapping[str, decide.Decision]
    cancelled: cancellation.CancellationToken
    emit: events.Emitter
    manifest: manifest.Manifest
    secrets: Mapping[str, Mapping[str, str]]
    redact: process.Redactor
    force: bool = False
    keep_on_failure: bool = False


def context(
    job: Job,
    step: recipe_plan.Step,
    *,
    inputs: Mapping[str, artifact.Artifact],
    step_id: str,
    work_dir: Path,
    cancelled: cancellation.CancellationToken,
) -> base.StageContext:
    """Return what a stage may use while it runs.

    :param job: the run's.
    :param step: the step.
    :param inputs: by kind.
    :param step_id: the step's identity.
    :param work_dir: its own, empty.
    :param cancelled: its own token.
    """
    target = step.context.target
    if step.stage.scope != base.Scope.TARGET:
        target = None
    log = job.run.log(step.key)
    log.touch()

    def announce(record: artifact.UndoRecord) -> None:
        job.run.journal.announce(step.key, record)

    return base.StageContext(
        run_id=job.run.id,
        step_id=step_id,
        plan=step.context,
        work_dir=work_dir,
        log=log,
        inputs=dict(inputs),
        host=process.Host(
            run_id=job.run.id, cancelled=cancelled, redact=job.redact
        ),
        cancelled=cancelled,
        progress=_Progress(job, step.key),
        undo=announce,
        secrets=dict(job.secrets.get(step.key, {})),
        cache=job.store.cache,
        catalogue=targets.catalogue(target, job.settings) if target else None,
        hypervisor=targets.hypervisor(target, job.settings, job.store.cache)
        if target
        else None,
        keep_on_failure=job.keep_on_failure,
    )


def returned(
    step: recipe_plan.Step, made: Iterable[artifact.Artifact]
) -> tuple[artifact.Artifact, ...]:
    """Return what a stage made, if it is what it says it makes.

    :param step: the step.
    :param made: what its stage returned.
    :raises StageFailed: it is not what the stage provides.
    """
    found: dict[str, artifact.Artifact] = {}
    for one in made:
        if one.kind not in step.stage.provides:
            raise _wrong(
                step, f'returned a "{one.kind}" that it does not provide'
            )
        if one.kind in found:
            raise _wrong(step, f'returned more than one "{one.kind}"')
        found[one.kind] = one
    absent = sorted(step.stage.provides - found.keys())
    if absent:
        raise _wrong(step, f'did not return its {", ".join(absent)}')
    return tuple(found.values())


def _wrong(step: recipe_plan.Step, what: str) -> exceptions.StageFailed:
    return exceptions.StageFailed(
        f'the stage {step.stage_name} {what}',
        hint='this is an error in the stage',
    )


@contextlib.contextmanager
def limited(
    job: Job, step: recipe_plan.Step
) -> Iterator[cancellation.CancellationToken]:
    """Give the step's own token, which its time limit cancels too.

    Whatever a stage raises after it was told to stop, the reason is that it
    was told to stop.

    :param job: the run's.
    :param step: the step.
    :raises Interrupted: the run was cancelled.
    :raises StageFailed: the time limit was reached.
    """
    cancelled, forget = job.cancelled.child()
    limit = job.settings.stage_timeouts.get(step.stage_name)
    timer = None
    if limit:
        timer = threading.Timer(limit, cancelled.cancel, ['its time limit'])
        timer.daemon = True
        timer.start()
    try:
        with cancellation.in_force(cancelled):
            yield cancelled
    except Exception as exc:
        job.cancelled.check()
        if not cancelled.cancelled:
            raise
        error = exceptions.StageFailed(
            f'the stage {step.stage_name} took longer than {limit} seconds, '
            'its time limit',
            hint='see its log for where it hangs, or raise the limit: '
            '[limits] stage_timeouts',
        )
        error.evidence = getattr(exc, 'evidence', ())
        raise error from None
    finally:
        if timer:
            timer.cancel()
        forget()


class _Progress:
    """Tell listeners how far a step is, but not too often."""

    def __init__(self, job: Job, key: str) -> None:
        self._job = job
        self._key = key
        self._told = 0.0
        self._unit = ''

    def __call__(
        self, done: float, total: float | None = None, unit: str = ''
    ) -> None:
        now = time.monotonic()
        early = now - self._told < _PROGRESS_PAUSE
        if early and done != total and unit == self._unit:
            return
        self._told = now
        self._unit = unit
        self._job.emit(
            events.StepProgress(
                run=self._job.run.id,
                step=self._key,
                done=done,
                total=total,
                unit=unit,
            )
        )
