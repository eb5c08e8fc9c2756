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

"""Read a DOS partition table, with its chain of logical partitions."""

import dataclasses
import struct

from image_pipeline.disk import partitions, reader

_ENTRIES = 446
_SIGNATURE = b'\x55\xaa'
#: The kernel's own limit is 255 minors a disk.
_MOST_LOGICAL = 128


@dataclasses.dataclass(frozen=True, kw_only=True)
class Entry:
    """One of the four entries of a boot record.

    :param index: 0 to 3.
    :param boot: the boot flag's byte.
    :param start_chs: the three bytes of the old address.
    :param type: the type's byte.
    :param start: first sector.
    :param sectors: length in sectors.
    :param raw: its sixteen bytes.
    """

    index: int
    boot: int
    start_chs: bytes
    type: int
    start: int
    sectors: int
    raw: bytes

    @property
    def offset(self) -> int:
        """Where the entry is in its sector."""
        return _ENTRIES + 16 * self.index


def signed(sector: bytes) -> bool:
    """Tell whether a sector ends as a boot record does.

    :param sector: at least 512 bytes.
    """
    return sector[510:512] == _SIGNATURE


def is_fat(sector: bytes) -> bool:
    """Tell whether a boot record is a FAT file system's own.

    FAT boot sectors have the same signature; this is how Glance's inspector
    tells them apart.

    :param sector: at least 512 bytes.
    """
    return sector[0x10] == 2 and sector[0x15] == 0xF8


def entries(sector: bytes) -> list[Entry]:
    """Return the four entries of a boot record.

    :param sector: at least 512 bytes.
    """
    found = []
    for index in range(4):
        raw = bytes(sector[_ENTRIES + 16 * index :][:16])
        boot, chs, kind, _, start, sectors = struct.unpack('<B3sB3sII', raw)
        found.append(
            Entry(
                index=index,
                boot=boot,
                start_chs=chs,
                type=kind,
                start=start,
                sectors=sectors,
                raw=raw,
            )
        )
    return found


def glance_problems(sector: bytes) -> list[partitions.TableProblem]:
    """Return why Glance would refuse a disk with this boot record.

    These are the checks of oslo.utils' inspector (``check_mbr_partitions``),
    which runs on uploads of *raw* images as well.

    :param sector: the disk's first sector.
    """
    table = entries(sector)
    used = [entry.index for entry in table if entry.type]
    problems = []

    def problem(message: str, entry: Entry) -> None:
        problems.append(
            partitions.TableProblem(
                code='glance',
                message=f'{message}; Glance refuses it',
                offset=entry.offset,
                data=entry.raw.hex(),
            )
        )

    for entry in table:
        if entry.boot not in (0, 0x80):
            problem(
                f'entry {entry.index} of the boot record has the boot flag '
                f'{entry.boot:#04x}',
                entry,
            )
        if entry.type == 0xEE and entry.start_chs != b'\x00\x02\x00':
            problem('the protective entry has a wrong start address', entry)
        if entry.type == 0xEE and entry.start != 1:
            problem('the protective entry does not begin at sector 1', entry)
    protective = [entry for entry in table if entry.type == 0xEE]
    if protective and used != [0]:
        problem(
            'the boot record has entries beside the protective one (a '
            'hybrid MBR)',
            next((e for e in table if e.type not in (0, 0xEE)), protective[0]),
        )
    if not used:
        problem('the boot record has no partitions', table[0])
    return problems


def read(disk: reader.Disk, sector: bytes) -> partitions.PartitionTable:
    """Read the table.

    :param disk: the disk.
    :param sector: its first 512 bytes, signed.
    """
    disk_id = sector[440:444][::-1].hex()
    problems = glance_problems(sector)
    found: list[partitions.Partition] = []
    for entry in entries(sector):
        if not entry.type or not entry.sectors:
            continue
        kind = f'{entry.type:#04x}'
        if kind in partitions.MBR_EXTENDED:
            logical, wrong = _read_logical(disk, entry, disk_id)
            found += logical
            problems += wrong
            if entry.start * 512 >= disk.size:
                problems.append(_past_end(entry, disk))
            continue
        found.append(_partition(entry, entry.index + 1, 0, disk_id))
    found.sort(key=lambda part: part.number)
    problems += partitions.check_places(found, disk.size)
    return partitions.PartitionTable(
        scheme='mbr',
        sector_size=512,
        disk_id=disk_id,
        partitions=tuple(found),
        first_usable=512,
        last_usable=max(disk.size - 1, 0),
        problems=tuple(problems),
    )


def _partition(
    entry: Entry, number: int, base: int, disk_id: str
) -> partitions.Partition:
    return partitions.Partition(
        number=number,
        start=(base + entry.start) * 512,
        size=entry.sectors * 512,
        type=f'{entry.type:#04x}',
        uuid=f'{disk_id}-{number:02x}',
        flags=entry.boot,
        logical=number > 4,
        entry=base * 512 + entry.offset,
    )


def _read_logical(
    disk: reader.Disk, extended: Entry, disk_id: str
) -> tuple[list[partitions.Partition], list[partitions.TableProblem]]:
    """Follow the chain of boot records in an extended partition."""
    found: list[partitions.Partition] = []
    problems: list[partitions.TableProblem] = []
    seen: set[int] = set()
    here = extended.start
    while True:
        if here in seen or len(found) >= _MOST_LOGICAL:
            why = 'goes round in a circle' if here in seen else 'is too long'
            problems.append(_chain_problem(why, here))
            break
        seen.add(here)
        sector = disk.read(here * 512, 512)
        if len(sector) < 512 or not signed(sector):
            problems.append(_chain_problem('is broken', here))
            break
        first, follow = entries(sector)[:2]
        if first.type and first.sectors:
            found.append(_partition(first, 5 + len(found), here, disk_id))
        if f'{follow.type:#04x}' not in partitions.MBR_EXTENDED:
            break
        here = extended.start + follow.start
    return found, problems


def _chain_problem(why: str, sector: int) -> partitions.TableProblem:
    return partitions.TableProblem(
        code='logical-chain',
        message=f'the chain of logical partitions {why} at sector {sector}',
        offset=sector * 512,
    )


def _past_end(entry: Entry, disk: reader.Disk) -> partitions.TableProblem:
    return partitions.TableProblem(
        code='past-end',
        message=f'the extended partition begins at byte {entry.start * 512}, '
        f'the disk ends at {disk.size}',
        offset=entry.offset,
        data=entry.raw.hex(),
    )
