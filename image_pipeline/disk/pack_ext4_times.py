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

"""Make an ext4 file system's times those of the tree it was made of.

``mke2fs -d`` copies a file's access and status times, too, which no copy of
a tree keeps.  They are set to the modification time here, in place: with the
checksum of each inode, which is linear, so that only the changed bytes count
(format: https://docs.kernel.org/filesystems/ext4/).
"""

import struct
from pathlib import Path
from typing import BinaryIO

_SUPERBLOCK = 1024
_MAGIC = 0xEF53
_RO_METADATA_CSUM = 0x400
_INCOMPAT_64BIT = 0x80
_GROUP_INODE_UNINIT = 0x1
#: Offsets in an inode of atime, ctime and mtime, each with its extra bits.
_ATIME, _CTIME, _MTIME = 0x08, 0x0C, 0x10
_CTIME_EXTRA, _MTIME_EXTRA, _ATIME_EXTRA = 0x84, 0x88, 0x8C
_CHECKSUM_LOW, _CHECKSUM_HIGH = 0x7C, 0x82
_SIZE = 256


def clamp(disk: Path, *, offset: int) -> None:
    """Set every inode's access and status time to its modification time.

    A file system of another shape than :mod:`.pack_ext4` makes is left as
    it is.

    :param disk: the file that holds it.
    :param offset: the file system's first byte.
    """
    with disk.open('r+b') as file:
        file.seek(offset + _SUPERBLOCK)
        superblock = file.read(1024)
        (magic,) = struct.unpack_from('<H', superblock, 0x38)
        (inode_size,) = struct.unpack_from('<H', superblock, 0x58)
        (ro_compatible,) = struct.unpack_from('<I', superblock, 0x64)
        if (
            magic != _MAGIC
            or inode_size != _SIZE
            or not ro_compatible & _RO_METADATA_CSUM
        ):
            return
        deltas = _Deltas()
        for start, count in _inode_tables(file, offset, superblock):
            file.seek(start)
            table = bytearray(file.read(count * _SIZE))
            if _clamp_table(table, deltas):
                file.seek(start)
                file.write(table)


def _inode_tables(
    file: BinaryIO, offset: int, superblock: bytes
) -> list[tuple[int, int]]:
    """Return where each group's inodes lie, and how many may be in use."""
    blocks, _, _, _, first_block, log_size = struct.unpack_from(
        '<6I', superblock, 0x04
    )
    per_group, _, inodes_per_group = struct.unpack_from(
        '<3I', superblock, 0x20
    )
    (incompatible,) = struct.unpack_from('<I', superblock, 0x60)
    block = 1024 << log_size
    wide = bool(incompatible & _INCOMPAT_64BIT)
    size = struct.unpack_from('<H', superblock, 0xFE)[0] if wide else 32
    groups = -(-(blocks - first_block) // per_group)
    file.seek(offset + (first_block + 1) * block)
    descriptors = file.read(groups * size)
    tables = []
    for group in range(groups):
        at = group * size
        (table,) = struct.unpack_from('<I', descriptors, at + 0x08)
        flags, unused = struct.unpack_from('<H8xH', descriptors, at + 0x12)
        if wide:
            table |= struct.unpack_from('<I', descriptors, at + 0x28)[0] << 32
            unused |= struct.unpack_from('<H', descriptors, at + 0x32)[0] << 16
        if not flags & _GROUP_INODE_UNINIT and inodes_per_group > unused:
            tables.append((offset + table * block, inodes_per_group - unused))
    return tables


def _clamp_table(table: bytearray, deltas: '_Deltas') -> bool:
    changed = False
    for at in range(0, len(table), _SIZE):
        time = table[at + _MTIME : at + _MTIME + 4]
        extra = table[at + _MTIME_EXTRA : at + _MTIME_EXTRA + 4]
        checksum = 0
        for field, value in (
            (_ATIME, time),
            (_CTIME, time),
            (_ATIME_EXTRA, extra),
            (_CTIME_EXTRA, extra),
        ):
            if table[at + field : at + field + 4] != value:
                for index in range(4):
                    position = at + field + index
                    checksum ^= deltas.of(
                        field + index, table[position] ^ value[index]
                    )
                table[at + field : at + field + 4] = value
                changed = True
        if checksum:
            for field, part in (
                (_CHECKSUM_LOW, checksum & 0xFFFF),
                (_CHECKSUM_HIGH, checksum >> 16),
            ):
                (stored,) = struct.unpack_from('<H', table, at + field)
                struct.pack_into('<H', table, at + field, stored ^ part)
    return changed


class _Deltas:
    """What a changed byte of an inode does to the inode's CRC-32C."""

    def __init__(self) -> None:
        self._table = [_crc_step(byte) for byte in range(256)]
        self._known: dict[int, list[int]] = {}

    def of(self, position: int, difference: int) -> int:
        """Return what to xor to the checksum.

        :param position: of the byte in the inode.
        :param difference: the byte's old value xor its new one.
        """
        if position not in self._known:
            self._known[position] = self._position(position)
        return self._known[position][difference]

    def _position(self, position: int) -> list[int]:
        bits = []
        for bit in range(8):
            value = self._table[1 << bit]
            for _ in range(_SIZE - position - 1):
                value = self._table[value & 0xFF] ^ (value >> 8)
            bits.append(value)
        return [
            _xor(bits[bit] for bit in range(8) if byte >> bit & 1)
            for byte in range(256)
        ]


def _crc_step(byte: int) -> int:
    """Return one entry of the table of the (reflected) Castagnoli CRC."""
    for _ in range(8):
        byte = (byte >> 1) ^ (0x82F63B78 if byte & 1 else 0)
    return byte


def _xor(values: object) -> int:
    total = 0
    for value in values:  # type: ignore[attr-defined]
        total ^= value
    return total
