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

"""The files of a tree on this host, as if it were an image.

Nothing is followed out of the tree: folders are opened one by one, without
following links, so that a link of the tree cannot lead to a file of the host.
"""

import contextlib
import os
import shutil
import stat
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from image_pipeline import exceptions
from image_pipeline.disk import edits, files, inodes

_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK


class FolderFiles:
    """A file system that is a folder of this host.

    :param root: the folder.
    :raises ImageUnreadable: there is no such folder.
    """

    def __init__(self, root: Path) -> None:
        if not root.is_dir():
            raise exceptions.ImageUnreadable(f'{root} is no folder')
        self._host = root
        self.root = 0
        self._paths: list[str] = ['']
        self._numbers: dict[str, int] = {'': 0}

    def stat(self, inode: int) -> inodes.Stat:
        """Return what is known of a file."""
        path = self._paths[inode]
        with self._folder(path) as (folder, name):
            found = os.stat(name, dir_fd=folder, follow_symlinks=False)
            link = None
            if stat.S_ISLNK(found.st_mode):
                link = os.readlink(name, dir_fd=folder)
        kind = {
            stat.S_IFREG: files.FileType.FILE,
            stat.S_IFDIR: files.FileType.FOLDER,
            stat.S_IFLNK: files.FileType.LINK,
        }.get(stat.S_IFMT(found.st_mode), files.FileType.OTHER)
        return inodes.Stat(
            inode=inode,
            type=kind,
            mode=stat.S_IMODE(found.st_mode),
            uid=found.st_uid,
            gid=found.st_gid,
            size=found.st_size,
            link=link,
            mtime=int(found.st_mtime),
        )

    def children(self, inode: int) -> Mapping[str, int]:
        """Return a folder's names and their numbers."""
        path = self._paths[inode]
        with (
            self._opened(path, os.O_DIRECTORY) as fd,
            os.scandir(fd) as entries,
        ):
            names = [entry.name for entry in entries]
        return {name: self._number(f'{path}/{name}') for name in names}

    def read(self, inode: int, length: int, offset: int = 0) -> bytes:
        """Return bytes of a file."""
        with self._opened(self._paths[inode]) as fd:
            return os.pread(fd, length, offset)

    def xattrs(self, inode: int) -> Mapping[str, bytes]:
        """Return the extended attributes of a file or a folder."""
        try:
            with self._opened(self._paths[inode]) as fd:
                return {
                    name: os.getxattr(fd, name) for name in os.listxattr(fd)
                }
        except OSError:
            # A link, a device, or a file system without attributes.
            return {}

    def _number(self, path: str) -> int:
        if path not in self._numbers:
            self._numbers[path] = len(self._paths)
            self._paths.append(path)
        return self._numbers[path]

    @contextlib.contextmanager
    def _folder(self, path: str) -> Iterator[tuple[int, str]]:
        """Open the folder that a path is in; give it and the last name."""
        parent, _, name = path.rpartition('/')
        with opened(self._host, parent, os.O_DIRECTORY) as fd:
            yield fd, name or '.'

    @contextlib.contextmanager
    def _opened(self, path: str, flags: int = 0) -> Iterator[int]:
        with opened(self._host, path, flags) as fd:
            yield fd


class FolderEditor:
    """Changes the files of a tree on this host.

    :param root: the folder.
    """

    def __init__(self, root: Path) -> None:
        self._root = root

    def apply(self, changes: Iterable[edits.Edit]) -> None:
        """Make changes; see :class:`image_pipeline.disk.edits.Editor`."""
        for change in changes:
            try:
                self._apply(change)
            except OSError as exc:
                raise exceptions.StageFailed(
                    f'{self._root}: cannot {change}: {exc.strerror or exc}'
                ) from exc

    def _apply(self, change: edits.Edit) -> None:
        parent, _, name = change.path.rpartition('/')
        if not name:
            raise exceptions.StageFailed('the root folder cannot be changed')
        if isinstance(change, edits.Write | edits.Link):
            self._make_folders(parent)
        with opened(self._root, parent, os.O_DIRECTORY) as folder:
            if isinstance(change, edits.Remove):
                _remove(name, folder)
            elif isinstance(change, edits.Truncate):
                flags = os.O_WRONLY | os.O_TRUNC | os.O_NOFOLLOW
                os.close(os.open(name, flags, dir_fd=folder))
            elif isinstance(change, edits.Mode):
                with opened(self._root, change.path) as fd:
                    os.fchmod(fd, change.mode)
            elif isinstance(change, edits.Link):
                _remove(name, folder)
                os.symlink(change.target, name, dir_fd=folder)
            else:
                _write(change, name, folder)

    def _make_folders(self, path: str) -> None:
        parts = path.strip('/').split('/') if path.strip('/') else []
        for count, part in enumerate(parts):
            above = '/'.join(['', *parts[:count]])
            with (
                opened(self._root, above, os.O_DIRECTORY) as folder,
                contextlib.suppress(FileExistsError),
            ):
                os.mkdir(part, 0o755, dir_fd=folder)


@contextlib.contextmanager
def opened(root: Path, path: str, flags: int = 0) -> Iterator[int]:
    """Open a file of a tree without following any link.

    :param root: the tree.
    :param path: absolute in the tree; ``''`` is the tree itself.
    :param flags: of ``open``, beside those for reading.
    :raises OSError: there is none, or a link is on the way.
    """
    fd = os.open(root, _READ & ~os.O_NOFOLLOW | os.O_DIRECTORY)
    try:
        parts = [part for part in path.split('/') if part]
        for count, part in enumerate(parts, 1):
            last = count == len(parts)
            wanted = flags if last else os.O_DIRECTORY
            following = os.open(part, _READ | wanted, dir_fd=fd)
            os.close(fd)
            fd = following
        yield fd
    finally:
        os.close(fd)


def _remove(name: str, folder: int) -> None:
    try:
        found = os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return
    if stat.S_ISDIR(found.st_mode):
        shutil.rmtree(name, dir_fd=folder)
    else:
        os.unlink(name, dir_fd=folder)


def _write(change: edits.Write, name: str, folder: int) -> None:
    try:
        kept = os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        kept = None
    if kept is not None and not stat.S_ISREG(kept.st_mode):
        _remove(name, folder)
        kept = None
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW
    mode = change.mode
    if mode is None:
        mode = stat.S_IMODE(kept.st_mode) if kept else 0o644
    fd = os.open(name, flags, mode, dir_fd=folder)
    with os.fdopen(fd, 'wb') as file:
        file.write(change.content)
        os.fchmod(fd, mode)
