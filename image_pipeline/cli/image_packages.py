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

"""``image list --package``: images by the packages that are in them."""

import logging
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from image_pipeline import artifact
from image_pipeline.cli import base

if TYPE_CHECKING:
    from image_pipeline.catalogues import base as catalogue_base
    from image_pipeline.engine import package_lists, package_query

LOG = logging.getLogger(__name__)

#: Said for a person where a list of packages is not on this host.
_UNKNOWN = 'unknown'


class Search:
    """Images by their packages; without a question, all of them.

    :param command: whose settings say where lists of packages are.
    :param texts: what the user asks for.
    """

    def __init__(self, command: base.Command, texts: Sequence[str]) -> None:
        self._queries = tuple(map(_parsed, texts))
        self._lists = _lists(command) if texts else None
        self._doubts: list[str] = []
        self._unknown = 0

    def among(
        self,
        catalogue: 'catalogue_base.Catalogue',
        images: Iterable[artifact.ImageRecord],
        *,
        people: bool,
    ) -> Iterator[tuple[Any, ...]]:
        """Give the images that are looked for, and what is shown more.

        :param catalogue: where they are.
        :param images: all of them.
        :param people: whether a person reads it.
        """
        for image in images:
            if self._lists is None:
                yield image, catalogue, {}
                continue
            found = self._found(image)
            if found is None and people:
                yield image, catalogue, {'packages': _UNKNOWN}
            elif found is None:
                yield image, catalogue, {'packages': None}
            elif found:
                yield image, catalogue, {'packages': base.Words(found)}

    def tell(self) -> None:
        """Say what the answer does not cover."""
        for line in dict.fromkeys(self._doubts):
            LOG.warning('%s', line)
        if self._unknown:
            LOG.warning(
                'of %d image%s this host has no list of packages; ask on the '
                'host that baked them',
                self._unknown,
                's' * (self._unknown > 1),
            )

    def _found(self, image: artifact.ImageRecord) -> list[str] | None:
        from image_pipeline.engine import package_query

        assert self._lists is not None  # noqa: S101 - asked only then
        packages = self._lists.of(image)
        if packages is None:
            self._unknown += 1
            return None
        found, doubts = package_query.find(self._queries, packages)
        self._doubts += doubts
        return [f'{one.name} {one.version}' for one in found]


def _parsed(text: str) -> 'package_query.Query':
    from image_pipeline.engine import package_query

    return package_query.parse(text)


def _lists(command: base.Command) -> 'package_lists.Lists':
    from image_pipeline.engine import package_lists
    from image_pipeline.store import store

    return package_lists.Lists(store.Store(command.settings.state_dir))
