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

"""The files of an image as its guest will see them.

Symbolic links are resolved inside the image: an absolute one begins at the
image's root, and ``..`` stops there.  Several file systems can be joined, as
the guest's fstab mounts them.  Errors are those of the operating system
(``FileNotFoundError``, ``OSError`` with ``ELOOP``), so that a rule reads like
a program; damage is :class:`~image_pipeline.exceptions.ImageUnreadable`.
"""

import dataclasses
import errno
import fnmatch
import os
from collections.abc import Iterable, Iterator, Mapping
from typing import Protocol, runtime_checkable

from image_pipeline.disk import inodes

#: The kernel follows as many (MAXSYMLINKS).
_MOST_LINKS = 40
#: Bytes that :meth:`FileTree.read_bytes` returns unless told otherwise; the
#: largest text files that rules read, package databases, have some 10 MB.
DEFAULT_LIMIT = 32 << 20
#: Folders whose names are remembered, and how many names in all.
_MOST_NAMES = 50_000

FileType = inodes.FileType
Stat = inodes.Stat


class FileSystem(Protocol):
    """What a :class:`FileTree` needs of a file system."""

    @property
    def root(self) -> int:
        """The root folder's inode."""

    def stat(self, inode: int) -> Stat:
        """Return what is known of an inode."""

    def children(self, inode: int) -> Mapping[str, int]:
        """Return a folder's names and inodes."""

    def read(self, inode: int, length: int, offset: int = 0) -> bytes:
        """Return bytes of a file."""

    def xattrs(self, inode: int) -> Mapping[str, bytes]:
        """Return extended attributes; none where there cannot be any."""


@runtime_checkable
class ReadsAhead(Protocol):
    """A file system that reads sooner what it is told of."""

    def expect(self, folders: Iterable[int]) -> None:
        """Have what is in folders ready, if that saves time."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Node:
    """A file that was found: where, and what."""

    path: str
    mount: str
    stat: Stat


class FileTree:
    """The files of an image, from its root.

    :param root: the root file system.
    :param mounts: further file systems, by absolute path.
    """

    def __init__(
        self,
        root: FileSystem,
        mounts: Mapping[str, FileSystem] | None = None,
    ) -> None:
        self._systems = {'/': root} | dict(mounts or {})
        self._names: dict[tuple[str, int], Mapping[str, int]] = {}
        self._stats: dict[tuple[str, int], Stat] = {}
        self._remembered = 0

    @property
    def systems(self) -> Mapping[str, FileSystem]:
        """The file systems, by the absolute path where each is mounted."""
        return self._systems

    def exists(self, path: str) -> bool:
        """Tell whether a path leads to something, following links.

        :param path: absolute; links that lead nowhere do not exist.
        """
        try:
            self._find(path)
        except OSError:
            return False
        return True

    def is_file(self, path: str) -> bool:
        """Tell whether a path leads to a file, following links.

        :param path: absolute.
        """
        return self._is(path, FileType.FILE)

    def is_folder(self, path: str) -> bool:
        """Tell whether a path leads to a folder, following links.

        :param path: absolute.
        """
        return self._is(path, FileType.FOLDER)

    def stat(self, path: str) -> Stat:
        """Return what is known of what a path leads to.

        :param path: absolute.
        :raises OSError: there is no such file, or links go in a circle.
        """
        return self._find(path).stat

    def lstat(self, path: str) -> Stat:
        """Return what is known of a path itself, a link for instance.

        :param path: absolute.
        :raises OSError: there is no such file.
        """
        return self._find(path, follow=False).stat

    def resolve(self, path: str) -> str:
        """Return a path without links or ``..``.

        :param path: absolute.
        :raises OSError: there is no such file, or links go in a circle.
        """
        return self._find(path).path

    def listdir(self, path: str) -> list[str]:
        """Return the names in a folder, sorted.

        :param path: absolute.
        :raises OSError: there is no such folder.
        """
        node = self._find(path)
        if node.stat.type is not FileType.FOLDER:
            raise NotADirectoryError(
                errno.ENOTDIR, os.strerror(errno.ENOTDIR), path
            )
        return sorted(self._children(node))

    def read_bytes(
        self, path: str, limit: int = DEFAULT_LIMIT, offset: int = 0
    ) -> bytes:
        """Return a file's content.

        :param path: absolute.
        :param limit: the most bytes to return.
        :param offset: where to begin, in bytes.
        :raises OSError: there is no such file.
        """
        node = self._find(path)
        if node.stat.type is not FileType.FILE:
            number = (
                errno.EISDIR
                if node.stat.type is FileType.FOLDER
                else errno.EINVAL
            )
            raise OSError(number, os.strerror(number), path)
        system = self._systems[node.mount]
        return system.read(node.stat.inode, limit, offset)

    def read_text(self, path: str, limit: int = DEFAULT_LIMIT) -> str:
        """Return a file's content as text; what is not UTF-8 is replaced.

        :param path: absolute.
        :param limit: the most bytes to read.
        :raises OSError: there is no such file.
        """
        return self.read_bytes(path, limit).decode('utf-8', 'replace')

    def xattrs(self, path: str) -> Mapping[str, bytes]:
        """Return the extended attributes of a path itself.

        :param path: absolute; a link is not followed at its end.
        :returns: by full name, such as ``security.selinux``.
        :raises OSError: there is no such file.
        """
        node = self._find(path, follow=False)
        return self._systems[node.mount].xattrs(node.stat.inode)

    def glob(self, pattern: str) -> list[str]:
        """Return the paths that a pattern fits, sorted.

        Each component is matched by itself, as a shell does; what a link
        leads to counts, links that lead nowhere are returned too.

        :param pattern: absolute, with ``*``, ``?`` and ``[…]``.
        """
        paths = ['']
        for part in pattern.strip('/').split('/'):
            paths = [
                found for path in paths for found in self._match(path, part)
            ]
        return sorted(paths)

    def walk(self, path: str, limit: int = 100_000) -> Iterator[str]:
        """Give every path below a folder; links are not followed.

        :param path: absolute.
        :param limit: how many paths at most.
        """
        waiting = [path.rstrip('/')]
        given = 0
        seen: set[tuple[str, int]] = set()
        while waiting:
            folder = waiting.pop()
            try:
                node = self._find(folder or '/')
                names = sorted(self._children(node))
            except OSError:
                continue
            key = (node.mount, node.stat.inode)
            if key in seen:
                # A damaged file system may have circles of folders.
                continue
            seen.add(key)
            for name in names:
                if given >= limit:
                    return
                given += 1
                child = f'{folder}/{name}'
                yield child
                try:
                    if self.lstat(child).type is FileType.FOLDER:
                        waiting.append(child)
                except OSError:
                    continue

    def _is(self, path: str, kind: FileType) -> bool:
        try:
            return self._find(path).stat.type is kind
        except OSError:
            return False

    def _match(self, path: str, part: str) -> list[str]:
        if not any(char in part for char in '*?['):
            try:
                self._find(f'{path}/{part}', follow=False)
            except OSError:
                return []
            return [f'{path}/{part}']
        try:
            names = self.listdir(path or '/')
        except OSError:
            return []
        return [
            f'{path}/{name}'
            for name in names
            if fnmatch.fnmatchcase(name, part)
            and (part.startswith('.') or not name.startswith('.'))
        ]

    def _find(self, path: str, *, follow: bool = True) -> _Node:
        """Walk a path by its parts, from the root."""
        waiting = [part for part in reversed(path.split('/')) if part]
        here = [self._mount_root('/')]
        links = 0
        while waiting:
            part = waiting.pop()
            if part == '.':
                continue
            if part == '..':
                if len(here) > 1:
                    here.pop()
                continue
            node = self._step(here[-1], part, path)
            if node.stat.type is FileType.LINK and (waiting or follow):
                links += 1
                if links > _MOST_LINKS:
                    raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), path)
                target = node.stat.link or ''
                if target.startswith('/'):
                    del here[1:]
                waiting += [p for p in reversed(target.split('/')) if p]
                continue
            here.append(node)
        return here[-1]

    def _step(self, folder: _Node, name: str, asked: str) -> _Node:
        if folder.stat.type is not FileType.FOLDER:
            raise NotADirectoryError(
                errno.ENOTDIR, os.strerror(errno.ENOTDIR), asked
            )
        path = f'{folder.path.rstrip("/")}/{name}'
        if path in self._systems:
            return self._mount_root(path)
        names = self._children(folder)
        inode = names.get(name)
        if inode is None:
            raise FileNotFoundError(
                errno.ENOENT, os.strerror(errno.ENOENT), asked
            )
        return _Node(
            path=path, mount=folder.mount, stat=self._stat(folder.mount, inode)
        )

    def _mount_root(self, path: str) -> _Node:
        return _Node(
            path=path,
            mount=path,
            stat=self._stat(path, self._systems[path].root),
        )

    def _stat(self, mount: str, inode: int) -> Stat:
        key = (mount, inode)
        found = self._stats.get(key)
        if found is None:
            if len(self._stats) >= _MOST_NAMES:
                self._stats.clear()
            found = self._stats[key] = self._systems[mount].stat(inode)
        return found

    def _children(self, folder: _Node) -> Mapping[str, int]:
        if folder.stat.type is not FileType.FOLDER:
            raise NotADirectoryError(
                errno.ENOTDIR, os.strerror(errno.ENOTDIR), folder.path
            )
        key = (folder.mount, folder.stat.inode)
        names = self._names.get(key)
        if names is None:
            names = self._systems[folder.mount].children(folder.stat.inode)
            if self._remembered + len(names) > _MOST_NAMES:
                self._names.clear()
                self._remembered = 0
            self._names[key] = names
            self._remembered += len(names)
        return names
