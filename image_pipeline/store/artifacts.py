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

"""Artifacts by their digest: adopted once, then never changed."""

import dataclasses
import hashlib
import os
import re
import shutil
import stat
from pathlib import Path
from typing import Any

from image_pipeline import artifact, exceptions
from image_pipeline.host import cancellation
from image_pipeline.host import locks as host_locks
from image_pipeline.store import files, locks

_CHUNK = 4 << 20
#: Files up to this size are on disk before they are adopted, in bytes.
#: Larger ones would make a bake wait for the disk; they are hashed again
#: after the first reboot instead.
_SYNC_BELOW = 16 << 20
_PREFIX = 'sha256:'
_RECORD = '.signature.json'
_DIGEST = re.compile('sha256:[0-9a-f]{64}')


class Artifacts:
    """The files of artifacts: ``<root>/<sha256>/<file name>``, read-only.

    :param root: the folder; made when first needed.
    :param store_locks: the locks of the state folder.
    """

    def __init__(self, root: Path, store_locks: locks.Locks) -> None:
        self.root = root
        self._locks = store_locks

    def folder(self, digest: str) -> Path:
        """Return the folder of a digest.

        :param digest: ``sha256:`` and 64 hexadecimal digits.
        """
        return self.root / digest.removeprefix(_PREFIX)

    def adopt(
        self,
        made: artifact.Artifact,
        *,
        cancelled: cancellation.CancellationToken | None = None,
    ) -> artifact.Artifact:
        """Move a file in, unless its content is there already.

        The digest is computed while adopting.  One that the stage gave is
        taken if the size fits: the stage computed it while it wrote the
        file, in a folder of its own, and the conformance test compares.  A
        file that is in the store stays as it is.

        :param made: what a stage made; ``digest`` and ``size`` may be empty.
        :param cancelled: checked while hashing.
        :returns: the artifact as it is from now on.
        :raises StageFailed: its path is no regular file, or there is no
            space.
        :raises DigestMismatch: its digest is not what the stage said.
        """
        path = made.path
        if path.parent.parent == self.root:
            return self._adopted(made)
        try:
            mode = path.lstat().st_mode
        except FileNotFoundError:
            raise exceptions.StageFailed(
                f'the {made.kind} that was said to be made is not there: '
                f'{path}'
            ) from None
        if not stat.S_ISREG(mode):
            raise exceptions.StageFailed(
                f'the {made.kind} is not a regular file: {path}'
            )
        with files.explained(path):
            digest = self._given(made) or file_digest(path, cancelled)
            if made.digest and made.digest != digest:
                raise exceptions.DigestMismatch(
                    f'the {made.kind} {path} has the digest {digest}, not '
                    f'{made.digest}'
                )
            with self._locks.digest(digest.removeprefix(_PREFIX)):
                kept = self._move_in(path, digest)
        return dataclasses.replace(
            made, path=kept, digest=digest, size=kept.stat().st_size
        )

    def path(self, digest: str) -> Path | None:
        """Return the file of a digest, or None if it is not there.

        :param digest: ``sha256:`` and 64 hexadecimal digits.
        """
        record = files.load_json(self.folder(digest) / _RECORD)
        if not record:
            return None
        path = self.folder(digest) / record['name']
        return path if path.is_file() else None

    def located(self, known: artifact.Artifact) -> artifact.Artifact:
        """Return an artifact with the path that it has in this store.

        :param known: an artifact of a record; the state folder may have been
            moved since.
        """
        path = self.path(known.digest)
        if path is None:
            path = self.folder(known.digest) / known.path.name
        return dataclasses.replace(known, path=path)

    def present(self, known: artifact.Artifact) -> bool:
        """Whether the file is there, whatever is in it.

        :param known: the artifact.
        """
        return self.path(known.digest) is not None

    def verify(self, known: artifact.Artifact, *, deep: bool = False) -> bool:
        """Whether an artifact is there and still has its digest.

        A file whose stat signature is the remembered one is not read.

        :param known: the artifact.
        :param deep: read it anyway.
        """
        folder = self.folder(known.digest)
        record = files.load_json(folder / _RECORD)
        if not record:
            return False
        path = folder / record['name']
        try:
            info = path.lstat()
        except OSError:
            return False
        if not stat.S_ISREG(info.st_mode):
            return False
        trusted = record['synced'] or record['boot'] == _boot_id()
        if trusted and not deep and record['signature'] == _signature(info):
            return True
        try:
            if file_digest(path) != known.digest:
                return False
        except OSError:
            return False
        if os.access(folder, os.W_OK):
            # What was read after a reboot came from the disk.
            synced = record['synced'] or record['boot'] != _boot_id()
            self._remember(path, synced=synced)
        return True

    def discard(self, digest: str) -> bool:
        """Remove an artifact, unless a run leases it.

        :param digest: ``sha256:`` and 64 hexadecimal digits.
        :returns: whether it was removed.
        """
        folder = self.folder(digest)
        with self._locks.digest(digest.removeprefix(_PREFIX)):
            lease = host_locks.FileLock(folder)
            try:
                if not folder.is_dir():
                    return False
                lease.acquire(wait=False)
            except host_locks.Held:
                return False
            try:
                folder.chmod(0o700)
                shutil.rmtree(folder)
            finally:
                lease.release()
        return True

    def lease(self, digest: str) -> host_locks.FileLock:
        """Keep an artifact from being collected until released.

        :param digest: ``sha256:`` and 64 hexadecimal digits.
        :returns: the lock, held.
        :raises OSError: it is not there.
        """
        folder = self.folder(digest)
        if not folder.is_dir():
            raise FileNotFoundError(str(folder))
        lease = host_locks.FileLock(folder).acquire(shared=True)
        # Collection goes by the time of last use.
        os.utime(folder)
        return lease

    def _adopted(self, made: artifact.Artifact) -> artifact.Artifact:
        digest = _PREFIX + made.path.parent.name
        if made.digest and made.digest != digest:
            raise exceptions.DigestMismatch(
                f'the {made.kind} {made.path} has the digest {digest}, not '
                f'{made.digest}'
            )
        return dataclasses.replace(
            made, digest=digest, size=made.path.stat().st_size
        )

    def _given(self, made: artifact.Artifact) -> str | None:
        """Return the digest that the stage gave, if it can be taken."""
        fits = _DIGEST.fullmatch(made.digest)
        if fits and made.size == made.path.lstat().st_size:
            return made.digest
        return None

    def _move_in(self, path: Path, digest: str) -> Path:
        folder = self.folder(digest)
        there = self.path(digest)
        if there is not None:
            known = artifact.Artifact(
                kind='', path=there, digest=digest, size=0
            )
            if self.verify(known):
                os.utime(folder)
                path.unlink()
                return there
            folder.chmod(0o700)
            there.unlink()
        folder.mkdir(parents=True, exist_ok=True)
        small = path.lstat().st_size <= _SYNC_BELOW
        path.chmod(0o444)
        if small:
            fd = os.open(path, os.O_RDONLY)
            try:
                os.fsync(fd)
            finally:
                os.close(fd)
        kept = folder / path.name
        try:
            path.rename(kept)
        except OSError:
            # The work folder may be on another file system.
            shutil.copy2(path, kept)
            path.unlink()
        self._remember(kept, synced=small)
        return kept

    def _remember(self, path: Path, *, synced: bool) -> None:
        record: dict[str, Any] = {
            'name': path.name,
            'signature': _signature(path.lstat()),
            'synced': synced,
            'boot': _boot_id(),
        }
        files.save_json(path.parent / _RECORD, record, sync=synced)


def file_digest(
    path: Path, cancelled: cancellation.CancellationToken | None = None
) -> str:
    """Return ``sha256:`` and the digest of a file.

    :param path: the file.
    :param cancelled: checked between the pieces.
    :raises Interrupted: the run was cancelled.
    """
    digest = hashlib.sha256()
    buffer = bytearray(_CHUNK)
    view = memoryview(buffer)
    with path.open('rb', buffering=0) as file:
        while count := file.readinto(buffer):
            if cancelled:
                cancelled.check()
            digest.update(view[:count])
    return _PREFIX + digest.hexdigest()


def _signature(info: os.stat_result) -> list[int]:
    # Not ctime: linking the file into the catalogue changes it.
    return [info.st_size, info.st_mtime_ns, info.st_ino]


def _boot_id() -> str:
    try:
        return Path('/proc/sys/kernel/random/boot_id').read_text().strip()
    except OSError:
        return ''
