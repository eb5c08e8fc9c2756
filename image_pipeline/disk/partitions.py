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

"""Partition tables as values, and the words that their types have.

:mod:`~image_pipeline.disk.mbr` and :mod:`~image_pipeline.disk.gpt` make them
of a disk's bytes; :func:`image_pipeline.disk.tables.read` chooses.
"""

import dataclasses
from collections.abc import Iterable

#: Partition types of a GPT (UEFI 2.10, section 5.3; Discoverable Partitions
#: Specification), as ``sgdisk -i`` prints them.
ESP = 'C12A7328-F81F-11D2-BA4B-00A0C93EC93B'
BIOS_BOOT = '21686148-6449-6E6F-744E-656564454649'
PREP = '9E1A2D38-C612-4316-AA26-8B49521E5A8B'
XBOOTLDR = 'BC13C2FF-59E6-4262-A352-B275FD6F7172'
LINUX = '0FC63DAF-8483-4772-8E79-3D69D8477DE4'
ROOT_X86_64 = '4F68BCE3-E8CD-4DB1-96E7-FBCAF984B709'
ROOT_ARM64 = 'B921B045-1DF0-41C3-AF44-4C6F280D3FAE'
SWAP = '0657FD6D-A4AB-43C4-84E5-0933C84B4F4F'
LVM = 'E6D6D379-F507-44C2-A23C-238F2A3DF928'
LUKS = 'CA7D7CCB-63ED-4C53-861C-1742536059CC'
RAID = 'A19D880F-05FC-4D3B-A006-743F0F84911E'

#: Partition types of an MBR, written like those of a GPT: as text.
MBR_SWAP, MBR_LVM, MBR_RAID = '0x82', '0x8e', '0xfd'
MBR_ESP, MBR_PREP, MBR_PROTECTIVE = '0xef', '0x41', '0xee'
MBR_EXTENDED = frozenset({'0x05', '0x0f', '0x85'})

#: The root file system's own types.
ROOT_TYPES = frozenset({ROOT_X86_64, ROOT_ARM64})
#: What a machine needs beside its root, in order to boot.
BOOT_TYPES = frozenset({ESP, BIOS_BOOT, PREP, XBOOTLDR, MBR_ESP, MBR_PREP})

#: Starts of partitions are multiples of this: every disk's erase block and
#: every RAID stripe divides it.
ALIGNMENT = 1 << 20


@dataclasses.dataclass(frozen=True, kw_only=True)
class Partition:
    """One partition.

    :param number: as the kernel numbers it.
    :param start: first byte on the disk.
    :param size: length in bytes.
    :param type: GUID in capitals, or ``0x83`` and the like.
    :param uuid: PARTUUID, lower case, or None.
    :param name: its name in a GPT.
    :param flags: a GPT's attributes; an MBR's boot flag.
    :param logical: whether it lies in an extended partition.
    :param entry: where its entry is, in bytes on the disk.
    """

    number: int
    start: int
    size: int
    type: str
    uuid: str | None = None
    name: str = ''
    flags: int = 0
    logical: bool = False
    entry: int = 0

    @property
    def end(self) -> int:
        """The first byte after it."""
        return self.start + self.size


@dataclasses.dataclass(frozen=True, kw_only=True)
class TableProblem:
    """Something that is wrong with a partition table.

    :param code: one word for it, such as ``header-crc``.
    :param message: one line for a person.
    :param offset: where, in bytes on the disk.
    :param data: the bytes there, as hexadecimal digits.
    :param fatal: whether tools or firmware may refuse the disk; otherwise
        it is only slow or untidy.
    """

    code: str
    message: str
    offset: int
    data: str | None = None
    fatal: bool = True


@dataclasses.dataclass(frozen=True, kw_only=True)
class PartitionTable:
    """A disk's partition table.

    :param scheme: ``gpt`` or ``mbr``.
    :param sector_size: bytes in a logical sector, 512 or 4096.
    :param disk_id: the disk's GUID, or an MBR's signature.
    :param partitions: in the order of their numbers.
    :param first_usable: first byte that a partition may have.
    :param last_usable: last byte that a partition may have.
    :param problems: what is wrong with it.
    """

    scheme: str
    sector_size: int
    disk_id: str
    partitions: tuple[Partition, ...]
    first_usable: int
    last_usable: int
    problems: tuple[TableProblem, ...] = ()


def check_places(
    partitions: Iterable[Partition], disk_size: int
) -> list[TableProblem]:
    """Return what is wrong with where partitions lie.

    :param partitions: of one table, in any order.
    :param disk_size: bytes of the disk.
    """
    problems = []
    end, before = 0, None
    for part in sorted(partitions, key=lambda part: (part.start, part.end)):
        if part.end > disk_size:
            problems.append(
                TableProblem(
                    code='past-end',
                    message=f'partition {part.number} ends at byte '
                    f'{part.end}, the disk at {disk_size}',
                    offset=part.entry,
                )
            )
        if before is not None and part.start < end:
            problems.append(
                TableProblem(
                    code='overlap',
                    message=f'partitions {before.number} and {part.number} '
                    'overlap',
                    offset=part.entry,
                )
            )
        if part.start % ALIGNMENT:
            problems.append(
                TableProblem(
                    code='unaligned',
                    message=f'partition {part.number} begins at byte '
                    f'{part.start}, which is no multiple of 1 MiB',
                    offset=part.entry,
                    fatal=False,
                )
            )
        if part.end > end:
            end, before = part.end, part
    return problems
