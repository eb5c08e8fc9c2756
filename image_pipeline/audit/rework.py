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

"""Work on a copy of an image: change its files, clean it, write it out.

The image itself is read only.  What is changed is a raw copy; at the end its
free space is cleaned, so that what was removed is gone, and the copy is
written in the format that is wanted.
"""

import contextlib
import dataclasses
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from image_pipeline import exceptions
from image_pipeline.audit import view
from image_pipeline.disk import (
    edits,
    ext,
    ext_editor,
    ext_files,
    ext_free,
    fat_editor,
    qcow2_writer,
    reader,
    sleuthkit,
    sparse,
)
from image_pipeline.host import cancellation, process

#: The formats that a copy can be written in.
FORMATS = ('qcow2', 'raw')
#: What it runs, by the file systems in the image.
EXECUTABLES = tuple(sorted({*ext_editor.EXECUTABLES, *ext_free.EXECUTABLES}))
#: Names that would lie of what is in the file.
_OTHER_FORMATS = frozenset(
    {'.vmdk', '.vhd', '.vpc', '.vhdx', '.vdi', '.iso', '.ova'}
)
_PIECE = 4 << 20

Progress = Callable[[int, int], object]


class WorkingCopy:
    """A raw copy of an image, whose files can be changed.

    :param source: the image, in any format that is read.
    :param path: where the copy is made.
    :param host: runs e2fsprogs and mtools.
    :param cancelled: stops it.
    :param where: the folder that a message names if there is no room; None:
        that of the copy.
    """

    def __init__(
        self,
        source: Path,
        path: Path,
        *,
        host: process.Runner,
        cancelled: cancellation.CancellationToken,
        where: Path | None = None,
    ) -> None:
        self._path = path
        self._where = where or path.parent
        self._host = host
        self._cancelled = cancelled
        with reader.open_disk(source) as disk, path.open('wb') as out:
            self._expand(disk, out.fileno())
        self._recover()

    @contextlib.contextmanager
    def opened(self) -> Iterator[view.ImageView]:
        """Open the copy as it is now, for rules to look at."""
        with reader.open_disk(self._path) as disk:
            yield view.ImageView(disk)

    def apply(self, changes: Iterable[edits.Edit]) -> None:
        """Change files of the copy.

        :param changes: in their order.
        :raises StageFailed: a file system cannot be changed.
        """
        wanted: dict[str, list[edits.Edit]] = {}
        with self.opened() as image:
            mounted = dict(image.mounted)
        for change in changes:
            point = max(
                (one for one in mounted if _is_below(change.path, one)),
                key=len,
            )
            wanted.setdefault(point, []).append(change)
        for point, some in wanted.items():
            self._cancelled.check()
            editor = self._editor(point, mounted[point])
            editor.apply(_below(point, some))

    def finish(
        self,
        destination: Path,
        *,
        image_format: str,
        progress: Progress = lambda done, total: None,
    ) -> None:
        """Clean the free space and write the image.

        :param destination: the file; it appears at once, or not at all.
        :param image_format: one of :data:`FORMATS`.
        :param progress: told how many bytes are done, and of how many.
        :raises StageFailed: there is no space left.
        """
        clean = self._path.with_suffix('.clean')
        try:
            ext_free.copy_used(
                self._path, clean, self._free(), cancelled=self._cancelled
            )
        except OSError as exc:
            raise self._no_room(exc) from exc
        self._path.unlink()
        with sparse.complete(destination) as path:
            if image_format == 'raw':
                sparse.copy(clean, path)
            else:
                qcow2_writer.write(
                    clean,
                    path,
                    progress=progress,
                    cancelled=self._cancelled,
                )
        clean.unlink(missing_ok=True)

    def _expand(self, disk: reader.Disk, out: int) -> None:
        try:
            os.ftruncate(out, disk.size)
            for first, last in disk.filled(0, disk.size):
                for offset in range(first, last, _PIECE):
                    self._cancelled.check()
                    piece = disk.read(offset, min(_PIECE, last - offset))
                    if piece.strip(b'\0'):
                        os.pwrite(out, piece, offset)
        except OSError as exc:
            raise self._no_room(exc) from exc

    def _no_room(self, exc: OSError) -> exceptions.StageFailed:
        return exceptions.StageFailed(
            f'{self._where}: a raw copy of the image could not be written: '
            f'{exc.strerror or exc}',
            hint='it takes the room of all that is in the image, twice while '
            'free space is cleaned; free some there',
        )

    def _recover(self) -> None:
        """Replay journals, as a mount would, before anything is changed."""
        with self.opened() as image:
            left_open = [
                device
                for device in image.parts or (image.whole,)
                for block in device.blocks
                if isinstance(block, ext.ExtSuperblock) and not block.is_clean
            ]
        for device in left_open:
            self._cancelled.check()
            ext_editor.ExtEditor(
                self._path, device.start, device.size, host=self._host
            ).recover()

    def _editor(self, point: str, device: view.Device) -> edits.Editor:
        kinds = {block.kind for block in device.blocks}
        if kinds & ext_files.KINDS:
            return ext_editor.ExtEditor(
                self._path, device.start, device.size, host=self._host
            )
        if kinds & sleuthkit.KINDS:
            return fat_editor.FatEditor(
                self._path, device.start, host=self._host
            )
        system = device.file_system
        raise exceptions.StageFailed(
            f'the files at {point} are on '
            f'{system.kind if system else "an unknown file system"}, which '
            'cannot be changed without being mounted',
            hint='clean it where the image is made, or with virt-sysprep',
        )

    def _free(self) -> list[ext_free.Range]:
        free: list[ext_free.Range] = []
        with self.opened() as image:
            devices = image.parts or (image.whole,)
        for device in sorted(devices, key=lambda one: one.start):
            if {block.kind for block in device.blocks} & ext_files.KINDS:
                free += ext_free.free_ranges(
                    self._path, device.start, device.size, host=self._host
                )
        return free


def _is_below(path: str, point: str) -> bool:
    return point == '/' or path == point or path.startswith(f'{point}/')


def _below(point: str, changes: Iterable[edits.Edit]) -> Iterator[edits.Edit]:
    """Give changes as the file system at a mount point sees them."""
    for change in changes:
        path = change.path[len(point.rstrip('/')) :]
        yield dataclasses.replace(change, path=path or '/')


def format_of(destination: Path) -> str:
    """Return the format that a file is written in, by its name.

    :param destination: the file.
    :returns: one of :data:`FORMATS`: raw if its name ends with ``.raw``,
        else qcow2.
    :raises InvalidInput: the name is that of another format.
    """
    suffix = destination.suffix.lower()
    if suffix in _OTHER_FORMATS:
        raise exceptions.InvalidInput(
            f'{destination}: {suffix} files are not written',
            hint='name it .qcow2 or .raw; the stage convert, or qemu-img, '
            'makes other formats of that',
        )
    return 'raw' if suffix == '.raw' else 'qcow2'


@contextlib.contextmanager
def working_copy(
    source: Path,
    destination: Path,
    *,
    host: process.Runner,
    cancelled: cancellation.CancellationToken,
) -> Iterator[WorkingCopy]:
    """Make a copy beside the file that it becomes; it goes in the end.

    :param source: the image.
    :param destination: the file that :meth:`WorkingCopy.finish` makes.
    :param host: runs e2fsprogs and mtools.
    :param cancelled: stops it.
    """
    with tempfile.TemporaryDirectory(
        prefix='.image-pipeline-', dir=destination.parent
    ) as folder:
        yield WorkingCopy(
            source,
            Path(folder, 'copy.raw'),
            host=host,
            cancelled=cancelled,
            where=destination.parent,
        )


def rewrite(
    source: Path,
    destination: Path,
    changes: Iterable[edits.Edit],
    *,
    host: process.Runner,
    cancelled: cancellation.CancellationToken,
    progress: Progress = lambda done, total: None,
) -> None:
    """Write an image with some of its files changed.

    :param source: the image, in any format that is read.
    :param destination: the file to make: raw if its name ends with
        ``.raw``, else a compressed qcow2.
    :param changes: in their order.
    :param host: runs e2fsprogs and mtools.
    :param cancelled: stops it.
    :param progress: told how many bytes are written, and of how many.
    :raises InvalidInput: the name of the file is of another format.
    :raises StageFailed: a file system cannot be changed, or there is no
        space left.
    """
    image_format = format_of(destination)
    with working_copy(
        source, destination, host=host, cancelled=cancelled
    ) as copy:
        copy.apply(changes)
        copy.finish(
            destination,
            image_format=image_format,
            progress=progress,
        )
