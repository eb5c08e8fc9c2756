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

"""Whether a file of this host is open in any process."""

import fcntl
import os
import signal
from pathlib import Path


def find(path: Path) -> tuple[bool | None, tuple[str, ...]]:
    """Tell whether any process has a file open, by whatever name.

    A running QEMU has its image and every backing file open.  A machine that
    is switched off is not seen: nothing on the host knows of it.

    :param path: the file.
    :returns: whether it is open, None if that could not be found out; and
        those processes that may be seen, a line each.
    """
    seen, all_seen = _processes(path)
    if seen:
        return True, tuple(seen)
    leased = _lease(path)
    if leased is not None:
        return leased, () if not leased else ('a process that is not shown',)
    return (False if all_seen else None), ()


def _lease(path: Path) -> bool | None:
    """Ask the kernel: a write lease is only given if nobody has it open.

    It works for the owner of the file and for root, on local file systems
    (fcntl(2), F_SETLEASE).
    """
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        # Whoever opens it meanwhile would have us sent this signal.
        fcntl.fcntl(fd, fcntl.F_SETSIG, signal.SIGURG)
        fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_WRLCK)
    except BlockingIOError:
        return True
    except OSError:
        return None
    else:
        fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_UNLCK)
        return False
    finally:
        os.close(fd)


def _processes(path: Path) -> tuple[list[str], bool]:
    """Return who has it open, and whether every process could be asked."""
    try:
        wanted = path.stat()
    except OSError:
        return [], False
    found = []
    all_seen = True
    for folder in Path('/proc').glob('[0-9]*'):
        try:
            for entry in (folder / 'fd').iterdir():
                try:
                    info = entry.stat()
                except OSError:
                    continue
                if (info.st_dev, info.st_ino) == (
                    wanted.st_dev,
                    wanted.st_ino,
                ):
                    name = (folder / 'comm').read_text().strip()
                    found.append(f'process {folder.name} ({name})')
                    break
        except FileNotFoundError:
            continue
        except OSError:
            all_seen = False
    return found, all_seen
