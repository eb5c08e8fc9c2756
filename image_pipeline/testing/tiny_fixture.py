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

"""Fixtures of the tiny image; a conftest takes them by name.

.. code-block:: python

    tiny = tiny_fixture.tiny
    tiny_images = tiny_fixture.tiny_images
"""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest

from image_pipeline import artifact
from image_pipeline.testing import tiny_image


@dataclasses.dataclass(frozen=True, kw_only=True)
class Tiny:
    """A tiny image.

    :param path: its qcow2 file; others read it as well.
    :param artifact: as the stages hand one on.
    :param probes: the probes that pass in it.
    :param memory_mib: memory that it boots with.
    """

    path: Path
    artifact: artifact.Artifact
    probes: tuple[str, ...] = tiny_image.PROBES
    memory_mib: int = tiny_image.MEMORY_MIB


@pytest.fixture(scope='session')
def tiny_images() -> Callable[[str], Tiny]:
    """Return what makes a tiny image, by the way it goes wrong."""

    def make(way: str = 'good') -> Tiny:
        path = tiny_image.build(tiny_image.cache_folder(), way=way)
        return Tiny(path=path, artifact=tiny_image.as_artifact(path))

    return make


@pytest.fixture(scope='session')
def tiny(tiny_images: Callable[[str], Tiny]) -> Tiny:
    """Return the tiny image that boots."""
    return tiny_images('good')
