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

"""Runs: one folder each, with its manifest, logs and undo journal."""

import contextlib
import datetime
import os
import re
import secrets
import socket
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from image_pipeline import exceptions
from image_pipeline.host import locks, workspace
from image_pipeline.store import files, journal

_UNSAFE = re.compile(r'[^A-Za-z0-9._+-]')
#: A log is followed by looking at it this often, in seconds.
_LOOK = 0.3


class Run:
    """The folder of one run.

    :param folder: ``<state>/runs/<run id>``.
    :param lock: held while the run's process works on it; None for a look.
    """

    def __init__(
        self, folder: Path, *, lock: locks.FileLock | None = None
    ) -> None:
        self.folder = folder
        self.journal = journal.Journal(folder / 'journal.jsonl')
        self._lock = lock

    @property
    def id(self) -> str:
        """The run id."""
        return self.folder.name

    @property
    def events(self) -> Path:
        """The file of events, a JSON object a line."""
        return self.folder / 'events.jsonl'

    @property
    def logs(self) -> Path:
        """The folder of logs."""
        return self.folder / 'logs'

    @property
    def work(self) -> Path:
        """The folder of the steps' work folders."""
        return self.folder / 'work'

    @property
    def recipe_copy(self) -> Path:
        """The recipe as it was read."""
        return self.folder / 'recipe.yaml'

    @property
    def manifest(self) -> dict[str, Any]:
        """The record of the run; empty if it cannot be read."""
        value = files.load_json(self.folder / 'manifest.json')
        return value if isinstance(value, dict) else {}

    @property
    def unfinished(self) -> bool:
        """Whether nobody has said yet that the run is over."""
        return (self.folder / 'active').exists()

    def log(self, step: str) -> Path:
        """Return the log of a step.

        :param step: its key; ``run`` is the run's own.
        """
        return self.logs / f'{step}.log'

    def save_manifest(
        self, value: Mapping[str, Any], *, sync: bool = True
    ) -> None:
        """Replace the manifest.

        :param value: JSON values.
        :param sync: have it on disk before going on.
        """
        files.save_json(self.folder / 'manifest.json', value, sync=sync)

    def begin(self) -> None:
        """Say that the run is under way: until :meth:`end`, it needs undo."""
        files.save_json(
            self.folder / 'active',
            {'pid': os.getpid(), 'host': socket.gethostname()},
        )

    def end(self) -> None:
        """Say that nothing is left to be undone, and remove work folders."""
        if not self.journal.pending(kept=True):
            workspace.remove_tree(self.work)
        (self.folder / 'active').unlink(missing_ok=True)

    def alive(self) -> bool:
        """Whether a process works on the run now."""
        if self._lock and self._lock.held:
            return True
        return self._probe()

    def release(self) -> None:
        """Let go of the run."""
        if self._lock:
            self._lock.release()

    def __enter__(self) -> 'Run':
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.release()

    def _probe(self) -> bool:
        lock = locks.FileLock(self.folder / 'lock')
        try:
            lock.acquire(shared=True, wait=False)
        except locks.Held:
            return True
        except OSError:
            return False
        lock.release()
        return False


class Runs:
    """All runs of a state folder.

    :param root: the folder; made when first needed.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def create(
        self, recipe: str, *, manifest: Mapping[str, Any], run_id: str
    ) -> Run:
        """Make a run's folder; its lock is held on return.

        :param recipe: the recipe's text, kept as a copy.
        :param manifest: the manifest to begin with.
        :param run_id: of :func:`new_id`.
        :raises PipelineError: it could not be made; nothing is left.
        """
        fresh = self.root / f'.new-{run_id}'
        with files.explained(fresh):
            self.root.mkdir(parents=True, exist_ok=True)
            try:
                fresh.mkdir(mode=0o755)
                lock = locks.FileLock(
                    fresh / 'lock', note={'pid': os.getpid()}
                )
                lock.acquire(wait=False)
                (fresh / 'logs').mkdir()
                run = Run(fresh, lock=lock)
                files.save_text(run.recipe_copy, recipe)
                run.save_manifest(manifest)
                run.begin()
                fresh.rename(self.root / run_id)
                files.sync_folder(self.root)
            except BaseException:
                workspace.remove_tree(fresh)
                raise
        return Run(self.root / run_id, lock=lock)

    def open(self, run_id: str) -> Run:
        """Take a run over, to resume, undo or remove it.

        :param run_id: the run, whole.
        :raises NotFound: there is none.
        :raises Unavailable: a process works on it.
        """
        run = self.get(run_id)
        lock = locks.FileLock(run.folder / 'lock', note={'pid': os.getpid()})
        with files.explained(run.folder):
            try:
                lock.acquire(wait=False)
            except locks.Held as exc:
                raise exceptions.Unavailable(
                    f'run {run.id} is under way '
                    f'(process {exc.holder.get("pid", "unknown")})',
                    hint='wait until it is over, or interrupt it',
                ) from exc
        return Run(run.folder, lock=lock)

    def get(self, run_id: str) -> Run:
        """Return a run, to look at it.

        :param run_id: the run id, the beginning or the end of one if that
            is unambiguous, or ``latest``.
        :raises NotFound: there is none, or more than one.
        """
        known = [run.id for run in self.list_runs()]
        if run_id == 'latest' and known:
            return Run(self.root / known[0])
        if run_id in known:
            return Run(self.root / run_id)
        near = [
            one
            for one in known
            if run_id and (one.startswith(run_id) or one.endswith(run_id))
        ]
        if len(near) == 1:
            return Run(self.root / near[0])
        if near:
            raise exceptions.NotFound(
                f'"{run_id}" may be one of {len(near)} runs',
                hint='such as ' + ', '.join(near[:3]),
            )
        raise exceptions.NotFound(
            f'there is no run "{run_id}"',
            hint=exceptions.did_you_mean(run_id, known)
            or 'see `image-pipeline run list`',
        )

    def list_runs(self) -> list[Run]:
        """Return all runs, the newest first."""
        return [
            Run(folder)
            for folder in sorted(
                self.root.glob('[!.]*/'), key=_age, reverse=True
            )
        ]

    def dead(self) -> Iterator[Run]:
        """Give every run that was killed, taken over by us."""
        for run in self.list_runs():
            if not run.unfinished:
                continue
            with contextlib.suppress(exceptions.Unavailable):
                taken = self.open(run.id)
                try:
                    # It may have ended between the look and the lock.
                    if taken.unfinished:
                        yield taken
                finally:
                    taken.release()

    def remove(self, run: Run) -> None:
        """Remove a run's folder.

        :param run: the run; nothing of it may be left to undo.
        """
        workspace.remove_tree(run.folder)


def new_id(recipe: str) -> str:
    """Return a new run id: it sorts by time and names the recipe.

    :param recipe: the recipe's name.
    """
    now = datetime.datetime.now(datetime.UTC).strftime('%Y%m%d-%H%M%S')
    name = _UNSAFE.sub('_', recipe)[:40]
    return f'{now}-{name}-{secrets.token_hex(2)}'


def lines(
    run: Run, keys: Sequence[str], *, follow: bool = False
) -> Iterator[tuple[str, str]]:
    """Give the lines of logs.

    :param run: the run.
    :param keys: of the steps; ``run`` is the run's own log.
    :param follow: wait for more, until the run is over.
    :returns: the step's key and the line, pair by pair.
    """
    offsets = dict.fromkeys(keys, 0)
    while True:
        # Asked first: what is written before the end is still read.
        alive = follow and run.alive()
        for key in keys:
            with (
                contextlib.suppress(FileNotFoundError),
                run.log(key).open('rb') as file,
            ):
                file.seek(offsets[key])
                for raw in file:
                    if alive and not raw.endswith(b'\n'):
                        break
                    offsets[key] += len(raw)
                    yield key, raw.decode(errors='replace').rstrip('\n')
        if not alive:
            return
        time.sleep(_LOOK)


def _age(folder: Path) -> tuple[str, int]:
    """Return what sorts runs by time, within a second too."""
    try:
        # Written once, when the run was made.
        made = (folder / 'recipe.yaml').stat().st_mtime_ns
    except OSError:
        made = 0
    return folder.name[:15], made
