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

"""EFI system partitions: where they are, and what is on them.

They are read whether the guest mounts them or not; firmware does not ask.
"""

import dataclasses

from image_pipeline.audit import rule, view
from image_pipeline.audit.guest import mounts
from image_pipeline.disk import files, partitions

_TYPES = frozenset({partitions.ESP, partitions.MBR_ESP})


@dataclasses.dataclass(frozen=True, kw_only=True)
class Esp:
    """An EFI system partition.

    :param device: where it is.
    :param tree: its files.
    :param point: where the guest mounts it, or None.
    """

    device: view.Device
    tree: files.FileTree
    point: str | None

    def shown(self, path: str) -> str:
        """Return a path on it as evidence names it.

        :param path: absolute on it.
        """
        if self.point:
            return f'{self.point}{path}'
        return f'{self.device.name}:{path}'

    def find(self, path: str) -> str | None:
        """Return a path as it is written on it, or None: FAT has no case.

        :param path: absolute on it, in any case.
        """
        found = ''
        for part in path.strip('/').split('/'):
            try:
                names = self.tree.listdir(found or '/')
            except OSError:
                return None
            fitting = [name for name in names if name.lower() == part.lower()]
            if not fitting:
                return None
            found = f'{found}/{fitting[0]}'
        return found


def esps(image: view.ImageView) -> tuple[Esp, ...]:
    """Return the EFI system partitions that have a file system.

    :param image: the image.
    :raises CannotTell: one cannot be read.
    """
    return image.remember('esps', lambda: tuple(_esps(image)))


def _esps(image: view.ImageView) -> list[Esp]:
    points = _points(image)
    return [
        Esp(
            device=device,
            tree=image.files_of(device),
            point=points.get(device.start),
        )
        for device in image.parts
        if device.type in _TYPES and device.file_system is not None
    ]


def _points(image: view.ImageView) -> dict[int, str]:
    try:
        tree = image.files
    except rule.CannotTell:
        return {}
    found = {}
    for mount in mounts.fstab(tree):
        device = image.named(mount.spec)
        if device is not None:
            found[device.start] = mount.point
    return found
