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

"""Work folders: make them empty, and take them away whole."""

import contextlib
import os
import re
import shutil
import stat
from pathlib import Path

from image_pipeline import exceptions

_OCTAL = re.compile(r'\\([0-7]{3})')


def make_empty(path: Path, *, mode: int = 0o700) -> Path:
    """Make an empty folder; what was there is removed.

    :param path: the folder.
    :param mode: its mode.
    :raises StateConflict: something is mounted in what was there.
    """
    remove_tree(path)
    path.mkdir(parents=True, mode=mode)
    return path


def mounts_below(path: Path) -> list[Path]:
    """Return the mount points at or below a path, the deepest first.

    :param path: an absolute path.
    """
    try:
        lines = Path('/proc/self/mountinfo').read_text().splitlines()
    except OSError:
        return []
    root = Path(os.path.realpath(path))
    found = set()
    for line in lines:
        # Field 5 of proc_pid_mountinfo(5), with octal escapes.
        name = _OCTAL.sub(
            lambda match: chr(int(match[1], 8)), line.split(' ')[4]
        )
        point = Path(name)
        if point == root or root in point.parents:
            found.add(point)
    return sorted(found, key=lambda point: len(point.parts), reverse=True)


def remove_tree(path: Path) -> None:
    """Remove a file or a folder with all that is in it, if it is there.

    A symlink is removed, not what it points to.  A tree in which something
    is mounted is left alone: it could be the host's own /dev.

    :param path: an absolute path of two parts at least.
    :raises StateConflict: something is mounted in it, or the path is not one
        that we would have made.
    :raises OSError: it could not be removed.
    """
    if not path.is_absolute() or len(path.parts) < 3 or '..' in path.parts:
        raise exceptions.StateConflict(f'{path} is not ours to remove')
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISDIR(mode):
        path.unlink(missing_ok=True)
        return
    mounted = mounts_below(path)
    if mounted:
        raise exceptions.StateConflict(
            f'{path} cannot be removed: {mounted[0]} is mounted',
            hint='run `umount '
            + ' '.join(str(point) for point in mounted)
            + '`, then `image-pipeline reap`',
        )
    shutil.rmtree(path, onerror=_make_writable)


def _make_writable(function: object, name: str, info: object) -> None:
    """Try again after making the folder writable, for those not root."""
    path = Path(name)
    error = info[1] if isinstance(info, tuple) else None
    if isinstance(error, FileNotFoundError):
        return
    with contextlib.suppress(OSError):
        path.parent.chmod(0o700)
    if path.is_symlink() or not path.is_dir():
        path.unlink(missing_ok=True)
        return
    path.chmod(0o700)
    for entry in list(path.iterdir()):
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry, onerror=_make_writable)
        else:
            entry.unlink(missing_ok=True)
    path.rmdir()
