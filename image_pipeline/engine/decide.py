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

"""Decide which steps of a plan run, and say why; nothing is written.

Used by ``plan`` and ``bake``.  It must answer quickly, so it imports neither
TaskFlow nor a database.
"""

import contextlib
import dataclasses
import logging
from collections.abc import Iterator, Mapping
from typing import Any

from image_pipeline import artifact, exceptions
from image_pipeline.engine import identity
from image_pipeline.recipe import plan as recipe_plan
from image_pipeline.stages import base
from image_pipeline.store import store as store_module

LOG = logging.getLogger(__name__)

UNCHANGED = 'nothing has changed'
FORCED = '--force'


@dataclasses.dataclass(frozen=True, kw_only=True)
class Decision:
    """Whether a step runs, and why.

    :param step: the step.
    :param skip: whether what it made before is taken.
    :param reason: for a person.
    :param step_id: its identity; None as long as an input is not known.
    :param artifacts: what it made before, by kind; empty if it runs.
    :param run: the run that made that.
    """

    step: recipe_plan.Step
    skip: bool
    reason: str
    step_id: str | None = None
    artifacts: Mapping[str, artifact.Artifact] = dataclasses.field(
        default_factory=dict
    )
    run: str | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Former:
    """What is known of an earlier result of a step.

    :param identity: what the step's identity is computed of now.
    :param step_id: its identity now.
    :param reason: why the earlier result cannot be taken; None if it can.
    :param artifacts: what was made then, by kind.
    :param missing: kinds of which the file is gone.
    :param run: the run that made it.
    """

    identity: Mapping[str, Any]
    step_id: str
    reason: str | None
    artifacts: Mapping[str, artifact.Artifact] = dataclasses.field(
        default_factory=dict
    )
    missing: frozenset[str] = frozenset()
    run: str | None = None


def decide(
    plan: recipe_plan.Plan,
    store: store_module.Store,
    *,
    force: bool = False,
) -> list[Decision]:
    """Return a decision for each step, in the plan's order.

    :param plan: the plan.
    :param store: the state folder.
    :param force: every step runs.
    :raises Unavailable: a stage could not ask whether its result holds.
    :raises StageFailed: a stage cannot say whether it must run.
    """
    if force:
        return [
            Decision(step=step, skip=False, reason=FORCED)
            for step in plan.steps
        ]
    return _Walk(plan, store).decide()


def look_up(
    step: recipe_plan.Step,
    digests: Mapping[str, str],
    store: store_module.Store,
    *,
    recipe: str,
    needed: frozenset[str] | None = None,
    ask: bool = True,
) -> Former:
    """Return what is known of an earlier result of a step.

    :param step: the step.
    :param digests: of its bound inputs, by kind.
    :param store: the state folder.
    :param recipe: the recipe's name.
    :param needed: kinds whose file must be there; None means all.
    :param ask: let a stage that verifies say whether its result holds.
    :raises StageFailed: the stage raised what is no error of ours.
    """
    with _asking(
        step,
        'what its inputs are',
        hint='this is an error in the stage; repair it, or take it out of '
        'the recipe',
    ):
        now = identity.record(step, digests)
    step_id = identity.step_id(now)
    found = store.steps.load(step_id)
    if found is None:
        last = store.steps.latest(recipe, step.key)
        return Former(
            identity=now,
            step_id=step_id,
            reason=identity.difference(last.identity, now)
            if last
            else 'it has not run yet',
        )
    artifacts = {
        kind: store.artifacts.located(made)
        for kind, made in found.artifacts.items()
    }
    reason: str | None = None
    missing = set()
    for kind, made in artifacts.items():
        if not store.artifacts.present(made):
            missing.add(kind)
            if needed is None or kind in needed:
                reason = reason or f'artifact missing: {kind}'
        elif not store.artifacts.verify(made):
            reason = reason or f'artifact damaged: {kind}'
    if step.stage.cache == base.CachePolicy.NEVER:
        reason = 'it always runs'
    elif (
        ask and reason is None and step.stage.cache == base.CachePolicy.VERIFY
    ):
        with _asking(
            step,
            'whether its former result holds',
            hint='this is an error in the stage; `bake --force` does not ask',
        ):
            reason = step.stage.still_valid(
                artifacts, step.context, store.cache
            )
    return Former(
        identity=now,
        step_id=step_id,
        reason=reason,
        artifacts=artifacts,
        missing=frozenset(missing),
        run=found.run,
    )


@contextlib.contextmanager
def _asking(step: recipe_plan.Step, what: str, *, hint: str) -> Iterator[None]:
    """Name the stage that raises while it is asked something.

    A stage of another package may raise anything; that is no error of the
    pipeline, and other recipes need not suffer for it.
    """
    try:
        yield
    except exceptions.PipelineError:
        raise
    except Exception as exc:
        LOG.debug('%s: asked %s', step.key, what, exc_info=True)
        raise exceptions.StageFailed(
            f'{step.key}: the stage {step.stage_name} cannot say {what}: '
            f'{type(exc).__name__}: {exc}',
            hint=hint,
        ) from exc


class _Walk:
    """Walk the plan forth and back until no decision changes.

    Forth: a step whose input is made anew runs.  Back: a step whose
    artifact is gone runs if a step that runs needs it, and only then.
    """

    def __init__(
        self, plan: recipe_plan.Plan, store: store_module.Store
    ) -> None:
        self.plan = plan
        self.store = store
        self.reasons: dict[str, str] = {}
        self.former: dict[str, Former] = {}
        self.users: dict[tuple[str, str], list[str]] = {}
        for step in plan.steps:
            for kind, producer in step.inputs.items():
                self.users.setdefault((producer, kind), []).append(step.key)

    def decide(self) -> list[Decision]:
        """Return the decisions."""
        while True:
            before = len(self.reasons)
            for step in self.plan.steps:
                self._forth(step)
            for step in reversed(self.plan.steps):
                self._back(step)
            if len(self.reasons) == before:
                break
        return [self._decision(step) for step in self.plan.steps]

    def _forth(self, step: recipe_plan.Step) -> None:
        if step.key in self.reasons:
            return
        running = sorted(
            {one for one in step.inputs.values() if one in self.reasons}
        )
        if running:
            self.reasons[step.key] = f'{", ".join(running)} will run'
            return
        if step.key not in self.former:
            self.former[step.key] = self._look_up(step)
        reason = self.former[step.key].reason
        if reason is not None:
            self.reasons[step.key] = reason

    def _back(self, step: recipe_plan.Step) -> None:
        if step.key in self.reasons:
            return
        for kind in sorted(self.former[step.key].missing):
            for user in self.users.get((step.key, kind), ()):
                if user in self.reasons:
                    self.reasons[step.key] = (
                        f'artifact missing: {kind}, which {user} needs'
                    )
                    return

    def _look_up(self, step: recipe_plan.Step) -> Former:
        digests = {
            kind: self.former[producer].artifacts[kind].digest
            for kind, producer in step.inputs.items()
            if kind in self.former[producer].artifacts
        }
        # Nobody else has what the plan ends with.
        needed = frozenset(
            kind
            for kind in step.stage.provides
            if (step.key, kind) not in self.users
        )
        return look_up(
            step,
            digests,
            self.store,
            recipe=self.plan.recipe.name,
            needed=needed,
        )

    def _decision(self, step: recipe_plan.Step) -> Decision:
        reason = self.reasons.get(step.key)
        former = self.former.get(step.key)
        # An input that is made anew may make it another step.
        known = former and not any(
            producer in self.reasons for producer in step.inputs.values()
        )
        step_id = former.step_id if former and known else None
        if reason is not None or former is None:
            return Decision(
                step=step, skip=False, reason=reason or '', step_id=step_id
            )
        return Decision(
            step=step,
            skip=True,
            reason=UNCHANGED,
            step_id=step_id,
            artifacts=former.artifacts,
            run=former.run,
        )
