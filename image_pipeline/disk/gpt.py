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

"""Read a GUID partition table, the first one or its backup.

The format is chapter 5 of the UEFI specification (2.10).
"""

import dataclasses
import struct
import uuid
import zlib

from image_pipeline.disk import mbr, partitions, reader

MAGIC = b'EFI PART'
_HEADER = struct.Struct('<8sIIIIQQQQ16sQIII')
#: Bytes of entries that are read at most; the usual table has 16 KiB.
_MOST_ENTRIES = 1 << 20


@dataclasses.dataclass(frozen=True, kw_only=True)
class Header:
    """A header, of the first table or of the backup.

    :param lba: the sector that it lies in.
    :param crc_ok: whether its checksum is right.
    :param my_lba: the sector that it says it lies in.
    :param other_lba: where it says the other one is.
    :param first_usable: first sector for partitions.
    :param last_usable: last sector for partitions.
    :param guid: the disk's GUID.
    :param entries_lba: where the entries are.
    :param count: how many entries there are.
    :param entry_size: bytes in an entry.
    :param entries_crc: checksum of the entries.
    :param crc: the checksum that is written in it.
    """

    lba: int
    crc_ok: bool
    my_lba: int
    other_lba: int
    first_usable: int
    last_usable: int
    guid: str
    entries_lba: int
    count: int
    entry_size: int
    entries_crc: int
    crc: int

    @property
    def entries_possible(self) -> bool:
        """Whether size and number of entries make sense."""
        return (
            128 <= self.entry_size <= 4096
            and self.entry_size % 8 == 0
            and 0 < self.count * self.entry_size <= _MOST_ENTRIES
        )


def sector_size(disk: reader.Disk) -> int | None:
    """Return in which sectors a GPT counts, or None if there is none.

    :param disk: the disk.
    """
    for size in (512, 4096):
        if disk.read(size, 8) == MAGIC:
            return size
    return None


def read_header(disk: reader.Disk, lba: int, sector: int) -> Header | None:
    """Read a header, or None if there is none.

    :param disk: the disk.
    :param lba: the sector to look at.
    :param sector: bytes in a sector.
    """
    data = disk.read(lba * sector, sector)
    if len(data) < _HEADER.size or not data.startswith(MAGIC):
        return None
    (_, _, length, crc, _, my_lba, other_lba, first, last, guid, entries_lba,
     count, entry_size, entries_crc) = _HEADER.unpack_from(data)  # fmt: skip
    crc_ok = False
    if _HEADER.size <= length <= len(data):
        blank = data[:16] + bytes(4) + data[20:length]
        crc_ok = zlib.crc32(blank) == crc
    return Header(
        lba=lba,
        crc_ok=crc_ok,
        my_lba=my_lba,
        other_lba=other_lba,
        first_usable=first,
        last_usable=last,
        guid=str(uuid.UUID(bytes_le=guid)).upper(),
        entries_lba=entries_lba,
        count=count,
        entry_size=entry_size,
        entries_crc=entries_crc,
        crc=crc,
    )


def read(disk: reader.Disk, first: bytes) -> partitions.PartitionTable | None:
    """Read the table, or None if there is none, not even a backup.

    :param disk: the disk.
    :param first: its first 512 bytes.
    """
    sector = sector_size(disk) or 512
    last_lba = disk.size // sector - 1
    primary = read_header(disk, 1, sector)
    backup = read_header(disk, last_lba, sector) if last_lba > 1 else None
    if primary is None and backup is None:
        return None
    problems = _check_protective(first)
    problems += _check_pair(primary, backup, disk, sector)
    header, entries = _choose(disk, primary, backup, sector, problems)
    found: list[partitions.Partition] = []
    if entries is not None:
        found = _read_entries(header, entries, sector, problems)
        problems += partitions.check_places(found, disk.size)
        problems += _check_usable(found, header, sector)
    return partitions.PartitionTable(
        scheme='gpt',
        sector_size=sector,
        disk_id=header.guid,
        partitions=tuple(found),
        first_usable=header.first_usable * sector,
        last_usable=(header.last_usable + 1) * sector - 1,
        problems=tuple(problems),
    )


def _problem(
    code: str, message: str, offset: int, data: str | None = None
) -> partitions.TableProblem:
    return partitions.TableProblem(
        code=code, message=message, offset=offset, data=data
    )


def _check_protective(first: bytes) -> list[partitions.TableProblem]:
    if not mbr.signed(first):
        return [
            _problem(
                'protective-mbr',
                'the boot record does not end in 55 AA',
                510,
                first[510:512].hex(),
            )
        ]
    problems = mbr.glance_problems(first)
    if not any(entry.type == 0xEE for entry in mbr.entries(first)):
        problems.append(
            _problem(
                'protective-mbr',
                'the boot record has no protective entry (type 0xee)',
                446,
                first[446:462].hex(),
            )
        )
    return problems


def _check_pair(
    primary: Header | None,
    backup: Header | None,
    disk: reader.Disk,
    sector: int,
) -> list[partitions.TableProblem]:
    problems = []
    last_lba = disk.size // sector - 1
    for name, header, lba in (
        ('first', primary, 1),
        ('backup', backup, last_lba),
    ):
        if header is None:
            # Without a first header it is the backup that was found.
            problems.append(
                _problem(
                    f'{name}-missing',
                    f'there is no {name} GPT header in sector {lba}',
                    max(lba, 0) * sector,
                )
            )
            continue
        if not header.crc_ok:
            problems.append(
                _problem(
                    'header-crc',
                    f'the {name} GPT header has a wrong checksum',
                    lba * sector + 16,
                    f'{header.crc:08x}',
                )
            )
        if header.my_lba != lba:
            problems.append(
                _problem(
                    'header-place',
                    f'the {name} GPT header says that it is in sector '
                    f'{header.my_lba}, it is in {lba}',
                    lba * sector + 24,
                )
            )
    if primary is not None and primary.other_lba != last_lba:
        problems.append(
            _problem(
                'backup-place',
                f'the backup is said to be in sector {primary.other_lba}, '
                f'the last one is {last_lba}',
                sector + 32,
            )
        )
    if primary is not None and backup is not None:
        ours = (primary.guid, primary.count, primary.entries_crc)
        if ours != (backup.guid, backup.count, backup.entries_crc):
            problems.append(
                _problem(
                    'backup-differs',
                    'the backup is of another table than the first one',
                    last_lba * sector,
                )
            )
    return problems


def _choose(
    disk: reader.Disk,
    primary: Header | None,
    backup: Header | None,
    sector: int,
    problems: list[partitions.TableProblem],
) -> tuple[Header, bytes | None]:
    """Return the header to go by, and its entries if they can be read.

    The first one is taken unless it is damaged and the backup is not.
    """
    headers = [header for header in (primary, backup) if header is not None]
    whole = None
    for header in headers:
        name = 'first' if header is primary else 'backup'
        offset = header.entries_lba * sector
        if not header.entries_possible:
            problems.append(
                _problem(
                    'entries',
                    f'the {name} GPT header has {header.count} entries of '
                    f'{header.entry_size} bytes',
                    header.lba * sector + 80,
                )
            )
            continue
        length = header.count * header.entry_size
        data = disk.read(offset, length)
        good = len(data) == length and zlib.crc32(data) == header.entries_crc
        if not good:
            problems.append(
                _problem(
                    'entries-crc',
                    f'the entries of the {name} GPT have a wrong checksum',
                    offset,
                )
            )
        if good and header.crc_ok:
            return header, data
        if whole is None and len(data) == length:
            whole = header, data
    return whole or (headers[0], None)


def _read_entries(
    header: Header,
    data: bytes,
    sector: int,
    problems: list[partitions.TableProblem],
) -> list[partitions.Partition]:
    found = []
    for index in range(header.count):
        raw = data[index * header.entry_size :][: header.entry_size]
        if raw[:16] == bytes(16):
            continue
        first, last, flags = struct.unpack_from('<QQQ', raw, 32)
        offset = header.entries_lba * sector + index * header.entry_size
        if last < first:
            problems.append(
                _problem(
                    'backwards',
                    f'partition {index + 1} ends before it begins',
                    offset,
                    raw[32:48].hex(),
                )
            )
            continue
        name = raw[56:128].decode('utf-16-le', 'replace').partition('\0')[0]
        found.append(
            partitions.Partition(
                number=index + 1,
                start=first * sector,
                size=(last - first + 1) * sector,
                type=str(uuid.UUID(bytes_le=raw[:16])).upper(),
                uuid=str(uuid.UUID(bytes_le=raw[16:32])),
                name=name,
                flags=flags,
                entry=offset,
            )
        )
    return found


def _check_usable(
    found: list[partitions.Partition], header: Header, sector: int
) -> list[partitions.TableProblem]:
    first = header.first_usable * sector
    last = (header.last_usable + 1) * sector
    return [
        _problem(
            'unusable',
            f'partition {part.number} lies outside of the usable sectors '
            f'{header.first_usable} to {header.last_usable}',
            part.entry,
        )
        for part in found
        if part.start < first or part.end > last
    ]
