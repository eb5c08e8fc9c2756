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

"""Plug-ins by name: the entry points of one namespace, ours and others'."""

import dataclasses
import functools
from importlib import metadata
from typing import Any, Generic, TypeVar, cast

from image_pipeline import exceptions

T = TypeVar('T')


@dataclasses.dataclass(frozen=True)
class Plugins(Generic[T]):
    """The plug-ins of one kind that are installed.

    :param namespace: the group of their entry points.
    :param what: what one of them is called: ``stage``, ``catalogue``.
    :param listing: the command that lists them, where they are too many for
        a message.
    """

    namespace: str
    what: str
    listing: str | None = None

    def names(self) -> tuple[str, ...]:
        """Return the names of those that are installed, sorted."""
        return _names(self.namespace)

    def load(self, name: str, *, where: str = '') -> type[T]:
        """Return a plug-in's class.

        :param name: the name of its entry point.
        :param where: where the name stands, such as ``target "local"``.
        :raises NotFound: there is none of that name.
        :raises StateConflict: there are two, or it cannot be loaded.
        """
        if name not in self.names():
            raise exceptions.NotFound(
                f'{where}{": " if where else ""}there is no {self.what} '
                f'"{name}"',
                hint=exceptions.did_you_mean(name, self.names())
                or (
                    f'`{self.listing}` shows all'
                    if self.listing
                    else f'{self.what}s are {", ".join(self.names())}'
                ),
            )
        return self._classes((name,))[0]

    def load_all(self) -> dict[str, type[T]]:
        """Return every plug-in's class by its name, sorted.

        :raises StateConflict: two have one name, or one cannot be loaded.
        """
        names = self.names()
        return dict(zip(names, self._classes(names), strict=True))

    def _classes(self, names: tuple[str, ...]) -> tuple[type[T], ...]:
        return cast(
            'tuple[type[T], ...]', _load(self.namespace, self.what, names)
        )


def forget() -> None:
    """Look anew for what is installed: something was, since we looked."""
    import stevedore

    _names.cache_clear()
    _load.cache_clear()
    stevedore.ExtensionManager.ENTRY_POINT_CACHE.clear()


@functools.cache
def _names(namespace: str) -> tuple[str, ...]:
    # Names only: loading every plug-in would cost `--help` and no-op bakes.
    return tuple(
        sorted(
            {found.name for found in metadata.entry_points(group=namespace)}
        )
    )


@functools.cache
def _load(
    namespace: str, what: str, names: tuple[str, ...]
) -> tuple[type[Any], ...]:
    """Return the classes of some plug-ins, in the order of the names."""
    # Imported here: `--help` must not pay for it.
    import stevedore
    from stevedore import extension

    def fail(
        manager: object, entry_point: metadata.EntryPoint, exc: BaseException
    ) -> None:
        raise exceptions.StateConflict(
            f'the {what} "{entry_point.name}" ({entry_point.value}) cannot '
            f'be loaded: {type(exc).__name__}: {exc}',
            hint='reinstall or remove the package that it comes from',
        ) from exc

    manager = stevedore.NamedExtensionManager[Any](
        namespace,
        names,
        on_load_failure_callback=fail,
        # Stevedore's own default only warns, and takes the last one.
        conflict_resolver=extension.error_on_conflict,
    )
    # It finds two of one name only where they stand side by side (seen in
    # 5.10), which those of two packages do not.
    manager.extensions.sort(key=lambda found: found.name)
    try:
        return tuple(manager[name].plugin for name in names)
    except stevedore.exception.MultipleMatches as exc:
        raise exceptions.StateConflict(
            f'two {what}s have one name: {exc}',
            hint='uninstall one of the packages that they come from',
        ) from exc
