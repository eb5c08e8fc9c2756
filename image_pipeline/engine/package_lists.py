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

"""The packages of images, as this host knows them."""

import dataclasses
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from image_pipeline import artifact, exceptions
from image_pipeline.store import store as store_module

#: The package manager of lists that do not say it.
_DPKG = 'dpkg'


@dataclasses.dataclass(frozen=True, kw_only=True)
class Package:
    """A package of an image.

    :param name: its name.
    :param version: its full version, as its manager writes it.
    :param source: the source package that it was built of, if it is known.
    :param source_version: the version of that.
    :param manager: ``dpkg`` or ``rpm``.
    """

    name: str
    version: str
    source: str
    source_version: str
    manager: str = _DPKG


class Lists:
    """The lists of packages that the runs of this host left.

    :param store: the state folder; it need not be there.
    """

    def __init__(self, store: store_module.Store) -> None:
        self._store = store
        self._by_content: dict[str, str] | None = None

    def of(self, image: artifact.ImageRecord) -> tuple[Package, ...] | None:
        """Return the packages of an image, or None if they are not known.

        They are in the list of a run that made the same content; or, where
        the image's file is on this host, in the image.

        :param image: the image, of whatever catalogue.
        """
        digest = self._known().get(image.sha256)
        if digest is not None:
            found = self._read(digest)
            if found:
                return found
        return _inside(image.path) if image.path else None

    def _known(self) -> Mapping[str, str]:
        """Return the digest of the list by the SHA-256 of the image."""
        if self._by_content is None:
            self._by_content = {}
            for run in self._store.runs.list_runs():
                for content, listed in pairs(run.manifest):
                    self._by_content.setdefault(content, listed)
        return self._by_content

    def _read(self, digest: str) -> tuple[Package, ...]:
        path = self._store.artifacts.path(digest)
        try:
            listed = json.loads(path.read_bytes()) if path else []
            return tuple(_package(one) for one in listed)
        except (OSError, ValueError, TypeError, KeyError):
            return ()


def pairs(manifest: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    """Give the images of a run, each with the list of its packages.

    :param manifest: the run's.
    :returns: the SHA-256 of an image, and the digest of a list.
    """
    made: dict[str, list[str]] = {artifact.IMAGE: [], artifact.PACKAGES: []}
    steps = manifest.get('steps')
    for step in steps.values() if isinstance(steps, dict) else ():
        for one in step.get('artifacts') or ():
            if one.get('kind') in made:
                made[one['kind']].append(str(one.get('digest')))
    for image in made[artifact.IMAGE]:
        # Of several composed trees nobody knows which one it is of.
        if len(set(made[artifact.PACKAGES])) == 1:
            yield image.removeprefix('sha256:'), made[artifact.PACKAGES][0]


def _package(value: Mapping[str, str]) -> Package:
    return Package(
        name=value['name'],
        version=value['version'],
        source=value.get('source', value['name']),
        source_version=value.get('source_version', value['version']),
        manager=value.get('manager', _DPKG),
    )


def _inside(path: Path) -> tuple[Package, ...] | None:
    """Return the packages that an image's own database names."""
    from image_pipeline.audit import rule, view
    from image_pipeline.audit.guest import packages
    from image_pipeline.disk import reader

    try:
        with reader.open_disk(path) as disk:
            found = packages.of(view.ImageView(disk))
    except (OSError, rule.CannotTell, exceptions.PipelineError):
        return None
    return tuple(
        Package(
            name=one.name,
            version=one.full_version,
            source=one.name,
            source_version=one.full_version,
            manager=one.manager,
        )
        for one in found
    )
