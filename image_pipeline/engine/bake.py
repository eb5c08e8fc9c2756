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

"""Bake a plan, go on with a run, reap: what the commands call."""

import contextlib
import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from image_pipeline import artifact, exceptions
from image_pipeline.conf import settings as conf_settings
from image_pipeline.engine import (
    decide,
    events,
    leftovers,
    manifest,
    preflight,
    result,
    runner,
    secrets,
    targets,
    undo,
)
from image_pipeline.engine import images as engine_images
from image_pipeline.host import cancellation
from image_pipeline.recipe import needs
from image_pipeline.recipe import plan as recipe_plan
from image_pipeline.store import collect, locks
from image_pipeline.store import runs as store_runs
from image_pipeline.store import store as store_module


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options:
    """How to bake.

    :param force: run every step.
    :param keep_on_failure: leave what failed for a look.
    :param wait: wait while the recipe is being baked, instead of refusing.
    """

    force: bool = False
    keep_on_failure: bool = False
    wait: bool = False


class Bakery:
    """Bake plans with one state folder.

    :param settings: the site's settings.
    :param listeners: told of every event.
    :param cancelled: stops what is under way.
    """

    def __init__(
        self,
        settings: conf_settings.Settings,
        *,
        listeners: Iterable[events.Listener] = (),
        cancelled: cancellation.CancellationToken | None = None,
    ) -> None:
        self.settings = settings
        self.store = store_module.Store(settings.state_dir)
        self.listeners = tuple(listeners)
        self.cancelled = cancelled or cancellation.CancellationToken()
        self._undo = undo.Undo(settings, self.store)

    def bake(
        self, plan: recipe_plan.Plan, options: Options
    ) -> result.RunResult:
        """Bake a plan; a step that fails is a result, not an error.

        :param plan: the plan.
        :param options: how.
        :raises InvalidInput: it cannot be baked here; nothing was touched.
        :raises Unavailable: the recipe is being baked.
        """
        values = secrets.read(plan)
        self.store.prepare()
        run_id = store_runs.new_id(plan.recipe.name)
        with self._recipe(plan.recipe.name, run_id, wait=options.wait):
            self._recover()
            decisions = decide.decide(plan, self.store, force=options.force)
            if all(decision.skip for decision in decisions):
                return self._unchanged(plan, decisions)
            # What dead runs left there takes the room of this one.
            leftovers.quickly(
                plan.targets,
                settings=self.settings,
                store=self.store,
                told=self._tell_cloud,
            )
            self._check_needs(plan, decisions)
            folder = self.store.runs.create(
                plan.recipe.layers[0].text if plan.recipe.layers else '',
                manifest=manifest.begin(
                    plan,
                    run_id=run_id,
                    force=options.force,
                    keep_on_failure=options.keep_on_failure,
                ),
                run_id=run_id,
            )
            with folder:
                done = self._run(plan, decisions, folder, values, options)
            self._collect(plan, done)
            return done

    def resume(self, run_id: str, *, wait: bool = False) -> result.RunResult:
        """Go on with a run that failed, was interrupted or killed.

        Steps that are done are not run again; failed ones are.

        :param run_id: the run.
        :param wait: wait while the recipe is being baked.
        :raises StateConflict: the run succeeded.
        """
        self.store.prepare()
        found = self.store.runs.get(run_id)
        value = found.manifest
        if not value:
            raise exceptions.StateConflict(
                f'run {found.id} has no manifest that can be read'
            )
        with (
            self._recipe(value['recipe'], found.id, wait=wait),
            self.store.runs.open(found.id) as folder,
        ):
            value = folder.manifest
            if value['state'] == artifact.RunState.SUCCEEDED:
                raise exceptions.StateConflict(
                    f'run {folder.id} succeeded; there is nothing to resume',
                    hint=f'bake the recipe: image-pipeline bake '
                    f'{value["plan"]["recipe"]["file"]}',
                )
            plan = recipe_plan.remake(value['plan'], settings=self.settings)
            values = secrets.read(plan)
            self._recover(own=folder)
            decisions = decide.decide(plan, self.store, force=value['force'])
            self._check_needs(plan, decisions)
            folder.begin()
            folder.save_manifest(
                {
                    **value,
                    'state': str(artifact.RunState.RUNNING),
                    'attempts': value['attempts'] + 1,
                    'error': None,
                }
            )
            done = self._run(
                plan,
                decisions,
                folder,
                values,
                Options(
                    force=value['force'],
                    keep_on_failure=value['keep_on_failure'],
                ),
                resumed=True,
            )
        self._collect(plan, done)
        return done

    def reap(
        self,
        *,
        dry_run: bool = False,
        told: Callable[[undo.Reaped], object] = lambda _: None,
    ) -> tuple[list[undo.Reaped], list[collect.Collected]]:
        """Undo what killed runs left, and collect what is not kept.

        :param dry_run: only say what would be done.
        :param told: called for each run.
        """
        self.store.prepare()
        reaped = undo.reap(self._undo, kept=True, dry_run=dry_run, told=told)
        if not dry_run:
            self._recover_catalogues()
        return reaped, self._garbage(dry_run=dry_run)

    def _run(
        self,
        plan: recipe_plan.Plan,
        decisions: Sequence[decide.Decision],
        folder: store_runs.Run,
        values: Mapping[str, Mapping[str, str]],
        options: Options,
        *,
        resumed: bool = False,
    ) -> result.RunResult:
        return runner.run(
            plan,
            decisions,
            store=self.store,
            settings=self.settings,
            folder=folder,
            listeners=self.listeners,
            cancelled=self.cancelled,
            secret_values=values,
            force=options.force,
            keep_on_failure=options.keep_on_failure,
            resumed=resumed,
        )

    @contextlib.contextmanager
    def _recipe(self, name: str, run_id: str, *, wait: bool) -> Iterator[None]:
        lock = self.store.locks.recipe(name, run=run_id)
        try:
            lock.acquire(
                wait=wait,
                cancelled=self.cancelled,
                on_wait=lambda holder: self._warn(
                    f'waiting for {_who(holder)}, which bakes {name}'
                ),
            )
        except locks.Held as held:
            raise exceptions.Unavailable(
                f'the recipe {name} is being baked by {_who(held.holder)}',
                hint='wait for it with --wait, or see '
                f'`image-pipeline run log {held.holder.get("run")} --follow`',
            ) from None
        with lock:
            yield

    def _recover(self, own: store_runs.Run | None = None) -> None:
        """Undo what killed runs left, before anything new is made."""
        if own is not None:
            self._tell(own.id, self._undo.run(own, kept=True))
        if undo.reap(
            self._undo,
            told=lambda reaped: self._tell(reaped.run, reaped.undone),
        ):
            self._recover_catalogues()

    def _recover_catalogues(self) -> list[str]:
        """Finish or undo what was half done in catalogues on this host."""
        done: list[str] = []
        settings = self.settings
        # The clouds of clouds.yaml that nobody configured are not asked.
        configured = getattr(settings.targets, 'site', settings.targets)
        for target in configured.values():
            if target.cloud is None:
                with contextlib.suppress(exceptions.NotFound):
                    catalogue = targets.catalogue(target, self.settings)
                    done.extend(catalogue.recover())
        for line in done:
            self._warn(line)
        return done

    def _tell(self, run_id: str, undone: undo.Undone) -> None:
        for line in undone.failed:
            self._warn(f'run {run_id} left: {line}')
        gone = [
            line for line in undone.done if not line.startswith('processes')
        ]
        if gone:
            self._warn(f'undid what run {run_id} had left: {"; ".join(gone)}')

    def _tell_cloud(self, one: leftovers.Reaped) -> None:
        if one.problem:
            self._warn(f'{one.target}: {one.what} is left: {one.problem}')
        else:
            self._warn(f'{one.target}: removed what a run left: {one.what}')

    def _check_needs(
        self, plan: recipe_plan.Plan, decisions: Sequence[decide.Decision]
    ) -> None:
        """Refuse what this host lacks, or a target would not let us do."""
        problems = needs.check(
            [one.step for one in decisions if not one.skip],
            settings=self.settings,
        )
        found = preflight.check(
            decisions,
            store=self.store,
            settings=self.settings,
            recipe=plan.recipe.name,
        )
        for one in found:
            if not one.stops:
                self._warn(str(preflight.problem(one)))
        preflight.refuse(found, problems)

    def _unchanged(
        self, plan: recipe_plan.Plan, decisions: Sequence[decide.Decision]
    ) -> result.RunResult:
        steps = tuple(
            result.StepResult(
                key=decision.step.key,
                stage=decision.step.stage_name,
                state=artifact.StepState.SKIPPED,
                reason=decision.reason,
                cached=True,
                step_id=decision.step_id,
                artifacts=tuple(decision.artifacts.values()),
            )
            for decision in decisions
        )
        return result.RunResult(
            run=decisions[-1].run if decisions else None,
            recipe=plan.recipe.name,
            state=artifact.RunState.SUCCEEDED,
            steps=steps,
            images=engine_images.of_run(
                plan, steps, self.settings, warn=self._warn
            ),
            unchanged=True,
        )

    def _collect(self, plan: recipe_plan.Plan, done: result.RunResult) -> None:
        if done.state != artifact.RunState.SUCCEEDED:
            return
        spare = [str(image['id']) for image in done.images]
        if done.images:
            engine_images.collect_candidates(
                plan, self.settings, spare=spare, warn=self._warn
            )
        try:
            self._garbage()
        except (OSError, exceptions.PipelineError) as exc:
            self._warn(f'collecting stopped: {exc}')

    def _garbage(self, *, dry_run: bool = False) -> list[collect.Collected]:
        books: list[str] = []

        def forget(run: store_runs.Run) -> None:
            book = run.manifest.get('taskflow')
            if book:
                books.append(book)

        gone = collect.collect(
            self.store,
            collect.Policy(
                keep_days=self.settings.cache_keep_days,
                cache_bytes=self.settings.cache_max_bytes,
                keep_runs=self.settings.keep_runs,
            ),
            dry_run=dry_run,
            forget=forget,
        )
        if books:
            self._forget(books)
        return gone

    def _forget(self, books: Sequence[str]) -> None:
        from image_pipeline.engine import flow

        journal = flow.Journal(
            runner.connection(self.settings, self.store),
            self.store.locks.database(),
        )
        with contextlib.closing(journal):
            for book in books:
                journal.forget(book)

    def _warn(self, message: str) -> None:
        events.Emitter(self.listeners)(events.Warned(run='', message=message))


def _who(holder: Mapping[str, Any]) -> str:
    return (
        f'run {holder.get("run", "unknown")} '
        f'(process {holder.get("pid", "unknown")})'
    )
