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

"""Files of the state folder: written whole or not at all."""

import contextlib
import errno
import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from image_pipeline import exceptions

_FULL = (errno.ENOSPC, errno.EDQUOT)
_FORBIDDEN = (errno.EACCES, errno.EPERM, errno.EROFS)


@contextlib.contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn what the system refuses into a sentence for the user.

    :param path: what is worked on.
    :raises StageFailed: there is no space, or the system refused otherwise.
    :raises StateConflict: it may not be written.
    """
    try:
        yield
    except OSError as exc:
        raise explain(exc, path) from exc


def explain(exc: OSError, path: Path) -> exceptions.PipelineError:
    """Return the error to show for one of the system.

    :param exc: the system's.
    :param path: what was worked on, where the error does not name it.
    """
    where = exc.filename or path
    if exc.errno in _FULL:
        return exceptions.StageFailed(
            f'no space is left on the file system of {where}',
            hint='free some space (`image-pipeline reap` collects what is '
            'no longer needed), then `image-pipeline run resume`',
        )
    if exc.errno in _FORBIDDEN:
        return exceptions.StateConflict(
            f'{where} cannot be written: {exc.strerror}',
            hint='run as the user who owns the state folder, or set another '
            'one: [DEFAULT] state_dir',
        )
    return exceptions.StageFailed(f'{where}: {exc.strerror or exc}')


def load_json(path: Path) -> Any:
    """Return what a JSON file holds, or None if it cannot be read.

    :param path: the file.
    """
    try:
        return json.loads(path.read_text())
    except (OSError, ValueError):
        return None


def save_json(path: Path, value: Any, *, sync: bool = True) -> None:
    """Replace a JSON file at once.

    :param path: the file; its folder is made if need be.
    :param value: JSON values.
    :param sync: have it on disk before going on.
    :raises PipelineError: it could not be written; the old one is intact.
    """
    save_text(path, json.dumps(value, indent=1, sort_keys=True), sync=sync)


def save_text(path: Path, text: str, *, sync: bool = True) -> None:
    """Replace a text file at once.

    :param path: the file; its folder is made if need be.
    :param text: what it is to hold.
    :param sync: have it on disk before going on.
    :raises PipelineError: it could not be written; the old one is intact.
    """
    with explained(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(
            prefix=f'.{path.name}.', dir=path.parent
        )
        temporary = Path(name)
        try:
            with os.fdopen(handle, 'w') as file:
                file.write(text)
                file.flush()
                if sync:
                    os.fsync(file.fileno())
            temporary.chmod(0o644)
            temporary.replace(path)
            if sync:
                sync_folder(path.parent)
        finally:
            temporary.unlink(missing_ok=True)


def sync_folder(path: Path) -> None:
    """Have a folder's entries on disk.

    :param path: the folder.
    """
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
