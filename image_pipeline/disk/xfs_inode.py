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

"""The fields of an XFS inode.

Offsets are those of ``struct xfs_dinode`` in the kernel's
``fs/xfs/libxfs/xfs_format.h``.
"""

import struct
from typing import NamedTuple

from image_pipeline.disk import inodes

#: Formats of forks.
LOCAL, EXTENTS, TREE = 1, 2, 3
_REALTIME, _IMMUTABLE = 0x1, 0x8
_BIGTIME, _NREXT64 = 0x8, 0x10
_TYPES = {
    0x8000: inodes.FileType.FILE,
    0x4000: inodes.FileType.FOLDER,
    0xA000: inodes.FileType.LINK,
}
#: Mode, version, format, owner, group, mtime, size.
_CORE = struct.Struct('>2xHBB2xII24xQ8xQ')


class Fork(NamedTuple):
    """A file's content, or its extended attributes.

    :param format: local, extents or tree.
    :param data: its bytes in the inode.
    :param extents: how many runs of blocks it has.
    """

    format: int
    data: bytes
    extents: int


def problem(data: bytes, inode: int) -> str | None:
    """Return what is wrong with an inode, or None.

    :param data: its bytes.
    :param inode: its number.
    """
    if data[:2] != b'IN' or len(data) < 256:
        return 'is none'
    if data[4] not in (1, 2, 3) or _start(data) + data[82] * 8 > len(data):
        return 'makes no sense'
    if data[4] == 3 and data[152:160] != inode.to_bytes(8, 'big'):
        return 'is another one'
    return None


def kind(data: bytes) -> inodes.FileType:
    """Return what an inode is."""
    return _TYPES.get(data[2] << 8 & 0xF000, inodes.FileType.OTHER)


def size(data: bytes) -> int:
    """Return the bytes of a file."""
    return int.from_bytes(data[56:64], 'big')


def is_realtime(data: bytes) -> bool:
    """Tell whether a file's content is on a realtime device."""
    return bool(data[91] & _REALTIME)


def stat(data: bytes, inode: int, link: str | None) -> inodes.Stat:
    """Return what is known of an inode.

    :param data: its bytes.
    :param inode: its number.
    :param link: where it points, if it is a link.
    """
    mode, version, _, uid, gid, mtime, length = _CORE.unpack_from(data)
    if version == 3 and data[127] & _BIGTIME:
        # Nanoseconds since the earliest moment that 32 bits can tell.
        mtime = mtime // 1_000_000_000 - (1 << 31)
    else:
        mtime >>= 32
        mtime -= mtime >> 31 << 32
    return inodes.Stat(
        inode,
        kind(data),
        mode & 0o7777,
        uid,
        gid,
        length,
        link,
        mtime,
        bool(data[91] & _IMMUTABLE),
    )


def content(data: bytes) -> Fork:
    """Return the fork of a file's content."""
    begin = _start(data)
    end = begin + data[82] * 8 if data[82] else len(data)
    wide = _is_wide(data)
    form, place = ('>Q', 24) if wide else ('>I', 76)
    (count,) = struct.unpack_from(form, data, place)
    return Fork(data[5], data[begin:end], count)


def attributes(data: bytes) -> Fork | None:
    """Return the fork of extended attributes, or None if there is none."""
    if not data[82]:
        return None
    form, place = ('>I', 76) if _is_wide(data) else ('>H', 80)
    (count,) = struct.unpack_from(form, data, place)
    if data[83] != LOCAL and not count:
        return None
    return Fork(data[83], data[_start(data) + data[82] * 8 :], count)


def _is_wide(data: bytes) -> bool:
    """Tell whether counts of extents have 64 bits (nrext64)."""
    return data[4] == 3 and bool(data[127] & _NREXT64)


def _start(data: bytes) -> int:
    return 176 if data[4] == 3 else 100
