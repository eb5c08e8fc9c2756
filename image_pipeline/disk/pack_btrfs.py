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

"""Write a btrfs file system, filled from a tree, into a place of a disk."""

import os
import stat
import tempfile
from collections.abc import Sequence
from pathlib import Path

from image_pipeline import exceptions
from image_pipeline.disk import pack_fat
from image_pipeline.host import process

MIB = 1 << 20
#: The smallest file system, with the first chunks of each kind.
_LEAST = 256 * MIB
_SECTOR = 4096
#: What mkfs.btrfs reckons for an inode's metadata, before it is doubled:
#: three names of the greatest length and a sector.  btrfs_mkfs_size_dir of
#: btrfs-progs, mkfs/rootdir.c.
_INODE = 3 * 4096 + _SECTOR


def size_for(tree: Path) -> int:
    """Return the bytes that a file system for a tree needs, headroom too.

    mkfs.btrfs has a guess of its own, far above what it takes in the end, and
    makes the file system that large whatever the place is.  So this is never
    below that guess; what is left of it is the headroom.

    :param tree: the folder whose content it gets.
    """
    data = inodes = 0
    for folder, folders, files in os.walk(tree):
        for name in (*folders, *files):
            status = os.lstat(os.path.join(folder, name))  # noqa: PTH118 - hot
            inodes += 1
            if stat.S_ISREG(status.st_mode):
                data += -(-status.st_size // _SECTOR) * _SECTOR
    metadata = 2 * (inodes * _INODE + data // 8)
    return -(-(data + metadata + _LEAST) // MIB) * MIB


def write(
    disk: Path,
    *,
    offset: int,
    size: int,
    label: str,
    uuid: str,
    tree: Path | None,
    options: Sequence[str],
    timestamp: int,
    host: process.Runner,
) -> None:
    """Make the file system beside the disk, fill it, and copy it in.

    mkfs.btrfs cannot write to an offset of a larger file.  It takes inode
    times and chunk UUIDs of its own, so it is not reproducible.

    :param disk: the disk's file; the place must be zero.
    :param offset: the file system's first byte.
    :param size: its bytes.
    :param label: its label.
    :param uuid: its UUID.
    :param tree: the folder whose content it gets, or None.
    :param options: further words for mkfs.btrfs.
    :param timestamp: seconds since the epoch.
    :param host: runs mkfs.btrfs.
    :raises CommandFailed: mkfs.btrfs failed.
    :raises StageFailed: it made more of it than there is room for.
    """
    with tempfile.TemporaryDirectory(
        dir=disk.parent, prefix='.btrfs.'
    ) as name:
        image = Path(name) / 'btrfs'
        with image.open('wb') as file:
            file.truncate(size)
        argv: list[str | os.PathLike[str]] = [
            'mkfs.btrfs',
            '--quiet',
            *('--label', label),
            *('--uuid', uuid),
            *options,
        ]
        if tree is not None:
            argv += ['--rootdir', tree]
        host.run([*argv, image], env={'SOURCE_DATE_EPOCH': str(timestamp)})
        if image.stat().st_size > size:
            raise exceptions.StageFailed(
                f'mkfs.btrfs takes {image.stat().st_size} bytes where there '
                f'are {size}',
                hint='take ext4, or a larger size for the partition',
            )
        pack_fat.copy_sparse(image, disk, offset)
