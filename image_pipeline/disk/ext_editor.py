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

"""Change the files of an ext file system in a raw disk, without mounting.

debugfs of e2fsprogs does it: it knows every feature that ext has, and its
journal, bitmaps and checksums are right afterwards, which e2fsck proves.
What was in a removed file stays in the free blocks until the stage zerofree,
or :mod:`image_pipeline.disk.ext_free`, drops it.
"""

import errno
import os
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from image_pipeline import exceptions
from image_pipeline.disk import edits, ext_files, files, inodes, reader, sparse
from image_pipeline.host import process

#: What it runs.
EXECUTABLES = ('debugfs', 'e2fsck')
_REGULAR = 0o100000
_FOLDER = 0o040000
_TYPES = {files.FileType.FILE: _REGULAR, files.FileType.FOLDER: _FOLDER}


class ExtEditor:
    """Changes files in an ext2, ext3 or ext4 file system.

    :param disk: a raw disk that may be written to.
    :param start: where the file system begins, in bytes.
    :param size: its length in bytes.
    :param host: runs the programs.
    """

    def __init__(
        self, disk: Path, start: int, size: int, *, host: process.Runner
    ) -> None:
        self._disk = disk
        self._start = start
        self._size = size
        self._host = host

    def apply(self, changes: Iterable[edits.Edit]) -> None:
        """Make changes; see :class:`image_pipeline.disk.edits.Editor`."""
        wanted = list(changes)
        if not wanted:
            return
        with (
            tempfile.TemporaryDirectory(prefix='image-pipeline-') as name,
            reader.open_disk(self._disk) as disk,
        ):
            system = ext_files.ExtFileSystem(disk, self._start, self._size)
            script = _Script(files.FileTree(system), Path(name))
            lines = [line for one in wanted for line in script.lines(one)]
            path = Path(name) / 'commands'
            path.write_bytes(b''.join(line + b'\n' for line in lines))
            self._run(path)
        self._check()

    def recover(self) -> None:
        """Replay the journal, and mend what a crash leaves behind.

        What is changed in a file system with a journal that waits would be
        overwritten by it.

        :raises StageFailed: the file system is damaged, or there is no room
            for it beside the disk.
        """
        # e2fsck opens the file system anew after the journal, and forgets
        # the offset: it needs a file of its own.
        part = self._disk.with_suffix('.ext')
        try:
            with self._disk.open('rb') as disk, part.open('wb') as out:
                os.ftruncate(out.fileno(), self._size)
                self._copy(disk.fileno(), out.fileno(), self._start, 0)
            self._check(str(part))
            with part.open('rb') as mended, self._disk.open('r+b') as out:
                self._copy(mended.fileno(), out.fileno(), 0, self._start)
        except OSError as exc:
            raise sparse.no_room(part, exc) from exc
        finally:
            part.unlink(missing_ok=True)

    def _copy(self, source: int, target: int, start: int, to: int) -> None:
        """Copy the data of the file system; its holes are in both."""
        for first, last in sparse.data(
            source, start=start, end=start + self._size
        ):
            for offset in range(first, last, sparse.PIECE):
                piece = os.pread(
                    source, min(sparse.PIECE, last - offset), offset
                )
                os.pwrite(target, piece, offset - start + to)

    @property
    def _place(self) -> str:
        return f'{self._disk}?offset={self._start}'

    def _run(self, script: Path) -> None:
        # It exits with 0 whatever happens: what it complains of counts.
        done = self._host.run(['debugfs', '-w', '-f', script, self._place])
        said = [
            line
            for line in done.stderr.splitlines()
            if line.strip() and not line.startswith('debugfs ')
        ]
        if said:
            raise exceptions.StageFailed(
                f'{self._disk}: debugfs could not change the file system at '
                f'byte {self._start}: {said[0]}',
                hint='the disk is a copy; the image itself is unchanged',
            )

    def _check(self, place: str | None = None) -> None:
        # 1 and 2: mended, which is so for counts and what a journal says.
        done = self._host.run(
            ['e2fsck', '-f', '-p', place or self._place], ok=(0, 1, 2, 4, 8)
        )
        if done.returncode > 2:
            raise exceptions.StageFailed(
                f'{self._disk}: the file system at byte {self._start} is '
                f'damaged: {done.stdout.strip().splitlines()[-1:]}',
                hint='run e2fsck over the image that you started with',
            )


class _Script:
    """The commands of debugfs for changes.

    :param tree: the files before the first of them.
    :param folder: for new contents.
    """

    def __init__(self, tree: files.FileTree, folder: Path) -> None:
        self._tree = tree
        self._folder = folder
        self._made: set[str] = set()
        self._gone: set[str] = set()
        self._contents = 0

    def lines(self, change: edits.Edit) -> Iterator[bytes]:
        """Give the commands for one change."""
        path = change.path
        if isinstance(change, edits.Remove):
            yield from self._remove(path)
        elif isinstance(change, edits.Truncate):
            yield _command('punch', path, '0')
            yield _command('set_inode_field', path, 'size', '0')
        elif isinstance(change, edits.Mode):
            kind = _TYPES.get(self._tree.lstat(path).type, _REGULAR)
            mode = f'0{kind | change.mode:o}'
            yield _command('set_inode_field', path, 'mode', mode)
        elif isinstance(change, edits.Link):
            yield from self._replace(path)
            yield _command('symlink', path, change.target)
            self._made.add(path)
        else:
            yield from self._write(change)

    def _remove(self, path: str) -> Iterator[bytes]:
        if path == '/':
            raise exceptions.StageFailed('the root folder cannot be removed')
        stat = self._stat(path)
        if stat is None:
            return
        if stat.type is files.FileType.FOLDER:
            for name in self._tree.listdir(path):
                yield from self._remove(f'{path}/{name}')
            yield _command('rmdir', path)
        else:
            yield _command('rm', path)
        self._made.discard(path)
        self._gone.add(path)

    def _replace(self, path: str) -> Iterator[bytes]:
        yield from self._folders(path)
        if path in self._made:
            self._made.discard(path)
            yield _command('rm', path)
        else:
            yield from self._remove(path)

    def _folders(self, path: str) -> Iterator[bytes]:
        """Make the folders that a path needs."""
        parts = path.strip('/').split('/')[:-1]
        for count in range(1, len(parts) + 1):
            folder = '/' + '/'.join(parts[:count])
            if folder in self._made or self._stat(folder) is not None:
                continue
            yield _command('mkdir', folder)
            self._made.add(folder)

    def _write(self, change: edits.Write) -> Iterator[bytes]:
        path = change.path
        stat = self._stat(path)
        kept = stat is not None and stat.type is files.FileType.FILE
        attributes = self._tree.xattrs(path) if kept else {}
        mode = change.mode
        if mode is None:
            mode = stat.mode if stat is not None and kept else 0o644
        yield from self._replace(path)
        self._contents += 1
        content = self._folder / f'content-{self._contents}'
        content.write_bytes(change.content)
        yield _command('write', str(content), path)
        fields = {'mode': f'0{_REGULAR | mode:o}'}
        if stat is not None and kept:
            fields |= {'uid': str(stat.uid), 'gid': str(stat.gid)}
        for name, value in fields.items():
            yield _command('set_inode_field', path, name, value)
        for number, (name, raw) in enumerate(sorted(attributes.items())):
            held = self._folder / f'content-{self._contents}-{number}'
            held.write_bytes(raw)
            yield _command('ea_set', '-f', str(held), path, name)
        self._gone.discard(path)
        self._made.add(path)

    def _stat(self, path: str) -> inodes.Stat | None:
        if path in self._gone:
            return None
        try:
            return self._tree.lstat(path)
        except OSError as exc:
            if exc.errno in {errno.ENOENT, errno.ENOTDIR}:
                return None
            raise


def _command(name: str, *words: str) -> bytes:
    return b' '.join([name.encode(), *map(_quoted, words)])


def _quoted(word: str) -> bytes:
    """Quote a word for debugfs, whose shell doubles quotation marks."""
    raw = word.encode('utf-8', 'surrogateescape')
    if b'\n' in raw or b'\0' in raw:
        raise exceptions.StageFailed(
            f'{word!r} has a line break in its name: debugfs cannot change it',
            hint='remove it where the image is made',
        )
    if word and all(char.isalnum() or char in '/._-+:@' for char in word):
        return raw
    return b'"' + raw.replace(b'"', b'""') + b'"'
