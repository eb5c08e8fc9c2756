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
import tempfile
from collections.abc import Sequence
from pathlib import Path

from image_pipeline.disk import pack_ext4, pack_fat
from image_pipeline.host import process

MIB = 1 << 20
#: mkfs.btrfs wants chunks for data and twice for metadata beside the content.
_OVERHEAD = 512 * MIB


def size_for(tree: Path) -> int:
    """Return the bytes that a file system for a tree needs, headroom too.

    :param tree: the folder whose content it gets.
    """
    blocks, _ = pack_ext4.usage(tree)
    content = blocks * 4096
    return -(-int(content * 1.25 + _OVERHEAD) // MIB) * MIB


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
        pack_fat.copy_sparse(image, disk, offset)
