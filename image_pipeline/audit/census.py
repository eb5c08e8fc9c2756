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
MOST_ENTRIES = 200_000
#: Folders that a file system is told of before they are read.
_AHEAD = 128
_new = tuple.__new__
#: Bytes of all folders together; those of a million files have some 50 MB.
_MOST_BYTES = 256 << 20
#: Larger ones are not read by any reader, and so take nothing.
_LARGEST = 64 << 20
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

    :param entries: the root first, then level by level, what is in a folder
        together and by name.
    :param truncated: whether there were more entries than are looked at.
    :param unread: folders and inodes that are damaged, or larger than any
        that are sound: the path, and why.
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


def take(tree: files.FileTree, limit: int = MOST_ENTRIES) -> Census:
    """Look at every name in an image.

    Links are not followed.  A folder that is damaged, or contains itself, is
    told in :attr:`Census.unread`, and the rest is read.

    :param tree: the image's files.
    :param limit: entries at most.
    """
    walk = _Walk(tree, limit)
    while walk.level and not walk.truncated:
        level, walk.level = walk.level, {}
        for mount, folders in level.items():
            walk.look(mount, folders)
    return Census(
        entries=walk.entries,
        truncated=walk.truncated,
        unread=tuple(walk.unread),
    )


class _Walk:
    """One walk over all folders.

    :param tree: the image's files.
    :param limit: entries at most.
    """

    def __init__(self, tree: files.FileTree, limit: int) -> None:
        self._systems = tree.systems
        self._limit = limit
        #: Folders in which another file system is mounted.
        self._parents = {
            path.rpartition('/')[0] for path in self._systems if path != '/'
        }
        root = self._systems['/'].root
        self._seen = {('/', root)}
        self.entries = [Entry('/', self._systems['/'].stat(root))]
        self.unread: list[tuple[str, str]] = []
        self.truncated = False
        self._bytes = 0
        #: By file system, the folders that are to be read next: inode, path.
        self.level: dict[str, list[tuple[int, str]]] = {'/': [(root, '')]}

    def look(self, mount: str, folders: list[tuple[int, str]]) -> None:
        """Look at what is in folders of one file system.

        :param mount: where it is mounted.
        :param folders: their inodes and paths.
        """
        # All names first, then all inodes in the order in which they lie.
        names = self._names(mount, sorted(folders))
        stats = self._stats(
            mount, {inode for _, found in names for inode in found.values()}
        )
        entries, limit = self.entries, self._limit
        is_folder, get = files.FileType.FOLDER, stats.get
        for path, found in names:
            may_mount = path in self._parents
            for name, inode in sorted(found.items()):
                here, place = f'{path}/{name}', mount
                stat = get(inode)
                if may_mount and here in self._systems:
                    place, root = here, self._systems[here].root
                    stat = self._stats(place, {root}).get(root)
                if stat is None:
                    continue
                if len(entries) >= limit:
                    self.truncated = True
                    return
                # As Entry(...) does, in half the time.
                entries.append(_new(Entry, (here, stat)))
                if stat.type is is_folder:
                    self._descend(place, stat, here)

    def _descend(self, mount: str, stat: files.Stat, path: str) -> None:
        inode = stat.inode
        if (mount, inode) in self._seen:
            self._note(path, 'the folder is there twice')
            return
        if stat.size <= _LARGEST:
            self._bytes += stat.size
        if self._bytes > _MOST_BYTES:
            self._note(path, 'the folders are too large to be read')
            return
        self._seen.add((mount, inode))
        self.level.setdefault(mount, []).append((inode, path))

    def _names(
        self, mount: str, folders: list[tuple[int, str]]
    ) -> list[tuple[str, Mapping[str, int]]]:
        system = self._systems[mount]
        left = self._limit - len(self.entries)
        names = []
        for number, (inode, path) in enumerate(folders):
            if not number % _AHEAD and isinstance(system, files.ReadsAhead):
                system.expect(i for i, _ in folders[number : number + _AHEAD])
            if left < 0:
                # One more than wanted tells that there are more.
                break
            try:
                found = system.children(inode)
            except exceptions.ImageUnreadable as exc:
                self._note(path or '/', exc.message)
                continue
            names.append((path, found))
            left -= len(found)
        return names

    def _stats(self, mount: str, wanted: set[int]) -> dict[int, files.Stat]:
        stat = self._systems[mount].stat
        found = {}
        for inode in sorted(wanted):
            try:
                found[inode] = stat(inode)
            except exceptions.ImageUnreadable as exc:
                self._note(f'inode {inode} of {mount}', exc.message)
        return found

    def _note(self, path: str, why: str) -> None:
        if len(self.unread) < _MOST_UNREAD:
            self.unread.append((path, why))
