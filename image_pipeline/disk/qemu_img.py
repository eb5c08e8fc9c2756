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

"""``qemu-img``, always with the format said: it never has to guess.

A raw disk whose guest writes a qcow2 header would otherwise be taken for a
qcow2 file the next time, with whatever backing file that names.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from image_pipeline import exceptions
from image_pipeline.host import process

#: The program.
EXECUTABLE = 'qemu-img'


def info(
    path: Path, image_format: str, *, host: process.Runner
) -> Mapping[str, Any]:
    """Return what qemu-img knows of an image, without its backing files.

    :param path: the file.
    :param image_format: its format.
    :param host: runs the program.
    :raises ImageUnreadable: it is damaged, or of another format.
    """
    try:
        done = host.run(
            [EXECUTABLE, 'info', '-f', image_format, '--output=json', path],
            env={'LC_ALL': 'C'},
        )
        found = json.loads(done.stdout)
    except (exceptions.CommandFailed, ValueError) as exc:
        raise _unreadable(path, image_format, exc) from exc
    if not isinstance(found, dict):
        raise _unreadable(path, image_format, None)
    return found


def check(path: Path, image_format: str, *, host: process.Runner) -> None:
    """Check an image's own tables; a raw file has none.

    :param path: the file.
    :param image_format: its format.
    :param host: runs the program.
    :raises ImageUnreadable: they are damaged, or leak clusters.
    """
    if image_format == 'raw':
        return
    try:
        host.run(
            [EXECUTABLE, 'check', '-f', image_format, path],
            env={'LC_ALL': 'C'},
        )
    except exceptions.CommandFailed as exc:
        raise _unreadable(path, image_format, exc) from exc


def same_content(
    one: tuple[Path, str], other: tuple[Path, str], *, host: process.Runner
) -> bool:
    """Whether two images show a guest the same bytes.

    Zeros at the end of the longer one do not count.

    :param one: a file and its format.
    :param other: another.
    :param host: runs the program.
    :raises ImageUnreadable: one of them cannot be read.
    """
    try:
        done = host.run(
            [
                EXECUTABLE,
                'compare',
                '-f',
                one[1],
                '-F',
                other[1],
                one[0],
                other[0],
            ],
            env={'LC_ALL': 'C'},
            ok=(0, 1),
        )
    except exceptions.CommandFailed as exc:
        raise _unreadable(one[0], one[1], exc) from exc
    return done.returncode == 0


def create_overlay(
    path: Path,
    *,
    backing: Path,
    backing_format: str,
    size: int | None = None,
    host: process.Runner,
) -> None:
    """Make a qcow2 file that takes the writes which an image must not get.

    :param path: the file to make.
    :param backing: the image; it stays untouched.
    :param backing_format: its format.
    :param size: bytes of the disk; None: as the image has.
    :param host: runs the program.
    :raises CommandFailed: it could not be made.
    """
    host.run(
        [
            EXECUTABLE,
            'create',
            '-q',
            '-f',
            'qcow2',
            '-F',
            backing_format,
            '-b',
            backing.resolve(),
            path,
            *([str(size)] if size is not None else []),
        ],
        env={'LC_ALL': 'C'},
    )


def _unreadable(
    path: Path, image_format: str, exc: Exception | None
) -> exceptions.ImageUnreadable:
    why = ''
    if isinstance(exc, exceptions.CommandFailed) and exc.tail:
        why = f': {exc.tail[-1]}'
    return exceptions.ImageUnreadable(
        f'{path}: is not a sound {image_format} image{why}',
        hint='compare it with its checksum',
    )
