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

"""What is known of a file in a file system of an image."""

import enum
from typing import NamedTuple


class FileType(enum.StrEnum):
    """What an inode is."""

    FILE = 'file'
    FOLDER = 'folder'
    LINK = 'link'
    OTHER = 'other'


class Stat(NamedTuple):
    """What is known of a file.

    A tuple, because a look at all files of an image makes tens of thousands:
    a frozen dataclass takes four times as long.

    :param inode: its number in its file system.
    :param type: what it is.
    :param mode: permission bits, without the type.
    :param uid: owner.
    :param gid: group.
    :param size: bytes.
    :param link: where a symbolic link points; else None.
    :param mtime: when its content was changed, in seconds since 1970; 0 if
        the file system does not tell.
    :param immutable: whether nothing may change it (``chattr +i``).
    """

    inode: int
    type: FileType
    mode: int
    uid: int
    gid: int
    size: int
    link: str | None = None
    mtime: int = 0
    immutable: bool = False


def text(raw: bytes) -> str:
    """Return a name as text; bytes that are not UTF-8 become surrogates.

    :param raw: the name's bytes.
    """
    return raw.decode('utf-8', 'surrogateescape')
