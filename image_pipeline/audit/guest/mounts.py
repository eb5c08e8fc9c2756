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

"""Read what a guest mounts: /etc/fstab."""

import dataclasses

from image_pipeline.audit.guest import text
from image_pipeline.disk import files


@dataclasses.dataclass(frozen=True, kw_only=True)
class Mount:
    """One line of fstab.

    :param line: where it is.
    :param spec: what is mounted: ``UUID=…``, ``/dev/vda1``, ``tmpfs``.
    :param point: where; ``none`` for swap.
    :param type: the file system's type.
    :param options: comma-separated in the file.
    """

    line: text.Line
    spec: str
    point: str
    type: str
    options: tuple[str, ...]

    @property
    def optional(self) -> bool:
        """Whether a boot goes on without it."""
        return bool({'nofail', 'noauto'} & set(self.options))


def fstab(tree: files.FileTree) -> list[Mount]:
    """Return what /etc/fstab mounts.

    :param tree: the image's files.
    """
    found = []
    for line in text.said(tree, '/etc/fstab'):
        words = line.text.split()
        if len(words) < 2:
            continue
        words += ['auto', 'defaults'][len(words) - 2 :]
        found.append(
            Mount(
                line=line,
                spec=words[0].replace('"', ''),
                point=words[1].rstrip('/') or '/',
                type=words[2],
                options=tuple(words[3].split(',')),
            )
        )
    return found
