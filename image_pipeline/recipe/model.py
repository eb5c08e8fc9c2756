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

"""A recipe as a value: loaded, merged, and not yet planned."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from image_pipeline.documents import nodes


@dataclasses.dataclass(frozen=True, kw_only=True)
class StageEntry:
    """One entry of a recipe's ``stages``.

    :param name: the stage.
    :param options: as the recipe gives them: no defaults, JSON values.
    :param node: the options with their positions.
    :param mark: where the stage is named.
    """

    name: str
    options: Mapping[str, Any]
    node: nodes.Node = dataclasses.field(compare=False, repr=False)
    mark: nodes.Mark = dataclasses.field(compare=False, repr=False)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Layer:
    """One file that a recipe is made of.

    :param file: the file as the user named it.
    :param text: what was in it.
    """

    file: str
    text: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class Recipe:
    """What an image is.

    :param name: the file's name, without its suffix.
    :param file: the file.
    :param image_name: what users call the image.
    :param image_properties: image properties that override derived ones.
    :param stages: in the order in which they run.
    :param targets: by target, what differs there.
    :param description: one line about it.
    :param layers: the files it is made of; its own first, then what that
        extends, and so on.
    :param sets: the ``--set`` arguments that were applied.
    :param targets_node: the ``targets`` block with its positions.
    """

    name: str
    file: Path
    image_name: str
    image_properties: Mapping[str, str]
    stages: tuple[StageEntry, ...]
    targets: Mapping[str, Mapping[str, Any]]
    description: str = ''
    layers: tuple[Layer, ...] = dataclasses.field(
        default=(), compare=False, repr=False
    )
    sets: tuple[str, ...] = dataclasses.field(default=(), compare=False)
    targets_node: nodes.Node | None = dataclasses.field(
        default=None, compare=False, repr=False
    )

    def to_json(self) -> dict[str, Any]:
        """Return the merged recipe in the form in which one is written."""
        value: dict[str, Any] = {'version': 1}
        if self.description:
            value['description'] = self.description
        image: dict[str, Any] = {'name': self.image_name}
        if self.image_properties:
            image['properties'] = dict(self.image_properties)
        value['image'] = image
        value['stages'] = [
            {entry.name: dict(entry.options)} if entry.options else entry.name
            for entry in self.stages
        ]
        if self.targets:
            value['targets'] = {
                name: dict(target) for name, target in self.targets.items()
            }
        return value
