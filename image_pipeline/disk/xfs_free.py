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

"""What is free in an XFS file system, by the B-trees of its groups.

The format is the kernel's ``fs/xfs/libxfs/xfs_format.h``: each allocation
group has a B-tree of free extents, ordered by their place.
"""

import struct
from collections.abc import Iterator

from image_pipeline import exceptions
from image_pipeline.disk import signatures

#: Each group has at least 16 MiB, and mkfs makes four of them at least.
_MOST_GROUPS = 4096
#: Blocks of trees that are read; each names 500 extents.
_MOST_NODES = 16_384
_MOST_LEVELS = 9
#: Length of a block's head, by its magic: of version 5 and before.
_HEADS = {b'AB3B': 56, b'ABTB': 16}

Range = tuple[int, int]


def free(part: signatures.Part) -> Iterator[Range]:
    """Give the free ranges of a file system, in bytes of the disk.

    Blocks that are kept for the trees themselves are not among them.

    :param part: where it lies.
    :raises ImageUnreadable: it is damaged.
    """
    head = part.read(0, 512)
    if len(head) < 512 or head[:4] != b'XFSB':
        raise _unreadable(part, 'there is no superblock')
    block, size = struct.unpack_from('>IQ', head, 4)
    per_group, groups = struct.unpack_from('>II', head, 84)
    (sector,) = struct.unpack_from('>H', head, 102)
    if (
        not 512 <= block <= 65536
        or not 512 <= sector <= 32768
        or groups > _MOST_GROUPS
        or not per_group
    ):
        raise _unreadable(part, 'its superblock makes no sense')
    nodes = _MOST_NODES
    for group in range(groups):
        start = group * per_group * block
        length = min(per_group, max(size - group * per_group, 0))
        data = part.read(start + sector, 36)
        if len(data) < 36 or data[:4] != b'XAGF':
            raise _unreadable(part, f'group {group} has no head')
        root, _, _, levels = struct.unpack_from('>IIII', data, 16)
        leaf = _first_leaf(part, start, block, root, levels)
        while leaf != 0xFFFFFFFF:
            nodes -= 1
            if nodes < 0 or leaf >= per_group:
                raise _unreadable(part, f'group {group} is damaged')
            data = part.read(start + leaf * block, block)
            begin = _head(part, data)
            (count,) = struct.unpack_from('>H', data, 6)
            if begin + count * 8 > len(data):
                raise _unreadable(part, f'group {group} is damaged')
            for place, blocks in struct.iter_unpack(
                '>II', data[begin : begin + count * 8]
            ):
                if place + blocks > length:
                    raise _unreadable(part, f'group {group} is damaged')
                first = part.start + start + place * block
                yield first, first + blocks * block
            (leaf,) = struct.unpack_from('>I', data, 12)


def _first_leaf(
    part: signatures.Part, start: int, block: int, root: int, levels: int
) -> int:
    """Walk down a group's tree, always to the left."""
    if not 1 <= levels <= _MOST_LEVELS:
        raise _unreadable(part, 'a tree of free space has no root')
    here = root
    for _ in range(levels - 1):
        data = part.read(start + here * block, block)
        begin = _head(part, data)
        # Keys of 8 bytes come first, as many as fit with their pointers.
        most = (block - begin) // 12
        (here,) = struct.unpack_from('>I', data, begin + most * 8)
    return here


def _head(part: signatures.Part, data: bytes) -> int:
    begin = _HEADS.get(data[:4])
    if begin is None or len(data) < 512:
        raise _unreadable(part, 'a tree of free space is damaged')
    return begin


def _unreadable(part: signatures.Part, why: str) -> exceptions.ImageUnreadable:
    return exceptions.ImageUnreadable(
        f'the file system at byte {part.start}: {why}'
    )
