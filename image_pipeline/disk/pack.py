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

"""Make a bootable GPT disk of file trees: no loop device, no mount, no root.

Each file system is written by its own tool into its place in the disk file,
so that free space is zero by construction, and the same trees give the same
disk, byte for byte.
"""

import dataclasses
import os
import uuid
from collections.abc import Sequence
from pathlib import Path

from image_pipeline import exceptions
from image_pipeline.disk import pack_btrfs, pack_ext4, pack_fat, pack_grub
from image_pipeline.host import process

MIB = 1 << 20
SECTOR = 512
#: Partitions start at multiples of this; so does what follows the last one.
ALIGNMENT = MIB
#: What :func:`derive` derives from, so that a seed gives other UUIDs here
#: than wherever else it is used.
_NAMESPACE = uuid.UUID('5b1f9c1c-6e27-5d3c-8f0a-0f6c2d9f4b11')

#: sgdisk's code of the partition that GRUB is put into.
TYPE_BIOS_BOOT = 'EF02'
#: Type GUIDs by sgdisk's codes, which DIB's layouts are written in (UAPI
#: Discoverable Partitions Specification; sgdisk(8)).
_TYPES = {
    '8200': '0657FD6D-A4AB-43C4-84E5-0933C84B4F4F',  # swap
    '8300': '0FC63DAF-8483-4772-8E79-3D69D8477DE4',  # Linux file system
    '8302': '933AC7E1-2EB4-4F13-B844-0E14E2AEF915',  # /home
    '8303': '44479540-F297-41B2-9AF7-D131D5F0458A',  # root, x86
    '8304': '4F68BCE3-E8CD-4DB1-96E7-FBCAF984B709',  # root, x86-64
    '8305': 'B921B045-1DF0-41C3-AF44-4C6F280D3FAE',  # root, arm64
    'EA00': 'BC13C2FF-59E6-4262-A352-B275FD6F7172',  # /boot (XBOOTLDR)
    'EF00': 'C12A7328-F81F-11D2-BA4B-00A0C93EC93B',  # EFI system
    'EF02': '21686148-6449-6E6F-744E-656564454649',  # BIOS boot
}
#: The file systems that can be made of a tree.
FILE_SYSTEMS = ('ext4', 'btrfs', 'vfat')


@dataclasses.dataclass(frozen=True, kw_only=True)
class FileSystem:
    """A file system and what goes into it.

    :param kind: one of :data:`FILE_SYSTEMS`.
    :param label: its label.
    :param uuid: its UUID; a FAT volume takes the first 32 bits of it.
    :param tree: the folder whose content it gets; None: nothing.
    :param options: further words for its mkfs; ``-E`` lists are merged.
    """

    kind: str
    label: str
    uuid: uuid.UUID
    tree: Path | None = None
    options: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True, kw_only=True)
class Partition:
    """One partition, in disk order.

    :param name: its name in the table.
    :param type: sgdisk's code, such as ``EF00``, or a type GUID.
    :param size: bytes; None: as its file system's content needs.
    :param file_system: None: the partition is raw.
    """

    name: str
    type: str
    size: int | None = None
    file_system: FileSystem | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Placed:
    """Where a partition came to lie.

    :param partition: what was asked for.
    :param offset: its first byte in the disk.
    :param size: its bytes.
    """

    partition: Partition
    offset: int
    size: int


def derive(seed: str, name: str) -> uuid.UUID:
    """Return a UUID that the same seed and name always give.

    :param seed: the identity of what is built.
    :param name: what the UUID is for.
    """
    return uuid.uuid5(_NAMESPACE, f'{seed}/{name}')


def type_guid(code: str) -> str:
    """Return the GUID of a partition type.

    :param code: sgdisk's code, or the GUID itself.
    :raises StageFailed: it is neither.
    """
    if code.upper() in _TYPES:
        return _TYPES[code.upper()]
    try:
        return str(uuid.UUID(code)).upper()
    except ValueError as exc:
        raise exceptions.StageFailed(
            f'"{code}" is no partition type that is known here',
            hint=f'take one of {", ".join(_TYPES)}, or a type GUID',
        ) from exc


def volume_id(value: uuid.UUID) -> str:
    """Return a FAT volume's id as Linux spells it, such as ``1A2B-3C4D``.

    :param value: the UUID that the id is taken of.
    """
    digits = value.hex[:8].upper()
    return f'{digits[:4]}-{digits[4:]}'


def place(
    partitions: Sequence[Partition], *, minimum_size: int = 0
) -> tuple[Placed, ...]:
    """Say where each partition comes to lie.

    Partitions without a size of their own get what their content needs, and
    the last one grows to fill the disk's least size.

    :param partitions: in disk order.
    :param minimum_size: bytes that the disk has at least.
    :raises StageFailed: the trees do not fit what was asked for.
    """
    placed: list[Placed] = []
    offset = ALIGNMENT
    for partition in partitions:
        size = partition.size
        if size is None:
            size = _needed(partition)
        size = _round_up(size)
        placed.append(Placed(partition=partition, offset=offset, size=size))
        offset += size
    spare = _round_up(minimum_size) - (offset + ALIGNMENT)
    if spare > 0 and placed and placed[-1].partition.size is None:
        last = placed[-1]
        placed[-1] = dataclasses.replace(last, size=last.size + spare)
    return tuple(placed)


def pack(
    disk: Path,
    partitions: Sequence[Partition],
    *,
    seed: str,
    host: process.Runner,
    boot_tree: Path | None = None,
    minimum_size: int = 0,
) -> tuple[Placed, ...]:
    """Write a disk; it appears at ``disk`` when it is complete.

    :param disk: the raw file to make.
    :param partitions: in disk order; without a size they get what they need.
    :param seed: the GUIDs of disk and partitions derive from it.
    :param host: runs the tools.
    :param boot_tree: the root tree whose ``boot/grub/i386-pc`` holds what
        BIOS starts; needed where there is a BIOS-boot partition.
    :param minimum_size: bytes that the disk has at least.
    :returns: where the partitions lie.
    :raises StageFailed: the trees do not fit what was asked for.
    :raises CommandFailed: a tool failed.
    """
    placed = place(partitions, minimum_size=minimum_size)
    timestamp = max(
        (
            newest(one.partition.file_system.tree)
            for one in placed
            if one.partition.file_system and one.partition.file_system.tree
        ),
        default=0,
    )
    partial = disk.with_name(f'{disk.name}.partial')
    partial.unlink(missing_ok=True)
    try:
        end = placed[-1].offset + placed[-1].size if placed else ALIGNMENT
        with partial.open('wb') as file:
            file.truncate(end + ALIGNMENT)
        _write_table(partial, placed, seed=seed, host=host)
        for one in placed:
            _fill(partial, one, timestamp=timestamp, host=host)
            if one.partition.type == TYPE_BIOS_BOOT:
                if boot_tree is None:
                    raise exceptions.StageFailed(
                        'there is a BIOS-boot partition, but nothing to '
                        'put into it'
                    )
                pack_grub.embed(
                    partial, boot_tree, offset=one.offset, size=one.size
                )
        partial.replace(disk)
    finally:
        partial.unlink(missing_ok=True)
    return placed


def newest(tree: Path) -> int:
    """Return the time of the youngest file of a tree, in whole seconds.

    It stands for the time at which the tree was made: file systems made of
    the same tree then bear the same times.

    :param tree: the folder.
    """
    found = 0
    for folder, folders, files in os.walk(tree):
        for name in (*folders, *files):
            status = os.lstat(os.path.join(folder, name))  # noqa: PTH118 - hot
            found = max(found, int(status.st_mtime))
    return found


def _write_table(
    disk: Path, placed: Sequence[Placed], *, seed: str, host: process.Runner
) -> None:
    script = ['label: gpt', f'label-id: {derive(seed, "disk")}']
    for one in placed:
        partition = one.partition
        fields = {
            'start': one.offset // SECTOR,
            'size': one.size // SECTOR,
            'type': type_guid(partition.type),
            'uuid': derive(seed, f'partition/{partition.name}'),
            'name': f'"{partition.name}"',
        }
        script.append(', '.join(f'{key}={fields[key]}' for key in fields))
    # Not sgdisk, which syncs every disk of the host, and sleeps.
    host.run(
        ['sfdisk', '--quiet', '--no-reread', '--no-tell-kernel', disk],
        stdin='\n'.join(script) + '\n',
    )


def _needed(partition: Partition) -> int:
    file_system = partition.file_system
    if file_system is None:
        raise exceptions.StageFailed(
            f'the partition "{partition.name}" has no file system and no size',
            hint='give it a `size` in the block-device layout',
        )
    if file_system.tree is None or file_system.kind == 'vfat':
        raise exceptions.StageFailed(
            f'the partition "{partition.name}" needs a size',
            hint='give it a `size` in the block-device layout',
        )
    if file_system.kind == 'btrfs':
        return pack_btrfs.size_for(file_system.tree)
    return pack_ext4.size_for(file_system.tree)


def _fill(
    disk: Path, one: Placed, *, timestamp: int, host: process.Runner
) -> None:
    file_system = one.partition.file_system
    if file_system is None:
        return
    if file_system.kind == 'vfat':
        pack_fat.write(
            disk,
            offset=one.offset,
            size=one.size,
            label=file_system.label,
            volume_id=file_system.uuid.hex[:8],
            tree=file_system.tree,
            timestamp=timestamp,
            host=host,
        )
        return
    writers = {'ext4': pack_ext4.write, 'btrfs': pack_btrfs.write}
    if file_system.kind not in writers:
        raise exceptions.StageFailed(
            f'a {file_system.kind} file system cannot be made of a tree',
            hint=f'take one of {", ".join(FILE_SYSTEMS)}',
        )
    writers[file_system.kind](
        disk,
        offset=one.offset,
        size=one.size,
        label=file_system.label,
        uuid=str(file_system.uuid),
        tree=file_system.tree,
        options=file_system.options,
        timestamp=timestamp,
        host=host,
    )


def _round_up(size: int) -> int:
    return -(-size // ALIGNMENT) * ALIGNMENT
