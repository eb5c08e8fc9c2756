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

"""Changes of files in an image or in a tree, and who can make them.

Paths are absolute in the image and have no link on the way, as
:meth:`image_pipeline.disk.files.FileTree.resolve` gives them: an edit acts on
what it names, never on what a link leads to.
"""

import dataclasses
from collections.abc import Iterable
from typing import Protocol


@dataclasses.dataclass(frozen=True, kw_only=True)
class Remove:
    """A file or a link goes; a folder with all that is in it.

    :param path: what goes.
    """

    path: str

    def __str__(self) -> str:
        return f'remove {self.path}'


@dataclasses.dataclass(frozen=True, kw_only=True)
class Truncate:
    """A file stays, with its metadata, and has nothing in it.

    :param path: the file.
    """

    path: str

    def __str__(self) -> str:
        return f'empty {self.path}'


@dataclasses.dataclass(frozen=True, kw_only=True)
class Write:
    """A file gets another content, or is made.

    :param path: the file; folders on the way are made.
    :param content: what is in it.
    :param mode: permission bits of a file that is made, or None to keep
        those that a file has; a new one then has 0644.  Owner, group and
        extended attributes of a file stay; a new one is root's.
    """

    path: str
    content: bytes
    mode: int | None = None

    def __str__(self) -> str:
        return f'write {self.path} ({len(self.content)} bytes)'


@dataclasses.dataclass(frozen=True, kw_only=True)
class Link:
    """A symbolic link is made, in the place of what is there.

    :param path: the link.
    :param target: where it points.
    """

    path: str
    target: str

    def __str__(self) -> str:
        return f'link {self.path} to {self.target}'


@dataclasses.dataclass(frozen=True, kw_only=True)
class Mode:
    """The permission bits of a file or a folder are set.

    :param path: what it is about.
    :param mode: the bits.
    """

    path: str
    mode: int

    def __str__(self) -> str:
        return f'set {self.path} to mode {self.mode:04o}'


Edit = Remove | Truncate | Write | Link | Mode


class Editor(Protocol):
    """What can change the files of an image or a tree."""

    def apply(self, edits: Iterable[Edit]) -> None:
        """Make changes, in their order.

        :param edits: the changes.
        :raises StageFailed: one cannot be made; it says which.
        """
