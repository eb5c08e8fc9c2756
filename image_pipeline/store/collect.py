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

"""Garbage collection: what may go, by the site's policy."""

import contextlib
import dataclasses
import stat
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from image_pipeline import artifact, exceptions
from image_pipeline.host import workspace
from image_pipeline.store import runs as store_runs
from image_pipeline.store import store as store_module

_DAY = 86400
#: Artifacts of a recipe's latest steps up to this size stay, in bytes: the
#: next bake compares with them (packages), and they cost nothing.
_SMALL = 16 << 20


@dataclasses.dataclass(frozen=True, kw_only=True)
class Policy:
    """What is kept.

    :param keep_days: days after its last use until a thing may go.
    :param cache_bytes: size of the cache above which the least recently
        used entries go.
    :param keep_runs: finished runs of each recipe.
    """

    keep_days: int
    cache_bytes: int
    keep_runs: int


@dataclasses.dataclass(frozen=True, kw_only=True)
class Collected:
    """A thing that went, or would go.

    :param what: run, artifact, step or cache.
    :param name: its name.
    :param size: bytes that it took.
    """

    what: str
    name: str
    size: int = 0


def collect(
    store: store_module.Store,
    policy: Policy,
    *,
    dry_run: bool = False,
    now: float | None = None,
    forget: Callable[[store_runs.Run], object] | None = None,
) -> list[Collected]:
    """Remove what the policy does not keep.

    What a run leases, an artifact that the local catalogue links to, a run
    that is under way or has something to undo: these are never removed.

    :param store: the state folder.
    :param policy: what is kept.
    :param dry_run: only say what would go.
    :param now: seconds since the epoch.
    :param forget: called for each run that goes, before it goes.
    """
    now = time.time() if now is None else now
    gone: list[Collected] = []
    for run in _old_runs(store, policy):
        if dry_run or _remove_run(store, run, forget):
            gone.append(Collected(what='run', name=run.id))
    gone.extend(_artifacts(store, policy, now, dry_run))
    gone.extend(_steps(store, policy, now, dry_run))
    gone.extend(_cache(store, policy, now, dry_run))
    return gone


def _old_runs(
    store: store_module.Store, policy: Policy
) -> Iterator[store_runs.Run]:
    kept: dict[str, int] = {}
    for run in store.runs.list_runs():
        if run.unfinished or run.alive():
            continue
        recipe = str(run.manifest.get('recipe'))
        kept[recipe] = kept.get(recipe, 0) + 1
        if kept[recipe] > policy.keep_runs:
            yield run


def _remove_run(
    store: store_module.Store,
    run: store_runs.Run,
    forget: Callable[[store_runs.Run], object] | None,
) -> bool:
    with contextlib.suppress(exceptions.PipelineError, OSError):
        taken = store.runs.open(run.id)
        try:
            if taken.unfinished or taken.journal.pending(kept=True):
                return False
            if forget:
                forget(taken)
            store.runs.remove(taken)
            return True
        finally:
            taken.release()
    return False


def _artifacts(
    store: store_module.Store, policy: Policy, now: float, dry_run: bool
) -> Iterator[Collected]:
    latest = store.steps.latest_ids()
    compared = {
        made.digest
        for record in store.steps.records()
        if record.step_id in latest
        for made in record.artifacts.values()
        if made.size <= _SMALL
    }
    compared |= _package_lists(store)
    for folder in sorted(store.artifacts.root.glob('[!.]*/')):
        digest = f'sha256:{folder.name}'
        if digest in compared:
            continue
        path = store.artifacts.path(digest)
        try:
            if now - folder.stat().st_mtime < policy.keep_days * _DAY:
                continue
            info = path.stat() if path else None
        except OSError:
            continue
        # The catalogue has a link to it: nothing would be won.
        if info and info.st_nlink > 1:
            continue
        if dry_run or store.artifacts.discard(digest):
            yield Collected(
                what='artifact',
                name=folder.name,
                size=info.st_blocks * 512 if info else 0,
            )


def _package_lists(store: store_module.Store) -> set[str]:
    """Return the lists of packages that kept runs' images have.

    ``image list --package`` asks for them as long as an image is in use
    anywhere; that is nothing that this host knows.
    """
    return {
        str(made.get('digest'))
        for run in store.runs.list_runs()
        for step in run.manifest.get('steps', {}).values()
        for made in step.get('artifacts') or ()
        if made.get('kind') == artifact.PACKAGES
    }


def _steps(
    store: store_module.Store, policy: Policy, now: float, dry_run: bool
) -> Iterator[Collected]:
    """Forget steps of which no artifact is left, unless a recipe's latest.

    Those say that nothing has changed, even with an artifact gone that no
    other step needs any more.
    """
    latest = store.steps.latest_ids()
    for record in store.steps.records():
        if record.step_id in latest:
            continue
        path = store.steps.root / f'{record.step_id}.json'
        with contextlib.suppress(OSError):
            if now - path.stat().st_mtime < policy.keep_days * _DAY:
                continue
            if any(map(store.artifacts.present, record.artifacts.values())):
                continue
            if not dry_run:
                store.steps.discard(record.step_id)
            yield Collected(what='step', name=record.step_id)


def _cache(
    store: store_module.Store, policy: Policy, now: float, dry_run: bool
) -> Iterator[Collected]:
    """Remove cache entries by age, then the least recently used by size."""
    if any(run.alive() for run in store.runs.list_runs() if run.unfinished):
        # A run may be reading or filling any of them.
        return
    entries = []
    total = 0
    for path in store.cache.root.glob('*/*'):
        with contextlib.suppress(OSError):
            used, size = _use(path)
            entries.append((used, size, path))
            total += size
    for used, size, path in sorted(entries):
        old = now - used > policy.keep_days * _DAY
        if not old and total <= policy.cache_bytes:
            continue
        if not dry_run:
            try:
                workspace.remove_tree(path)
            except (OSError, exceptions.StateConflict):
                continue
        total -= size
        yield Collected(
            what='cache', name=f'{path.parent.name}/{path.name}', size=size
        )


def _use(path: Path) -> tuple[float, int]:
    """Return when an entry was last used, and the bytes that it takes."""
    latest = 0.0
    size = 0
    for one in _tree(path):
        info = one.lstat()
        latest = max(latest, info.st_mtime)
        if stat.S_ISREG(info.st_mode):
            # relatime keeps it to a day: enough for ages in days.  A
            # folder's changes when we list it.
            latest = max(latest, info.st_atime)
        size += info.st_blocks * 512
    return latest, size


def _tree(path: Path) -> Iterable[Path]:
    yield path
    if path.is_dir() and not path.is_symlink():
        yield from path.rglob('*')
