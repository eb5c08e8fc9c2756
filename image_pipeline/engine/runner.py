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

"""Run the steps of a plan, or go on with a run that did not end well."""

import contextlib
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from image_pipeline import artifact, exceptions
from image_pipeline.conf import settings as conf_settings
from image_pipeline.engine import (
    decide,
    events,
    execute,
    logs,
    manifest,
    notify,
    result,
    secrets,
    undo,
)
from image_pipeline.engine import images as engine_images
from image_pipeline.engine import job as engine_job
from image_pipeline.host import cancellation
from image_pipeline.recipe import plan as recipe_plan
from image_pipeline.store import runs as store_runs
from image_pipeline.store import store as store_module

if TYPE_CHECKING:
    from image_pipeline.engine import flow

#: A step in one of these gives its dependents what they need.
_GOOD = frozenset({artifact.StepState.SUCCEEDED, artifact.StepState.SKIPPED})


def run(
    plan: recipe_plan.Plan,
    decisions: Sequence[decide.Decision],
    *,
    store: store_module.Store,
    settings: conf_settings.Settings,
    folder: store_runs.Run,
    listeners: Iterable[events.Listener] = (),
    cancelled: cancellation.CancellationToken,
    secret_values: Mapping[str, Mapping[str, str]],
    force: bool = False,
    keep_on_failure: bool = False,
    resumed: bool = False,
) -> result.RunResult:
    """Run what the decisions say, undo what fails, and record all of it.

    :param plan: the plan.
    :param decisions: one for each step.
    :param store: the state folder.
    :param settings: the site's settings.
    :param folder: the run's folder, its lock held.
    :param listeners: told of every event.
    :param cancelled: stops the run.
    :param secret_values: of :func:`image_pipeline.engine.secrets.read`.
    :param force: whether every step is to run.
    :param keep_on_failure: leave what failed for a look.
    :param resumed: whether the run goes on.
    """
    redact = secrets.redactor(secret_values)
    emit = events.Emitter(
        [
            *listeners,
            events.EventFile(folder.events, redact),
        ]
    )
    if notifier := notify.listener(plan, settings, redact):
        emit.add(notifier)
    # A token of our own: an error of the run itself stops it too.
    token, forget = cancelled.child()
    job = engine_job.Job(
        plan=plan,
        run=folder,
        store=store,
        settings=settings,
        decisions={one.step.key: one for one in decisions},
        cancelled=token,
        emit=emit,
        manifest=manifest.Manifest(folder, folder.manifest, redact),
        secrets=secret_values,
        redact=redact,
        force=force,
        keep_on_failure=keep_on_failure,
    )
    try:
        return _Attempt(job, resumed=resumed, asked=cancelled).run()
    finally:
        forget()


class _Attempt:
    """One attempt at a run."""

    def __init__(
        self,
        job: engine_job.Job,
        *,
        resumed: bool,
        asked: cancellation.CancellationToken,
    ) -> None:
        self.job = job
        self.asked = asked
        self.resumed = resumed
        self.executor = execute.Executor(job)
        self.started = time.monotonic()

    def run(self) -> result.RunResult:
        job = self.job
        job.emit(
            events.RunStarted(
                run=job.run.id,
                recipe=job.plan.recipe.name,
                steps=tuple(step.key for step in job.plan.steps),
                resumed=self.resumed,
            )
        )
        error: result.Failure | None = None
        with (
            contextlib.closing(self.executor),
            logs.kept(job.run, job.redact),
        ):
            try:
                job.run.journal.announce(
                    '',
                    artifact.UndoRecord(
                        kind='process', arguments={'run': job.run.id}
                    ),
                )
                self._flow()
            except exceptions.PipelineError as exc:
                job.cancelled.cancel('an error of the run itself')
                error = result.Failure.of(exc, log=str(job.run.log('run')))
            return self._finish(error)

    def _flow(self) -> None:
        # Here, not above: a no-op need not pay for TaskFlow's import.
        from image_pipeline.engine import flow

        job = self.job
        journal = flow.Journal(
            connection(job.settings, job.store), job.store.locks.database()
        )
        with contextlib.closing(journal):
            book = job.manifest.get('taskflow')
            if book is None or journal.load(book) is None:
                book = journal.begin(job.run.id)
                job.manifest.update(taskflow=book)
            steps = flow.Flow(
                job.plan.steps,
                execute=self.executor.step,
                journal=journal,
                book=book,
                max_workers=job.settings.max_workers,
            )
            if self.resumed:
                self._take_over(steps)
            steps.run()

    def _take_over(self, steps: 'flow.Flow') -> None:
        """Keep what is done and still there; have the rest run again."""
        job = self.job
        earlier = steps.earlier()
        again: set[str] = set()
        for step in reversed(job.plan.steps):
            done = earlier.get(step.key)
            if done is None or done.state not in _GOOD:
                again.add(step.key)
                continue
            needed = {
                kind
                for other in job.plan.steps
                for kind, producer in other.inputs.items()
                if producer == step.key and other.key in again
            }
            if any(
                kind in done.artifacts
                and not job.store.artifacts.verify(done.artifacts[kind])
                for kind in needed
            ):
                again.add(step.key)
        steps.reset(sorted(again))
        for step in job.plan.steps:
            if step.key in again:
                continue
            self.executor.note(
                result.StepResult(
                    key=step.key,
                    stage=step.stage_name,
                    state=artifact.StepState.SKIPPED,
                    reason='done before',
                    cached=True,
                    artifacts=tuple(earlier[step.key].artifacts.values()),
                )
            )

    def _finish(self, error: result.Failure | None) -> result.RunResult:
        job = self.job
        steps = tuple(
            self.executor.results.get(step.key)
            or result.StepResult(
                key=step.key,
                stage=step.stage_name,
                state=artifact.StepState.PENDING,
                reason='not reached',
            )
            for step in job.plan.steps
        )
        state = self._state(steps, error)
        undone = undo.Undo(job.settings, job.store).run(job.run)
        for line in undone.failed:
            self._warn(f'left: {line}')
        images = engine_images.of_run(
            job.plan, steps, job.settings, warn=self._warn
        )
        seconds = time.monotonic() - self.started
        done = result.RunResult(
            run=job.run.id,
            recipe=job.plan.recipe.name,
            state=state,
            steps=steps,
            images=images,
            seconds=seconds,
            undone=tuple(
                line
                for line in undone.done
                if not line.startswith('processes of')
            ),
            error=error,
        )
        try:
            job.manifest.update(
                state=str(state),
                finished=events.now(),
                seconds=round(seconds, 3),
                images=[dict(image) for image in images],
                undone=list(done.undone),
                error=done.to_json()['error'],
            )
        except exceptions.PipelineError as exc:
            self._warn(f'the manifest could not be written: {exc}')
        if not undone.failed:
            try:
                job.run.end()
            except (exceptions.PipelineError, OSError) as exc:
                self._warn(f'left: {exc}')
        job.emit(
            events.RunFinished(
                run=job.run.id,
                state=state,
                seconds=seconds,
                images=images,
                error=error.message if error else None,
            )
        )
        return done

    def _state(
        self,
        steps: Sequence[result.StepResult],
        error: result.Failure | None,
    ) -> artifact.RunState:
        bad = [step for step in steps if step.state not in _GOOD]
        if self.asked.cancelled and (bad or error):
            return artifact.RunState.INTERRUPTED
        if bad or error:
            return artifact.RunState.FAILED
        return artifact.RunState.SUCCEEDED

    def _warn(self, message: str) -> None:
        self.job.emit(events.Warned(run=self.job.run.id, message=message))


def connection(
    settings: conf_settings.Settings, store: store_module.Store
) -> str:
    """Return the SQLAlchemy URL of TaskFlow's persistence.

    :param settings: the site's settings.
    :param store: the state folder.
    """
    return settings.taskflow_connection or f'sqlite:///{store.database}'
