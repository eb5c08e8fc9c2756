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

"""Plug-ins that a test has installed, and nobody else."""

import dataclasses
from collections.abc import Mapping
from typing import TypeVar

from image_pipeline.host import plugins

T = TypeVar('T')


@dataclasses.dataclass(frozen=True)
class FakePlugins(plugins.Plugins[T]):
    """Plug-ins without entry points; put it where a registry has its own.

    :param classes: the plug-ins by name.
    """

    classes: Mapping[str, type[T]] = dataclasses.field(default_factory=dict)

    def names(self) -> tuple[str, ...]:
        """Return the names of the test's plug-ins, sorted."""
        return tuple(sorted(self.classes))

    def _classes(self, names: tuple[str, ...]) -> tuple[type[T], ...]:
        return tuple(self.classes[name] for name in names)
