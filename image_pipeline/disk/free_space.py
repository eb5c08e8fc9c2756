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

"""How much of a file system is free, and whether that was cleaned."""

import dataclasses
import struct
from collections.abc import Iterable, Iterator, Sequence

from image_pipeline import exceptions
from image_pipeline.disk import (
    ext,
    ext_bitmaps,
    reader,
    signatures,
    xfs,
    xfs_free,
)

#: Bytes that are looked at where less than all is read.
SAMPLE = 64 << 20
#: Bytes that are read at most where each piece is another request.
_REMOTE_SAMPLE = 4 << 20
_PIECE = 64 << 10
_STEP = 4096

Range = tuple[int, int]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Usage:
    """What a file system says of its own room.

    :param size: bytes of all its blocks.
    :param free: bytes of those that are free.
    :param inodes: how many files there can be; None if there is no limit
        but room.
    :param free_inodes: how many more there can be.
    """

    size: int
    free: int
    inodes: int | None = None
    free_inodes: int | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Residue:
    """What was left in free space.

    :param free: bytes that are free.
    :param dirty: bytes of them that are not zero, in steps of 4 KiB; an
        estimate if not all were read.
    :param first: a byte of the disk that is not zero; None if there is none.
    :param sampled: whether this is an estimate.
    """

    free: int
    dirty: int
    first: int | None
    sampled: bool


def usage(disk: reader.Disk, block: signatures.Superblock) -> Usage | None:
    """Return how much room a file system has, or None if that is not read.

    :param disk: the disk.
    :param block: its superblock.
    """
    if isinstance(block, ext.ExtSuperblock):
        data = disk.read(block.start + ext.SUPERBLOCK, 64)
        (inodes,) = struct.unpack_from('<I', data)
        (free_inodes,) = struct.unpack_from('<I', data, 16)
        return Usage(
            size=block.blocks * block.block_size,
            free=min(block.free_blocks, block.blocks) * block.block_size,
            inodes=inodes,
            free_inodes=min(free_inodes, inodes),
        )
    if isinstance(block, xfs.XfsSuperblock):
        data = disk.read(block.offset, 512)
        size, blocks = struct.unpack_from('>IQ', data, 4)
        (free,) = struct.unpack_from('>Q', data, 144)
        return Usage(size=blocks * size, free=min(free, blocks) * size)
    return None


def free(
    disk: reader.Disk, block: signatures.Superblock, size: int
) -> Iterator[Range]:
    """Give what is free in a file system, as ranges of the disk.

    :param disk: the disk.
    :param block: its superblock.
    :param size: bytes of its partition.
    :raises ImageUnreadable: it is damaged, or of a kind whose free space is
        not read.
    """
    if isinstance(block, ext.ExtSuperblock):
        return ext_bitmaps.free(signatures.Part(disk, block.start, size))
    if isinstance(block, xfs.XfsSuperblock):
        if not block.log_clean:
            raise exceptions.ImageUnreadable(
                f'the file system at byte {block.offset}: its log may '
                'hold newer numbers'
            )
        return xfs_free.free(signatures.Part(disk, block.offset, size))
    raise exceptions.ImageUnreadable(
        f'what is free in {block.kind} is not read'
    )


def residue(
    disk: reader.Disk, ranges: Iterable[Range], sample: int = SAMPLE
) -> Residue:
    """Look for what is not zero in free space.

    What the disk's own tables know to be zero is not read.  Of more than
    ``sample`` bytes, pieces at even distances are; fewer of them where the
    disk lies elsewhere.

    :param disk: the disk.
    :param ranges: what is free.
    :param sample: bytes that are read at most.
    :raises ImageUnreadable: the disk is damaged.
    """
    if disk.source is not None:
        sample = min(sample, _REMOTE_SAMPLE)
    total = 0
    filled: list[Range] = []
    for start, end in ranges:
        total += end - start
        filled += disk.filled(start, end)
    length = sum(end - start for start, end in filled)
    sampled = length > sample
    dirty = looked = 0
    first: int | None = None
    for start, end in _pieces(filled, length, sample):
        data = disk.read(start, end - start)
        looked += end - start
        if data.count(0) == len(data):
            continue
        for place in range(0, len(data), _STEP):
            step = data[place : place + _STEP]
            if step.count(0) == len(step):
                continue
            dirty += len(step)
            if first is None:
                first = start + place + len(step) - len(step.lstrip(b'\0'))
    if sampled and looked:
        dirty = dirty * length // looked
    return Residue(free=total, dirty=dirty, first=first, sampled=sampled)


def _pieces(
    filled: Sequence[Range], length: int, sample: int
) -> Iterator[Range]:
    """Give all ranges in pieces, or pieces at even distances of them."""
    distance = _PIECE * max(-(-length // max(sample, _PIECE)), 1)
    # Where the next piece begins, counted in what is filled.
    wanted = passed = 0
    for start, end in filled:
        while wanted < passed + end - start:
            first = start + max(wanted - passed, 0)
            last = min(first + _PIECE, end)
            yield first, last
            # The rest of a piece lies in the next range.
            wanted += last - first if distance == _PIECE else distance
        passed += end - start
