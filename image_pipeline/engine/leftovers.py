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

"""Take away what dead runs left in clouds.

What a run made is in its journal; where that is gone, or of another host,
the marks on the things themselves tell.
"""

import dataclasses
import logging
import threading
from collections.abc import Callable, Iterable, Iterator

from image_pipeline import exceptions
from image_pipeline.conf import settings as conf_settings
from image_pipeline.engine import targets as engine_targets
from image_pipeline.store import store as store_module

LOG = logging.getLogger(__name__)

#: Seconds that a bake gives all clouds of its targets; more is for `reap`.
QUICKLY = 20.0


@dataclasses.dataclass(frozen=True, kw_only=True)
class Reaped:
    """What was found in a cloud, and what was done about it.

    :param target: the target.
    :param what: what it is, in words.
    :param problem: why it is still there; empty if it is not.
    """

    target: str
    what: str
    problem: str = ''


def alive(store: store_module.Store) -> Callable[[str], bool | None]:
    """Return what tells whether a run works on; None if it is not known.

    :param store: the state folder.
    """

    def tell(run_id: str) -> bool | None:
        try:
            return store.runs.get(run_id).alive()
        except exceptions.PipelineError:
            return None

    return tell


def clouds(
    chosen: Iterable[conf_settings.Target],
    *,
    settings: conf_settings.Settings,
    store: store_module.Store,
    dry_run: bool = False,
    seconds: float = 120.0,
) -> Iterator[Reaped]:
    """Remove what dead runs left in the clouds of targets.

    A cloud that cannot be asked is a line with a problem.

    :param chosen: the targets; those on this host are passed over.
    :param settings: the site's settings.
    :param store: the state folder.
    :param dry_run: only say what would be done.
    :param seconds: how long to wait for what goes slowly.
    """
    for target in chosen:
        if target.cloud is None:
            continue
        for part in (_servers, _images):
            try:
                yield from part(
                    target,
                    settings=settings,
                    store=store,
                    dry_run=dry_run,
                    seconds=seconds,
                )
            except exceptions.PipelineError as exc:
                yield Reaped(
                    target=target.name,
                    what='what runs left',
                    problem=exc.message,
                )


def _servers(
    target: conf_settings.Target,
    *,
    settings: conf_settings.Settings,
    store: store_module.Store,
    dry_run: bool,
    seconds: float,
) -> Iterator[Reaped]:
    hypervisor = engine_targets.hypervisor(target, settings, store.cache)
    for one in hypervisor.reap(
        alive=alive(store), dry_run=dry_run, seconds=seconds
    ):
        yield Reaped(
            target=target.name,
            what=f'{one.name} ({", ".join(one.kinds)})',
            problem=one.problem,
        )


def _images(
    target: conf_settings.Target,
    *,
    settings: conf_settings.Settings,
    store: store_module.Store,
    dry_run: bool,
    seconds: float,
) -> Iterator[Reaped]:
    catalogue = engine_targets.catalogue(target, settings)
    lines = catalogue.leftovers() if dry_run else catalogue.recover()
    for line in lines:
        yield Reaped(target=target.name, what=line)


def quickly(
    chosen: Iterable[conf_settings.Target],
    *,
    settings: conf_settings.Settings,
    store: store_module.Store,
    told: Callable[[Reaped], object],
    seconds: float = QUICKLY,
) -> None:
    """Remove what dead runs left of servers, if that is quickly done.

    A bake does so before it makes anything new.  It does not wait for a
    cloud that is slow, and says nothing of one that cannot be asked: what
    the bake itself needs of it will say that.

    :param chosen: the targets.
    :param settings: the site's settings.
    :param store: the state folder.
    :param told: called for what was removed.
    :param seconds: for all of them.
    """
    in_clouds = [target for target in chosen if target.cloud is not None]
    if not in_clouds:
        return
    found: list[Reaped] = []
    over = threading.Event()

    def work() -> None:
        for target in in_clouds:
            try:
                for one in _servers(
                    target,
                    settings=settings,
                    store=store,
                    dry_run=False,
                    seconds=seconds / 2,
                ):
                    found.append(one)
                    if over.is_set():
                        return
            except Exception as exc:
                # Whatever it is, it is no reason not to bake.
                LOG.debug('%s: nothing is reaped: %s', target.name, exc)

    worker = threading.Thread(target=work, name='reap', daemon=True)
    worker.start()
    worker.join(seconds)
    over.set()
    for one in list(found):
        told(one)
