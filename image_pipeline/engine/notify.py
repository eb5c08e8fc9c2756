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

"""Notify others of what happens in the engine."""

import contextlib
import dataclasses
import socket
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeAlias

from image_pipeline import artifact, exceptions
from image_pipeline.conf import settings as conf_settings
from image_pipeline.engine import events
from image_pipeline.host import redaction
from image_pipeline.notifications import emit, payloads
from image_pipeline.recipe import plan as recipe_plan

#: What a stage does with an image, by what it makes.
_ACTIONS = {
    artifact.REGISTRATION: payloads.Action.REGISTER,
    artifact.SMOKE_REPORT: payloads.Action.SMOKE_TEST,
    artifact.PROMOTION: payloads.Action.PROMOTE,
}
#: Takes how an image stands in the end, and the one whose place it took.
Ended: TypeAlias = Callable[..., None]


def listener(
    plan: recipe_plan.Plan,
    settings: conf_settings.Settings,
    redact: redaction.Redactor,
) -> events.Listener | None:
    """Return who notifies of a run, or None if nobody wants to know.

    :param plan: the run's.
    :param settings: the site's.
    :param redact: takes secrets out of what is told.
    """
    send = emit.emitter(settings.notifications)
    return RunNotifier(plan, send, redact) if send else None


class RunNotifier:
    """Notify of a run, its stages and its images.

    Each start is followed by exactly one end or error, unless we are
    killed.

    :param plan: the run's.
    :param send: takes notifications.
    :param redact: takes secrets out of what is told.
    """

    def __init__(
        self,
        plan: recipe_plan.Plan,
        send: Callable[[payloads.Notification], object],
        redact: redaction.Redactor,
    ) -> None:
        self._plan = plan
        self._send = send
        self._redact = redact
        self._run: payloads.RunPayload | None = None
        self._states: dict[str, artifact.StepState] = {}
        self._reasons: dict[str, str] = {}
        self._registered: dict[str, Mapping[str, Any]] = {}
        self._errors: list[str] = []

    def __call__(self, event: events.Event) -> None:
        """Notify of an event.

        :param event: the event.
        """
        match event:
            case events.RunStarted():
                self._run_started(event)
            case events.StepStarted():
                self._step_started(event)
            case events.StepFinished():
                self._step_finished(event)
            case events.RunFinished():
                self._run_finished(event)

    def _tell(
        self,
        make: Callable[[payloads.Phase, Any], payloads.Notification],
        phase: payloads.Phase,
        payload: payloads.Payload,
    ) -> None:
        values = {
            field.name: self._redact.values(getattr(payload, field.name))
            for field in dataclasses.fields(payload)
        }
        self._send(make(phase, dataclasses.replace(payload, **values)))

    def _run_started(self, event: events.RunStarted) -> None:
        self._run = payloads.RunPayload(
            run=event.run,
            recipe=event.recipe,
            image=self._plan.recipe.image_name,
            targets=tuple(target.name for target in self._plan.targets),
            host=socket.gethostname(),
            resumed=event.resumed,
            state=artifact.RunState.RUNNING,
            stages=self._stages(),
        )
        self._tell(payloads.of_run, payloads.Phase.START, self._run)

    def _run_finished(self, event: events.RunFinished) -> None:
        if self._run is None:
            return
        good = event.state == artifact.RunState.SUCCEEDED
        error = event.error or '; '.join(self._errors) or str(event.state)
        self._tell(
            payloads.of_run,
            payloads.Phase.END if good else payloads.Phase.ERROR,
            dataclasses.replace(
                self._run,
                state=event.state,
                stages=self._stages(),
                images=event.images,
                seconds=round(event.seconds, 3),
                error=None if good else error,
            ),
        )

    def _stages(self) -> tuple[Mapping[str, Any], ...]:
        return tuple(
            {
                'step': step.key,
                'stage': step.stage_name,
                'target': step.target,
                'state': str(
                    self._states.get(step.key, artifact.StepState.PENDING)
                ),
            }
            for step in self._plan.steps
        )

    def _step_started(self, event: events.StepStarted) -> None:
        step = self._plan.step(event.step)
        self._states[step.key] = artifact.StepState.RUNNING
        self._reasons[step.key] = event.reason
        self._tell(
            payloads.of_stage,
            payloads.Phase.START,
            self._stage(event.run, step, artifact.StepState.RUNNING),
        )
        if image := self._image(event.run, step):
            self._tell(payloads.of_image, payloads.Phase.START, image)

    def _step_finished(self, event: events.StepFinished) -> None:
        step = self._plan.step(event.step)
        self._states[step.key] = event.state
        self._note(step, event.artifacts)
        good = event.state == artifact.StepState.SUCCEEDED
        if event.state == artifact.StepState.FAILED:
            self._errors.append(f'{step.key}: {event.reason}')
        if step.key not in self._reasons:
            # It never began: skipped, or what it waits for failed.
            return
        error = None if good else event.reason
        phase = payloads.Phase.END if good else payloads.Phase.ERROR
        if event.state == artifact.StepState.SKIPPED:
            error, phase = None, payloads.Phase.END
        # The reverse order of the start: they are nested.
        if image := self._image(event.run, step):
            self._tell(
                payloads.of_image,
                phase,
                dataclasses.replace(image, error=error),
            )
        self._tell(
            payloads.of_stage,
            phase,
            dataclasses.replace(
                self._stage(event.run, step, event.state),
                seconds=round(event.seconds, 3),
                error=error,
                artifacts=tuple(
                    {
                        'kind': one.kind,
                        'digest': one.digest,
                        'size': one.size,
                    }
                    for one in event.artifacts
                ),
            ),
        )

    def _note(
        self,
        step: recipe_plan.Step,
        artifacts: tuple[artifact.Artifact, ...],
    ) -> None:
        """Keep what is known of the images, by their target."""
        for one in artifacts:
            if step.target and one.kind in _ACTIONS:
                known = self._registered.get(step.target, {})
                self._registered[step.target] = {**known, **one.properties}

    def _stage(
        self, run: str, step: recipe_plan.Step, state: artifact.StepState
    ) -> payloads.StagePayload:
        return payloads.StagePayload(
            run=run,
            recipe=self._plan.recipe.name,
            step=step.key,
            stage=step.stage_name,
            target=step.target,
            format=step.format,
            state=state,
            reason=self._reasons[step.key],
        )

    def _image(
        self, run: str, step: recipe_plan.Step
    ) -> payloads.ImagePayload | None:
        """Return what a step does with an image, if it does anything."""
        target = step.context.target
        kinds = _ACTIONS.keys() & step.stage.provides
        if step.target is None or target is None or not kinds:
            return None
        action = _ACTIONS[min(kinds)]
        if action == payloads.Action.PROMOTE and target.promote != 'auto':
            # It waits for a person; that is no promotion.
            return None
        known = self._registered.get(step.target, {})
        registered = known.get('image_id') is not None
        return payloads.ImagePayload(
            action=action,
            target=target.name,
            cloud=target.cloud,
            region=target.region,
            id=known.get('image_id'),
            name=target.image_name or self._plan.recipe.image_name,
            state=known.get('state', 'candidate') if registered else None,
            sha256=known.get('sha256'),
            former_id=known.get('former_id'),
            recipe=self._plan.recipe.name,
            run=run,
        )


@contextlib.contextmanager
def image(
    settings: conf_settings.Settings,
    action: payloads.Action,
    target: conf_settings.Target,
    record: artifact.ImageRecord,
    *,
    reason: str | None = None,
) -> Iterator[Ended]:
    """Notify of what a command does with an image.

    What is given takes how the image stands when it is done, and the former
    image, if it took the place of one: ``ended(swap.current,
    former=swap.former)``.

    :param settings: the site's.
    :param action: what is done.
    :param target: where.
    :param record: the image, before.
    :param reason: why.
    """
    send = emit.emitter(settings.notifications)
    payload = payloads.ImagePayload(
        action=payloads.Action(action),
        target=target.name,
        cloud=target.cloud,
        region=target.region,
        id=record.id,
        name=record.final_name,
        state=str(record.state),
        sha256=record.sha256 or None,
        recipe=record.recipe,
        reason=reason,
    )
    after: list[payloads.ImagePayload] = []

    def ended(
        now: artifact.ImageRecord | None,
        former: artifact.ImageRecord | None = None,
    ) -> None:
        after.append(
            dataclasses.replace(
                payload,
                state=str(now.state) if now else 'deleted',
                former_id=former.id if former else None,
            )
        )

    if send is None:
        yield ended
        return
    send(payloads.of_image(payloads.Phase.START, payload))
    try:
        yield ended
    except BaseException as exc:
        error = (
            exc.message
            if isinstance(exc, exceptions.PipelineError)
            else f'{type(exc).__name__}: {exc}'.rstrip(': ')
        )
        failed = dataclasses.replace(payload, error=error)
        send(payloads.of_image(payloads.Phase.ERROR, failed))
        raise
    send(
        payloads.of_image(payloads.Phase.END, after[-1] if after else payload)
    )
