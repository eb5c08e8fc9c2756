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

"""Write an ext4 file system, filled from a tree, into a place of a disk."""

import os
import stat
from collections.abc import Sequence
from pathlib import Path

from image_pipeline.disk import pack_ext4_times
from image_pipeline.host import process

MIB = 1 << 20
_BLOCK = 4096
_INODE = 256
#: Bytes of the file system for each inode: e2fsprogs' own default, written
#: down because the host's mke2fs.conf must not matter.
_INODE_RATIO = 16384
#: MiB; large enough for a file system that grows a thousandfold
#: (diskimage-builder's value, lib/disk-image-create).
_JOURNAL = 64
#: What mke2fs makes by default since 1.43, written down so that the host's
#: version does not matter.  Without metadata_csum_seed (e2fsprogs 1.47, GRUB
#: before 2.12 refuses it) and orphan_file (kernel 5.15, e2fsprogs 1.47).
_FEATURES = (
    'none,has_journal,ext_attr,resize_inode,dir_index,filetype,extent,64bit,'
    'flex_bg,sparse_super,large_file,huge_file,dir_nlink,extra_isize,'
    'metadata_csum'
)
#: The file system can grow online to this many times its size, or to 1 TiB,
#: whichever is more: reserved blocks for group descriptors.
_GROWTH = 1024
#: Free space of a new root file system: this many bytes or this share of its
#: size, whichever is more.
_FREE_BYTES = 300 * MIB
_FREE_SHARE = 0.10
#: Share of the blocks that only root may use.
_RESERVED_PERCENT = 1


def size_for(tree: Path) -> int:
    """Return the bytes that a file system for a tree needs, headroom too.

    :param tree: the folder whose content it gets.
    """
    blocks, inodes = usage(tree)
    content = blocks * _BLOCK + _JOURNAL * MIB
    # Fixed shares of the size: inode tables, reserved blocks; bitmaps and
    # group descriptors are far below one per mille each.
    share = _INODE / _INODE_RATIO + _RESERVED_PERCENT / 100 + 0.002
    size = max(
        (content + _FREE_BYTES) / (1 - share),
        content / (1 - share - _FREE_SHARE),
        inodes * 1.1 * _INODE_RATIO,
    )
    # The blocks reserved for growth: 7 copies at most at this size, of one
    # block for each 8 GiB of the final size.
    reserved = 7 * _BLOCK * (_resize_blocks(int(size)) * _BLOCK >> 33)
    return -(-int(size + reserved) // MIB) * MIB


def usage(tree: Path) -> tuple[int, int]:
    """Return how many 4 KiB blocks and inodes a tree's content takes.

    :param tree: the folder; hard links count once, holes not at all.
    """
    blocks = inodes = 0
    seen: set[tuple[int, int]] = set()
    for folder, folders, files in os.walk(tree):
        names = 0
        for name in (*folders, *files):
            status = os.lstat(os.path.join(folder, name))  # noqa: PTH118 - hot
            names += 8 + len(os.fsencode(name)) + 4
            mode = status.st_mode
            if not stat.S_ISDIR(mode) and status.st_nlink > 1:
                key = (status.st_dev, status.st_ino)
                if key in seen:
                    continue
                seen.add(key)
            inodes += 1
            if stat.S_ISREG(mode):
                used = min(status.st_size, status.st_blocks * 512)
                blocks += -(-used // _BLOCK)
            elif stat.S_ISLNK(mode) and status.st_size >= 60:
                blocks += 1
        # A folder of one block; htree leaves are three quarters full.
        blocks += 1 if names < _BLOCK else 1 + -(-names * 4 // (3 * _BLOCK))
    return blocks, inodes + 1


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
    """Make the file system and fill it.

    :param disk: the disk's file; the place must be zero.
    :param offset: the file system's first byte.
    :param size: its bytes.
    :param label: its label.
    :param uuid: its UUID; directory hashes are seeded with it, too.
    :param tree: the folder whose content it gets, or None.
    :param options: further words for mke2fs; ``-E`` lists are merged.
    :param timestamp: seconds since the epoch, for what has no time in the
        tree.
    :param host: runs mke2fs.
    :raises CommandFailed: mke2fs failed.
    """
    extended = {
        'offset': str(offset),
        'hash_seed': uuid,
        'root_owner': '0:0',
        'resize': str(_resize_blocks(size)),
        # Nothing has to be zeroed, neither now nor by the guest's kernel at
        # its first mount.
        'assume_storage_prezeroed': '1',
    }
    words, given = split_options(options)
    argv: list[str | os.PathLike[str]] = [
        'mke2fs',
        '-q',
        '-F',
        *('-t', 'ext4'),
        *('-b', str(_BLOCK)),
        *('-I', str(_INODE)),
        *('-m', str(_RESERVED_PERCENT)),
        *('-O', _FEATURES),
        *('-L', label),
        *('-U', uuid),
        *words,
        '-E',
        ','.join(
            key if value is None else f'{key}={value}'
            for key, value in ({**extended, **given}).items()
        ),
    ]
    if tree is not None:
        argv += ['-d', tree]
    host.run(
        [*argv, disk, f'{size // 1024}k'],
        # SOURCE_DATE_EPOCH alone is not enough before e2fsprogs 1.47.1.
        env={
            'E2FSPROGS_FAKE_TIME': str(timestamp),
            'SOURCE_DATE_EPOCH': str(timestamp),
            'MKE2FS_CONFIG': '/nonexistent',
        },
    )
    pack_ext4_times.clamp(disk, offset=offset)


def split_options(
    options: Sequence[str],
) -> tuple[list[str], dict[str, str | None]]:
    """Return mke2fs's words without ``-E``, and what the ``-E`` lists say.

    mke2fs takes the last of several ``-E``, so theirs and ours must be one.
    ``-i 4096``, which diskimage-builder always gives, would make every
    sixteenth byte an inode table: it is taken for no wish at all.

    :param options: words as diskimage-builder hands them on.
    """
    words: list[str] = []
    extended: dict[str, str | None] = {}
    rest = [word for word in options if word]
    while rest:
        word = rest.pop(0)
        if word == '-E' and rest:
            for item in rest.pop(0).split(','):
                key, equals, value = item.partition('=')
                extended[key] = value if equals else None
        elif word == '-i' and rest:
            ratio = rest.pop(0)
            words += ['-i', str(_INODE_RATIO) if ratio == '4096' else ratio]
        else:
            words.append(word)
    if '-i' not in words and '-N' not in words:
        words += ['-i', str(_INODE_RATIO)]
    if '-J' not in words:
        words += ['-J', f'size={_JOURNAL}']
    return words, extended


def _resize_blocks(size: int) -> int:
    return max(size * _GROWTH, 1 << 40) // _BLOCK
