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

"""Files on their way into a directory catalogue."""

import contextlib
import errno
import os
from collections.abc import Callable, Iterator
from pathlib import Path

from image_pipeline import artifact, exceptions
from image_pipeline.disk import sparse
from image_pipeline.host import cancellation, locks, workspace
from image_pipeline.store import files

#: Why a second name for a file may be refused: another file system, a
#: setting (fs.protected_hardlinks), too many names, no such thing there.
_NO_LINK = (
    errno.EXDEV,
    errno.EPERM,
    errno.EACCES,
    errno.EMLINK,
    errno.EOPNOTSUPP,
)


class Incoming:
    """A folder for each file under way, locked as long as its maker lives.

    :param root: the folder of these folders; made when first needed.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def reserve(self, image_id: str) -> locks.FileLock:
        """Make the folder of one file.

        Nobody may call :meth:`drop_dead` meanwhile.

        :param image_id: the folder's name.
        :returns: its lock, held.
        :raises PipelineError: it could not be made.
        """
        folder = self.root / image_id
        with files.explained(folder):
            folder.mkdir(parents=True)
            return locks.FileLock(folder).acquire()

    @contextlib.contextmanager
    def taking(
        self,
        image: artifact.Artifact,
        lock: locks.FileLock,
        *,
        progress: Callable[[float, float | None, str], None],
        cancelled: cancellation.CancellationToken,
    ) -> Iterator[Path]:
        """Take a file in; it is gone at the end unless it was moved on.

        :param image: the file, and its digest.
        :param lock: what :meth:`reserve` returned.
        :param progress: told of the bytes copied, if they must be.
        :param cancelled: stops the copy.
        :returns: a context manager that gives the file, read-only.
        :raises DigestMismatch: it is not what its digest says.
        :raises PipelineError: it could not be copied.
        """
        folder = lock.path
        with lock, files.explained(folder), contextlib.ExitStack() as stack:
            stack.callback(workspace.remove_tree, folder)
            path = folder / 'image'
            size = image.path.stat().st_size
            if image.size and size != image.size:
                raise exceptions.DigestMismatch(
                    f'{image.path} has {size} bytes, not {image.size}'
                )
            try:
                path.hardlink_to(image.path.resolve())
            except OSError as exc:
                if exc.errno not in _NO_LINK:
                    raise
                _copy(image, path, progress=progress, cancelled=cancelled)
            if path.stat().st_mode & 0o222:
                path.chmod(0o444)
            yield path

    def drop(self, image_id: str) -> None:
        """Remove what is left of one file, if anything is.

        :param image_id: the name of its folder.
        """
        with files.explained(self.root / image_id):
            workspace.remove_tree(self.root / image_id)

    def drop_dead(self) -> list[str]:
        """Remove what belongs to nobody any more.

        :returns: what was removed, a line each.
        """
        done = []
        for folder in sorted(self.root.glob('*')):
            with contextlib.suppress(locks.Held, FileNotFoundError):
                with locks.FileLock(folder).acquire(wait=False):
                    self.drop(folder.name)
                done.append(f'removed the half registered image {folder.name}')
        return done


def _copy(
    image: artifact.Artifact,
    path: Path,
    *,
    progress: Callable[[float, float | None, str], None],
    cancelled: cancellation.CancellationToken,
) -> None:
    """Copy a file, share its blocks where possible, and compare digests."""
    with image.path.open('rb') as source, path.open('xb') as target:
        size = os.fstat(source.fileno()).st_size
        os.ftruncate(target.fileno(), size)
        for first, last in sparse.data(source.fileno()):
            offset = first
            while offset < last:
                cancelled.check()
                offset += sparse.copy_once(
                    source.fileno(), target.fileno(), offset, last - offset
                )
                progress(offset, size, 'B')
    found = sparse.digests(path, cancelled=cancelled)['sha256']
    if found != image.digest.removeprefix('sha256:'):
        raise exceptions.DigestMismatch(
            f'{image.path} has the digest sha256:{found}, not {image.digest}'
        )
