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

"""What a cloud's image service offers: stores, limits, definitions."""

import dataclasses
from collections.abc import Mapping
from typing import Any


@dataclasses.dataclass(frozen=True, kw_only=True)
class Store:
    """A store of the image service.

    :param id: its id.
    :param default: whether data goes there if nothing else is said.
    :param kind: such as file or rbd; None where only administrators may know.
    :param description: the operator's words.
    :param read_only: whether nothing can be put there.
    :param weight: the higher, the sooner it is read from.
    """

    id: str
    default: bool = False
    kind: str | None = None
    description: str | None = None
    read_only: bool = False
    weight: int | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Limit:
    """A limit on the project's images, and how much of it is used.

    :param limit: None if there is none.
    :param used: as of now.
    """

    limit: int | None
    used: int


@dataclasses.dataclass(frozen=True, kw_only=True)
class Quota:
    """What the image service lets the project have.

    :param size: bytes (Glance counts in MiB) of all images.
    :param staged: bytes staged for an import.
    :param images: number of images.
    :param uploading: number of uploads at the same time.
    """

    size: Limit | None = None
    staged: Limit | None = None
    images: Limit | None = None
    uploading: Limit | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Namespace:
    """A namespace of metadata definitions for images.

    :param name: such as OS::Compute::LibvirtImage.
    :param properties: JSON Schema of a property, by its name on an image.
    """

    name: str
    properties: Mapping[str, Mapping[str, Any]]
