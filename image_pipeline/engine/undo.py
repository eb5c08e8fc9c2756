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

"""Undo what a step or a run left half made, by its journal.

The same records serve a failed step, a signal, the next start after a kill
and ``reap``.
"""

import contextlib
import dataclasses
import logging
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from image_pipeline import artifact, exceptions
from image_pipeline.conf import settings as conf_settings
from image_pipeline.engine import targets
from image_pipeline.host import loops, process, workspace
from image_pipeline.store import journal
from image_pipeline.store import runs as store_runs
from image_pipeline.store import store as store_module

LOG = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Undone:
    """What undoing did.

    :param done: one line each.
    :param failed: what could not be undone and why, one line each; it stays
        in the journal, and the next start tries again.
    """

    done: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()


class Undo:
    """Undo journaled records.

    :param settings: the site's settings.
    :param store: the state folder.
    """

    def __init__(
        self, settings: conf_settings.Settings, store: store_module.Store
    ) -> None:
        self.settings = settings
        self.store = store

    def step(self, run: store_runs.Run, key: str) -> Undone:
        """Undo what a failed step made, while others may go on.

        :param run: the run.
        :param key: the step.
        """
        # Its processes were stopped with it; a process record would stop
        # those of the other steps.
        entries = [
            entry
            for entry in run.journal.pending(key)
            if entry.record.kind != 'process'
        ]
        return self._undo(run, entries)

    def run(self, run: store_runs.Run, *, kept: bool = False) -> Undone:
        """Undo all that a run left.

        :param run: the run; nothing works on it any more.
        :param kept: also what was left for a look.
        """
        entries = run.journal.pending(kept=kept)
        # Nothing can be removed for good while a process fills it again.
        entries.sort(key=lambda entry: entry.record.kind != 'process')
        return self._undo(run, entries)

    def _undo(
        self, run: store_runs.Run, entries: list[journal.Entry]
    ) -> Undone:
        done = []
        failed = []
        for entry in entries:
            what = describe(entry.record)
            try:
                self._apply(entry.record)
            except Exception as exc:
                LOG.warning('%s: not undone: %s: %s', run.id, what, exc)
                failed.append(f'{what}: {exc}')
                continue
            with contextlib.suppress(exceptions.PipelineError):
                run.journal.done(entry.number)
            done.append(what)
        return Undone(done=tuple(done), failed=tuple(failed))

    def _apply(self, record: artifact.UndoRecord) -> None:
        arguments = record.arguments
        if record.kind == 'path':
            workspace.remove_tree(Path(arguments['path']))
        elif record.kind == 'process':
            process.kill_run(arguments['run'])
        elif record.kind == 'loops':
            loops.detach(arguments['mark'])
        elif record.kind == 'catalogue':
            targets.catalogue(self._target(arguments), self.settings).undo(
                arguments
            )
        elif record.kind == 'hypervisor':
            targets.hypervisor(
                self._target(arguments), self.settings, self.store.cache
            ).undo(arguments)
        else:
            raise exceptions.StateConflict(
                f'nobody knows how to undo "{record.kind}"'
            )

    def _target(self, arguments: Mapping[str, Any]) -> conf_settings.Target:
        name = arguments['target']
        try:
            return self.settings.targets[name]
        except KeyError:
            raise exceptions.NotFound(
                f'this site has no target "{name}" any more'
            ) from None


def describe(record: artifact.UndoRecord) -> str:
    """Say in a few words what a record is about.

    :param record: the record.
    """
    arguments = record.arguments
    if record.kind == 'path':
        return f'path {arguments.get("path")}'
    if record.kind == 'loops':
        return f'loop devices of {arguments.get("mark")}'
    if record.kind == 'process':
        return f'processes of {arguments.get("run")}'
    rest = ' '.join(
        str(value)
        for key, value in sorted(arguments.items())
        if key != 'target' and isinstance(value, str | int)
    )
    return f'{record.kind} {arguments.get("target")}: {rest}'


@dataclasses.dataclass(frozen=True, kw_only=True)
class Reaped:
    """A dead run, and what was done about it.

    :param run: the run id.
    :param recipe: the recipe's name.
    :param undone: what was undone; with ``dry_run``, what would be.
    """

    run: str
    recipe: str
    undone: Undone


def reap(
    undo: Undo,
    *,
    kept: bool = False,
    dry_run: bool = False,
    told: Callable[[Reaped], object] = lambda _: None,
) -> list[Reaped]:
    """Undo what killed runs left; afterwards they are interrupted.

    :param undo: undoes records.
    :param kept: also what ``--keep-on-failure`` left for a look.
    :param dry_run: only say what would be undone.
    :param told: called for each run.
    """
    found = []
    for run in _left_over(undo.store, kept):
        if dry_run:
            undone = Undone(
                done=tuple(
                    describe(entry.record)
                    for entry in run.journal.pending(kept=kept)
                )
            )
        else:
            undone = undo.run(run, kept=kept)
            _close(run, undone)
        reaped = Reaped(
            run=run.id,
            recipe=str(run.manifest.get('recipe', '')),
            undone=undone,
        )
        told(reaped)
        found.append(reaped)
    if not dry_run:
        _stray(undo.store)
    return found


def _left_over(
    store: store_module.Store, kept: bool
) -> Iterator[store_runs.Run]:
    yield from store.runs.dead()
    if not kept:
        return
    for run in store.runs.list_runs():
        if run.unfinished or not run.work.exists():
            continue
        with contextlib.suppress(exceptions.Unavailable):
            taken = store.runs.open(run.id)
            try:
                yield taken
            finally:
                taken.release()


def _close(run: store_runs.Run, undone: Undone) -> None:
    if undone.failed:
        return
    manifest = run.manifest
    if manifest.get('state') == artifact.RunState.RUNNING:
        manifest['state'] = str(artifact.RunState.INTERRUPTED)
        for step in manifest.get('steps', {}).values():
            if step.get('state') == artifact.StepState.RUNNING:
                step['state'] = str(artifact.StepState.PENDING)
        run.save_manifest(manifest)
    run.end()


def _stray(store: store_module.Store) -> None:
    """Remove folders of runs that were killed while they were made."""
    for folder in store.runs.root.glob('.new-*/'):
        run = store_runs.Run(folder)
        if not run.alive():
            with contextlib.suppress(OSError, exceptions.StateConflict):
                workspace.remove_tree(folder)
