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

"""Write a FAT32 file system, filled from a tree, into a place of a disk."""

import tempfile
from pathlib import Path

from image_pipeline.host import process

_CHUNK = 1 << 16


def write(
    disk: Path,
    *,
    offset: int,
    size: int,
    label: str,
    volume_id: str,
    tree: Path | None,
    timestamp: int,
    host: process.Runner,
) -> None:
    """Make the file system beside the disk, fill it, and copy it in.

    mkfs.vfat cannot write to an offset of a larger file.

    :param disk: the disk's file; the place must be zero.
    :param offset: the file system's first byte.
    :param size: its bytes.
    :param label: its label, 11 characters at most.
    :param volume_id: eight hexadecimal digits.
    :param tree: the folder whose content it gets, or None.
    :param timestamp: seconds since the epoch, for every file.
    :param host: runs mkfs.vfat and mtools.
    :raises CommandFailed: a tool failed: it is too small, for one.
    """
    environment = {
        # mtools takes its dates from it, and knows local time only.
        'SOURCE_DATE_EPOCH': str(timestamp),
        'TZ': 'UTC',
        'MTOOLS_SKIP_CHECK': '1',
    }
    with tempfile.TemporaryDirectory(dir=disk.parent, prefix='.fat.') as name:
        image = Path(name) / 'fat'
        with image.open('wb') as file:
            file.truncate(size)
        host.run(
            [
                'mkfs.vfat',
                *('-F', '32'),
                # One sector a cluster: FAT32 has 65525 clusters at least.
                *('-s', '1'),
                *('-n', label),
                # Fixed times; it also sets an id, so ours comes after it.
                '--invariant',
                *('-i', volume_id),
                image,
            ]
        )
        if tree is not None:
            _copy_in(image, tree, host, environment)
        copy_sparse(image, disk, offset)


def _copy_in(
    image: Path, tree: Path, host: process.Runner, environment: dict[str, str]
) -> None:
    # Sorted, and folder by folder: `mcopy -s` takes the order of the disk.
    for folder in sorted([tree, *(p for p in tree.rglob('*') if p.is_dir())]):
        inside = folder.relative_to(tree).as_posix()
        target = '::/' if folder == tree else f'::/{inside}'
        if folder != tree:
            host.run(['mmd', '-i', image, target], env=environment)
        files = sorted(path for path in folder.iterdir() if path.is_file())
        if files:
            host.run(
                ['mcopy', '-Q', '-i', image, *files, target], env=environment
            )


def copy_sparse(source: Path, disk: Path, offset: int) -> None:
    """Copy a file to an offset of a disk; zeros stay holes.

    :param source: the file.
    :param disk: the disk's file; the place must be zero.
    :param offset: where it goes.
    """
    zeros = bytes(_CHUNK)
    with source.open('rb') as read, disk.open('r+b') as write:
        position = offset
        while chunk := read.read(_CHUNK):
            if chunk != zeros[: len(chunk)]:
                write.seek(position)
                write.write(chunk)
            position += len(chunk)
