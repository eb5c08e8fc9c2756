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

"""One look at every file of an image, shared by all rules that need it.

Folders are read level by level, and inodes in the order in which they lie on
the disk, so that each cluster of a compressed image is unpacked once.
"""

import dataclasses
import functools
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from image_pipeline import exceptions
from image_pipeline.audit import rule
from image_pipeline.disk import files

#: Entries that are looked at, unless told otherwise: a cloud image has 30 to
#: 100 thousand files, and so many take some 100 MB.
MOST_ENTRIES = 250_000
#: Folders that cannot be read and are named.
_MOST_UNREAD = 20


class Entry(NamedTuple):
    """One name in an image.

    :param path: absolute; bytes that are not UTF-8 are surrogates.
    :param stat: what is known of it; of a link itself, not of its aim.
    """

    path: str
    stat: files.Stat


@dataclasses.dataclass(frozen=True, kw_only=True)
class Census:
    """All names in an image; see :func:`take`.

    :param entries: the root first, then level by level; in a folder by name.
    :param truncated: whether there were more entries than are looked at.
    :param unread: folders and inodes that are damaged: the path, and why.
    """

    entries: Sequence[Entry]
    truncated: bool = False
    unread: tuple[tuple[str, str], ...] = ()

    def below(self, folder: str) -> Sequence[Entry]:
        """Return what lies below a folder, however deep.

        :param folder: absolute, without links on the way
            (:meth:`image_pipeline.disk.files.FileTree.resolve`).
        """
        start = self._starts.get(folder.rstrip('/') or '/')
        if start is None:
            return ()
        found: list[Entry] = []
        waiting = [start]
        while waiting:
            begin, end = waiting.pop()
            for entry in self.entries[begin:end]:
                found.append(entry)
                inner = self._starts.get(entry.path)
                if inner is not None:
                    waiting.append(inner)
        return found

    def need_whole(self) -> None:
        """See that nothing was left out; a rule asks before it passes.

        :raises CannotTell: something was.
        """
        if self.truncated:
            raise rule.CannotTell(
                f'the image has more than {len(self.entries)} files; those '
                'above that were not looked at'
            )
        for path, why in self.unread:
            raise rule.CannotTell(f'{path}: {why}')

    @functools.cached_property
    def _starts(self) -> Mapping[str, tuple[int, int]]:
        """Where the entries of each folder are among :attr:`entries`."""
        found: dict[str, tuple[int, int]] = {}
        begin, folder = 1, None
        for number, entry in enumerate(self.entries[1:], 1):
            here = entry.path.rpartition('/')[0] or '/'
            if here != folder:
                if folder is not None:
                    found[folder] = begin, number
                begin, folder = number, here
        if folder is not None:
            found[folder] = begin, len(self.entries)
        return found


class _Folder(NamedTuple):
    """A folder that is still to be read."""

    mount: str
    inode: int
    path: str


def take(tree: files.FileTree, limit: int = MOST_ENTRIES) -> Census:
    """Look at every name in an image.

    Links are not followed.  A folder that is damaged, or contains itself, is
    told in :attr:`Census.unread`, and the rest is read.

    :param tree: the image's files.
    :param limit: entries at most.
    """
    systems = tree.systems
    root = systems['/'].root
    entries = [Entry('/', systems['/'].stat(root))]
    unread: list[tuple[str, str]] = []
    seen = {('/', root)}
    level = [_Folder('/', root, '')]
    while level:
        names = _names(tree, level, unread, limit - len(entries))
        stats = _stats(systems, names, unread)
        below: list[_Folder] = []
        for folder, children in names:
            for name, key in children:
                stat = stats.get(key)
                if stat is None:
                    continue
                if len(entries) >= limit:
                    return Census(
                        entries=entries, truncated=True, unread=tuple(unread)
                    )
                path = f'{folder.path}/{name}'
                entries.append(Entry(path, stat))
                if stat.type is not files.FileType.FOLDER:
                    continue
                if key in seen:
                    _note(unread, path, 'the folder is there twice')
                    continue
                seen.add(key)
                below.append(_Folder(*key, path))
        level = below
    return Census(entries=entries, unread=tuple(unread))


_Key = tuple[str, int]


def _names(
    tree: files.FileTree,
    level: list[_Folder],
    unread: list[tuple[str, str]],
    left: int,
) -> list[tuple[_Folder, list[tuple[str, _Key]]]]:
    """Return what is in the folders of a level, in the order of the level."""
    systems = tree.systems
    found: dict[str, list[tuple[str, _Key]]] = {}
    for folder in sorted(level):
        mount, path = folder.mount, folder.path
        if left < 0:
            # One more than wanted tells that there are more.
            break
        try:
            children = systems[mount].children(folder.inode)
        except exceptions.ImageUnreadable as exc:
            _note(unread, path or '/', exc.message)
            continue
        here = [
            (name, (mount, inode)) for name, inode in sorted(children.items())
        ]
        if len(systems) > 1:
            here = [
                (
                    name,
                    (f'{path}/{name}', systems[f'{path}/{name}'].root)
                    if f'{path}/{name}' in systems
                    else key,
                )
                for name, key in here
            ]
        found[path] = here
        left -= len(here)
    return [
        (folder, found[folder.path])
        for folder in level
        if folder.path in found
    ]


def _stats(
    systems: Mapping[str, files.FileSystem],
    names: list[tuple[_Folder, list[tuple[str, _Key]]]],
    unread: list[tuple[str, str]],
) -> dict[_Key, files.Stat]:
    """Return what is known of inodes, looked at in their own order."""
    wanted = {key: None for _, children in names for _, key in children}
    found: dict[_Key, files.Stat] = {}
    for key in sorted(wanted):
        mount, inode = key
        try:
            found[key] = systems[mount].stat(inode)
        except exceptions.ImageUnreadable as exc:
            _note(unread, f'inode {inode} below {mount}', exc.message)
    return found


def _note(unread: list[tuple[str, str]], path: str, why: str) -> None:
    if len(unread) < _MOST_UNREAD:
        unread.append((path, why))
