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

"""Locks between processes: a flock lives exactly as long as its holder."""

import contextlib
import fcntl
import json
import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from image_pipeline.host import cancellation

#: How long to sleep between two looks at a lock that is held, in seconds.
_PAUSE = 0.2


class Held(Exception):
    """Somebody else holds the lock.

    :param path: the lock's file.
    :param holder: what the holder wrote about itself, if anything.
    """

    def __init__(self, path: Path, holder: Mapping[str, Any]) -> None:
        super().__init__(f'{path} is held')
        self.path = path
        self.holder = holder


class FileLock:
    """A flock on a file (made if need be) or on a folder.

    The kernel drops it when the process dies, however it dies; children do
    not inherit it.  The file is never removed: a lock on a file that is
    gone excludes nobody.

    :param path: the file or folder.
    :param note: JSON values about the holder, for those who find it held.
    """

    def __init__(
        self, path: Path, *, note: Mapping[str, Any] | None = None
    ) -> None:
        self.path = path
        self.note = note
        self._fd: int | None = None

    @property
    def held(self) -> bool:
        """Whether this object holds the lock."""
        return self._fd is not None

    def acquire(
        self,
        *,
        shared: bool = False,
        wait: bool = True,
        cancelled: cancellation.CancellationToken | None = None,
        on_wait: Callable[[Mapping[str, Any]], object] | None = None,
    ) -> 'FileLock':
        """Take the lock.

        :param shared: others may hold it too, as long as they share it.
        :param wait: wait for it, instead of raising.
        :param cancelled: ends the waiting.
        :param on_wait: called once with the holder's note before waiting.
        :returns: itself, to be used in a ``with`` statement.
        :raises Held: it is held, and ``wait`` is false.
        :raises Interrupted: the run was cancelled while waiting.
        :raises OSError: the file could not be made or opened.
        """
        fd = self._open(shared)
        try:
            told = False
            how = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
            while not _try(fd, how):
                if not wait:
                    raise Held(self.path, self.holder())
                if on_wait and not told:
                    told = True
                    on_wait(self.holder())
                if cancelled:
                    cancelled.wait(_PAUSE)
                else:
                    time.sleep(_PAUSE)
            if self.note is not None and not shared:
                os.ftruncate(fd, 0)
                os.pwrite(fd, json.dumps(dict(self.note)).encode(), 0)
        except BaseException:
            os.close(fd)
            raise
        self._fd = fd
        return self

    def release(self) -> None:
        """Give the lock back; does nothing if it is not held."""
        fd, self._fd = self._fd, None
        if fd is not None:
            os.close(fd)

    def holder(self) -> Mapping[str, Any]:
        """Return what the last holder wrote about itself."""
        with contextlib.suppress(OSError, ValueError):
            value = json.loads(self.path.read_text())
            if isinstance(value, dict):
                return value
        return {}

    def _open(self, shared: bool) -> int:
        if self.path.is_dir():
            return os.open(self.path, os.O_RDONLY | os.O_DIRECTORY)
        if shared and self.path.exists():
            return os.open(self.path, os.O_RDONLY)
        return os.open(self.path, os.O_RDWR | os.O_CREAT, 0o644)

    def __enter__(self) -> 'FileLock':
        if self._fd is None:
            self.acquire()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.release()


def _try(fd: int, how: int) -> bool:
    try:
        fcntl.flock(fd, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
