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

"""Catalogues by name: entry points in ``image_pipeline.catalogues``."""

import functools
from importlib import metadata
from pathlib import Path

from image_pipeline import exceptions
from image_pipeline.catalogues import base
from image_pipeline.conf import settings as conf_settings

#: The entry points that are catalogues.
NAMESPACE = 'image_pipeline.catalogues'


@functools.cache
def names() -> tuple[str, ...]:
    """Return the names of the catalogues that are installed, sorted."""
    return tuple(
        sorted(
            {found.name for found in metadata.entry_points(group=NAMESPACE)}
        )
    )


def load(target: conf_settings.Target, state_dir: Path) -> base.Catalogue:
    """Return a target's catalogue.

    :param target: the target's settings.
    :param state_dir: the state folder, for catalogues on this host.
    :raises NotFound: no catalogue of that name is installed.
    :raises StateConflict: two are, or it cannot be loaded.
    """
    if target.catalogue not in names():
        raise exceptions.NotFound(
            f'target "{target.name}": there is no catalogue '
            f'"{target.catalogue}"',
            hint=exceptions.did_you_mean(target.catalogue, names())
            or f'catalogues are {", ".join(names())}',
        )
    return _load(target.catalogue)(target, state_dir=state_dir)


@functools.cache
def _load(name: str) -> type[base.Catalogue]:
    import stevedore
    from stevedore import extension

    def fail(
        manager: object, entry_point: metadata.EntryPoint, exc: BaseException
    ) -> None:
        raise exceptions.StateConflict(
            f'the catalogue "{name}" ({entry_point.value}) cannot be loaded: '
            f'{type(exc).__name__}: {exc}',
            hint='reinstall the package that it comes from',
        ) from exc

    try:
        manager = stevedore.NamedExtensionManager[base.Catalogue](
            NAMESPACE,
            [name],
            on_load_failure_callback=fail,
            conflict_resolver=extension.error_on_conflict,
        )
    except stevedore.exception.MultipleMatches as exc:
        raise exceptions.StateConflict(
            f'two installed packages have a catalogue "{name}"',
            hint='uninstall one of them',
        ) from exc
    plugin: type[base.Catalogue] = manager[name].plugin
    return plugin
