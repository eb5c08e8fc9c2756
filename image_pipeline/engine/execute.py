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

"""Do one step: take an earlier result, or let its stage make one."""

import contextlib
import dataclasses
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from image_pipeline import artifact, exceptions
from image_pipeline.engine import (
    decide,
    events,
    failures,
    logs,
    result,
    undo,
)
from image_pipeline.engine import job as engine_job
from image_pipeline.host import cancellation, workspace
from image_pipeline.host import locks as host_locks
from image_pipeline.recipe import plan as recipe_plan
from image_pipeline.store import steps

_INTERRUPTED = 'interrupted'

Inputs = Mapping[str, artifact.Artifact | None]


class Executor:
    """Do the steps of a run, from any thread.

    :param job: what they have in common.
    """

    def __init__(self, job: engine_job.Job) -> None:
        self.job = job
        self.results: dict[str, result.StepResult] = {}
        self._leases: dict[str, host_locks.FileLock] = {}
        self._lock = threading.Lock()

    def close(self) -> None:
        """Give up the leases on artifacts."""
        with self._lock:
            for lease in self._leases.values():
                lease.release()
            self._leases.clear()

    def step(
        self, step: recipe_plan.Step, inputs: Inputs
    ) -> result.StepResult:
        """Do a step.

        :param step: the step.
        :param inputs: by kind, what the plan bound to it; None where the
            step that should have made it did not.
        :returns: what came of it; a failure is a result.
        """
        try:
            done = self._step(step, inputs)
        except exceptions.PipelineError as exc:
            # Of the bookkeeping around the stage: a full disk, say.
            error = result.Failure.of(exc)
            state = artifact.StepState.FAILED
            done = self._result(step, state, exc.message, error=error)
        self._finish(done)
        return done

    def note(self, done: result.StepResult) -> None:
        """Take over what came of a step in an earlier attempt.

        :param done: what came of it.
        """
        self._hold(done.artifacts)
        self.results[done.key] = done

    def _step(
        self, step: recipe_plan.Step, inputs: Inputs
    ) -> result.StepResult:
        job = self.job
        decision = job.decisions[step.key]
        if decision.skip:
            return self._taken(
                step, decision.artifacts, decide.UNCHANGED, decision.step_id
            )
        missing = sorted(
            {step.inputs[kind] for kind, one in inputs.items() if one is None}
        )
        if missing:
            return self._result(
                step,
                artifact.StepState.PENDING,
                f'waits for {", ".join(missing)}',
            )
        if job.cancelled.cancelled:
            return self._result(step, artifact.StepState.PENDING, _INTERRUPTED)
        given = {
            kind: made for kind, made in inputs.items() if made is not None
        }
        return self._run(step, given, decision)

    def _run(
        self,
        step: recipe_plan.Step,
        inputs: Mapping[str, artifact.Artifact],
        decision: decide.Decision,
    ) -> result.StepResult:
        started = time.monotonic()
        try:
            with (
                logs.step(step.key),
                engine_job.limited(self.job, step) as cancelled,
            ):
                return self._locked(step, inputs, decision, cancelled)
        except exceptions.Interrupted:
            self._undo(step)
            return self._result(
                step,
                artifact.StepState.PENDING,
                _INTERRUPTED,
                seconds=time.monotonic() - started,
            )
        except Exception as exc:
            error = failures.explain(self.job, step, exc)
            failure = failures.record(self.job, step, error)
        if self.job.keep_on_failure:
            self._keep(step)
        else:
            self._undo(step)
        return self._result(
            step,
            artifact.StepState.FAILED,
            failure.message,
            seconds=time.monotonic() - started,
            error=failure,
        )

    def _locked(
        self,
        step: recipe_plan.Step,
        inputs: Mapping[str, artifact.Artifact],
        decision: decide.Decision,
        cancelled: cancellation.CancellationToken,
    ) -> result.StepResult:
        """Look once more, with the inputs at hand, and run the stage."""
        job = self.job
        digests = {kind: made.digest for kind, made in inputs.items()}

        def look() -> decide.Former:
            return decide.look_up(
                step,
                digests,
                job.store,
                recipe=job.plan.recipe.name,
                ask=not job.force,
            )

        former = look()
        if not job.force and former.reason is None:
            return self._taken(
                step, former.artifacts, _same(step, job), former.step_id
            )

        def waiting(holder: Mapping[str, Any]) -> None:
            self._warn(
                step,
                f'process {holder.get("pid")} makes the same; waiting for it',
            )

        lock = job.store.locks.step(former.step_id)
        waited = False
        try:
            lock.acquire(wait=False)
        except host_locks.Held as held:
            waited = True
            waiting(held.holder)
            lock.acquire(cancelled=cancelled)
        with lock:
            if waited and not job.force:
                former = look()
                if former.reason is None:
                    return self._taken(
                        step,
                        former.artifacts,
                        f'run {former.run} made it meanwhile',
                        former.step_id,
                    )
            return self._make(step, inputs, decision, former, cancelled)

    def _make(
        self,
        step: recipe_plan.Step,
        inputs: Mapping[str, artifact.Artifact],
        decision: decide.Decision,
        former: decide.Former,
        cancelled: cancellation.CancellationToken,
    ) -> result.StepResult:
        job = self.job
        started = time.monotonic()
        job.manifest.step(
            step.key,
            stage=step.stage_name,
            step=step.key,
            state=str(artifact.StepState.RUNNING),
            started=events.now(),
            reason=decision.reason,
            step_id=former.step_id,
            identity=former.identity,
        )
        job.emit(
            events.StepStarted(
                run=job.run.id, step=step.key, reason=decision.reason
            )
        )
        self._hold(tuple(inputs.values()))
        work_dir = workspace.make_empty(self._work_dir(step))
        context = engine_job.context(
            job,
            step,
            inputs=inputs,
            step_id=former.step_id,
            work_dir=work_dir,
            cancelled=cancelled,
        )
        made = self._adopt(step, step.stage.run(context), cancelled)
        seconds = time.monotonic() - started
        job.store.steps.save(
            steps.StepRecord(
                step_id=former.step_id,
                run=job.run.id,
                identity=former.identity,
                artifacts={one.kind: one for one in made},
                finished=events.now(),
                seconds=seconds,
            ),
            recipe=job.plan.recipe.name,
            key=step.key,
        )
        job.run.journal.commit(step.key)
        self._clear(step)
        return dataclasses.replace(
            self._result(
                step,
                artifact.StepState.SUCCEEDED,
                decision.reason.replace(' will run', ' ran'),
                seconds=seconds,
                artifacts=made,
            ),
            step_id=former.step_id,
            identity=former.identity,
        )

    def _adopt(
        self,
        step: recipe_plan.Step,
        made: Any,
        cancelled: cancellation.CancellationToken,
    ) -> tuple[artifact.Artifact, ...]:
        adopted = tuple(
            self.job.store.artifacts.adopt(one, cancelled=cancelled)
            for one in engine_job.returned(step, made)
        )
        self._hold(adopted)
        return adopted

    def _taken(
        self,
        step: recipe_plan.Step,
        artifacts: Mapping[str, artifact.Artifact],
        reason: str,
        step_id: str | None,
    ) -> result.StepResult:
        made = tuple(artifacts.values())
        self._hold(made)
        if step_id:
            self.job.store.steps.note_latest(
                step_id, recipe=self.job.plan.recipe.name, key=step.key
            )
        return dataclasses.replace(
            self._result(
                step, artifact.StepState.SKIPPED, reason, artifacts=made
            ),
            cached=True,
            step_id=step_id,
        )

    def _result(
        self,
        step: recipe_plan.Step,
        state: artifact.StepState,
        reason: str,
        *,
        seconds: float = 0.0,
        artifacts: tuple[artifact.Artifact, ...] = (),
        error: result.Failure | None = None,
    ) -> result.StepResult:
        return result.StepResult(
            key=step.key,
            stage=step.stage_name,
            state=state,
            reason=self.job.redact(reason),
            seconds=seconds,
            artifacts=artifacts,
            error=error,
        )

    def _finish(self, done: result.StepResult) -> None:
        with self._lock:
            self.results[done.key] = done
        with contextlib.suppress(exceptions.PipelineError):
            self.job.manifest.finished(done)
        self.job.emit(
            events.StepFinished(
                run=self.job.run.id,
                step=done.key,
                state=done.state,
                seconds=done.seconds,
                reason=done.reason,
                artifacts=done.artifacts,
            )
        )

    def _hold(self, made: tuple[artifact.Artifact, ...]) -> None:
        with self._lock:
            for one in made:
                # One that is gone already, and not needed, has no lease.
                with contextlib.suppress(OSError):
                    if one.digest not in self._leases:
                        self._leases[one.digest] = (
                            self.job.store.artifacts.lease(one.digest)
                        )

    def _keep(self, step: recipe_plan.Step) -> None:
        """Leave what a failed step made for a look; reap finds it."""
        work_dir = self._work_dir(step)
        record = artifact.UndoRecord(
            kind='path', arguments={'path': str(work_dir)}
        )
        with contextlib.suppress(exceptions.PipelineError):
            self.job.run.journal.announce(step.key, record)
            self.job.run.journal.keep(step.key)
        self._warn(
            step,
            f'kept for a look: {work_dir}; `image-pipeline reap` removes it',
        )

    def _undo(self, step: recipe_plan.Step) -> None:
        job = self.job
        undone = undo.Undo(job.settings, job.store).step(job.run, step.key)
        for line in undone.failed:
            self._warn(step, f'left: {line}')
        self._clear(step)

    def _clear(self, step: recipe_plan.Step) -> None:
        work_dir = self._work_dir(step)
        try:
            workspace.remove_tree(work_dir)
        except (OSError, exceptions.StateConflict) as exc:
            self._warn(step, f'left: {work_dir}: {exc}')

    def _warn(self, step: recipe_plan.Step, message: str) -> None:
        self.job.emit(
            events.Warned(run=self.job.run.id, step=step.key, message=message)
        )

    def _work_dir(self, step: recipe_plan.Step) -> Path:
        return self.job.run.work / step.key


def _same(step: recipe_plan.Step, job: engine_job.Job) -> str:
    rerun = sorted(
        producer
        for producer in set(step.inputs.values())
        if not job.decisions[producer].skip
    )
    if not rerun:
        return decide.UNCHANGED
    return f'{", ".join(rerun)} made the same again'
