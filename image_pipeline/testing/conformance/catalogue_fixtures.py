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

"""What the conformance tests of catalogues work with."""

import abc
import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from image_pipeline import artifact
from image_pipeline.catalogues import base
from image_pipeline.host import cancellation

_STATE = artifact.ImageState
#: The name that the images of these tests get.
NAME = 'conformance'


def make_image(
    folder: Path, content: bytes = b'content', *, image_format: str = 'raw'
) -> artifact.Artifact:
    """Return an image artifact with a file of its own.

    :param folder: where the file goes.
    :param content: what the file holds, padded to a sector.
    :param image_format: what the artifact says it is.
    """
    content = content.ljust(512, b'\0')
    sha256 = hashlib.sha256(content).hexdigest()
    path = folder / f'{sha256}.{image_format}'
    if not path.exists():
        path.write_bytes(content)
        path.chmod(0o444)
    return artifact.Artifact(
        kind=artifact.IMAGE,
        path=path,
        digest=f'sha256:{sha256}',
        size=len(content),
        properties={
            'format': image_format,
            'virtual_size': len(content),
            'sha512': hashlib.sha512(content).hexdigest(),
        },
    )


def register(
    catalogue: base.Catalogue,
    image: artifact.Artifact,
    *,
    name: str = NAME,
    properties: Mapping[str, str] | None = None,
    undo: list[artifact.UndoRecord] | None = None,
    cancelled: cancellation.CancellationToken | None = None,
) -> artifact.ImageRecord:
    """Register an image, with defaults for what does not matter.

    :param catalogue: the catalogue.
    :param image: the image.
    :param name: the final name.
    :param properties: image properties.
    :param undo: gets the records that are journaled.
    :param cancelled: the token.
    """
    records = undo if undo is not None else []
    return catalogue.register(
        image,
        name=name,
        recipe='recipe',
        run_id='run-1',
        properties=properties or {},
        undo=records.append,
        progress=lambda done, total, unit: None,
        cancelled=cancelled or cancellation.CancellationToken(),
    )


class CatalogueFixtures(abc.ABC):
    """How the tests of a catalogue come to one."""

    @abc.abstractmethod
    def make(self, folder: Path) -> Any:
        """Return an empty catalogue.

        :param folder: an empty folder that it may use.
        """

    def again(self, catalogue: Any) -> Any:
        """Return the same catalogue as another process would see it.

        :param catalogue: what :meth:`make` returned.
        """
        return type(catalogue)(catalogue.target, state_dir=catalogue.state_dir)

    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        """Give a folder for image files."""
        path = tmp_path / 'images'
        path.mkdir()
        return path

    @pytest.fixture
    def catalogue(self, tmp_path: Path) -> Iterator[Any]:
        """Give an empty catalogue."""
        path = tmp_path / 'catalogue'
        path.mkdir()
        yield self.make(path)

    def states(self, catalogue: Any) -> dict[str, str]:
        """Return the state of every image, by id, as others see it.

        :param catalogue: the catalogue.
        """
        images = list(self.again(catalogue).list_images())
        current = [one for one in images if one.state == _STATE.CURRENT]
        names = [one.final_name for one in current]
        assert len(names) == len(set(names)), 'two current images of a name'
        for one in images:
            assert one.hidden == (one.state != _STATE.CURRENT), one
        return {one.id: one.state.value for one in images}

    def former(
        self, catalogue: Any, folder: Path, state: str
    ) -> dict[str, str]:
        """Make a current image and, if asked for, a former one.

        The content of an image is the name of its state.
        """
        ids = {}
        if state == 'previous':
            ids[state] = register(
                catalogue, make_image(folder, state.encode())
            ).id
            catalogue.promote(ids[state])
        ids['current'] = register(catalogue, make_image(folder, b'current')).id
        catalogue.promote(ids['current'])
        if state == 'rejected':
            ids[state] = register(
                catalogue, make_image(folder, state.encode())
            ).id
            catalogue.promote(ids[state])
            catalogue.roll_back(NAME)
        return ids
