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

"""The read-only view of an image that rules ask.

Everything is read when it is first asked for, and once.
"""

import dataclasses
import functools
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar, cast

from image_pipeline import exceptions
from image_pipeline.audit import census as audit_census
from image_pipeline.audit import rule
from image_pipeline.audit.guest import mounts
from image_pipeline.disk import (
    ext_files,
    partitions,
    reader,
    signatures,
    sleuthkit,
    superblocks,
    tables,
    xfs_files,
)
from image_pipeline.disk import files as disk_files

T = TypeVar('T')
#: Labels that cloud images give their root.
_ROOT_LABELS = frozenset({'cloudimg-rootfs', 'img-rootfs'})
#: What is joined to the root's files, where the image's fstab mounts it.
_JOINED = ('/boot', '/boot/efi', '/efi')


@dataclasses.dataclass(frozen=True, kw_only=True)
class Device:
    """A partition, or the whole disk where there is no table.

    :param partition: None for the whole disk.
    :param start: first byte on the disk.
    :param size: length in bytes.
    :param blocks: the superblocks in it.
    """

    partition: partitions.Partition | None
    start: int
    size: int
    blocks: tuple[signatures.Superblock, ...]

    @property
    def name(self) -> str:
        """``partition 3``, or ``the disk``."""
        if self.partition is None:
            return 'the disk'
        return f'partition {self.partition.number}'

    @property
    def type(self) -> str | None:
        """The partition's type, or None."""
        return self.partition.type if self.partition else None

    @property
    def file_system(self) -> signatures.Superblock | None:
        """The superblock of the file system in it, or None."""
        return superblocks.file_system(self.blocks)

    def has(self, kind: str) -> bool:
        """Tell whether there is such a superblock in it.

        :param kind: such as ``swap``.
        """
        return any(block.kind == kind for block in self.blocks)


class ImageView:
    """An image, for rules to look at.

    :param disk: the open disk; it must stay open.
    """

    def __init__(self, disk: reader.Disk) -> None:
        self.disk = disk
        self._files: disk_files.FileTree | str | None = None
        self._systems: dict[int, disk_files.FileSystem | str] = {}
        self._remembered: dict[str, Any] = {}
        self._mounted: dict[str, Device] = {}

    @property
    def path(self) -> Path:
        """The image file."""
        return self.disk.path

    def remember(self, key: str, make: Callable[[], T]) -> T:
        """Return what was made of the image, and make it but once.

        Several rules ask for the same: accounts, units, packages.

        :param key: what it is, one word.
        :param make: makes it; that it could not tell is remembered too.
        :raises CannotTell: it cannot be made.
        """
        if key not in self._remembered:
            try:
                self._remembered[key] = make()
            except (rule.CannotTell, exceptions.ImageUnreadable) as exc:
                self._remembered[key] = rule.CannotTell(str(exc))
        found = self._remembered[key]
        if isinstance(found, rule.CannotTell):
            raise rule.CannotTell(str(found))
        return cast(T, found)

    @functools.cached_property
    def table(self) -> partitions.PartitionTable | None:
        """The partition table, or None."""
        return tables.read(self.disk)

    def need_table(self) -> partitions.PartitionTable:
        """Return the partition table.

        :raises NotApplicable: there is none; EGI-LAYOUT-01 says so.
        """
        if self.table is None:
            raise rule.NotApplicable('there is no partition table')
        return self.table

    @functools.cached_property
    def whole(self) -> Device:
        """The whole disk, as if it had no partitions."""
        return Device(
            partition=None,
            start=0,
            size=self.disk.size,
            blocks=superblocks.identify(self.disk),
        )

    @functools.cached_property
    def parts(self) -> tuple[Device, ...]:
        """The partitions, in the order of their numbers."""
        if self.table is None:
            return ()
        return tuple(
            Device(
                partition=part,
                start=part.start,
                size=part.size,
                blocks=superblocks.identify(self.disk, part.start, part.size),
            )
            for part in self.table.partitions
            if part.start < self.disk.size
        )

    @property
    def devices(self) -> tuple[Device, ...]:
        """The partitions, and the whole disk."""
        return (*self.parts, self.whole)

    def named(self, spec: str) -> Device | None:
        """Return the device that a reference means, or None.

        :param spec: ``UUID=…``, ``LABEL=…``, ``PARTUUID=…``, ``PARTLABEL=…``
            or ``/dev/disk/by-…/…``.
        """
        key, equals, value = spec.partition('=')
        if spec.startswith('/dev/disk/by-'):
            key, _, value = spec[len('/dev/disk/by-') :].partition('/')
            equals = '='
        value = value.strip('"\'')
        if not equals or not value:
            return None
        for device in self.parts or (self.whole,):
            if value.lower() in self._names(device, key.upper()):
                return device
        return None

    def _names(self, device: Device, key: str) -> set[str]:
        part = device.partition
        if key == 'PARTUUID':
            return {part.uuid or ''} if part else set()
        if key == 'PARTLABEL':
            return {part.name.lower()} if part else set()
        if key == 'UUID':
            return {(block.uuid or '').lower() for block in device.blocks}
        if key == 'LABEL':
            return {block.label.lower() for block in device.blocks}
        return set()

    @functools.cached_property
    def root(self) -> Device | None:
        """The device with the root file system, or None if it is not clear.

        First by the fstab of the image itself, then by the partition's type,
        by the label that cloud images use, by its folders, and last by being
        the only one that can be.
        """
        able = [
            device
            for device in (self.parts or (self.whole,))
            if any(b.kind in superblocks.ROOT_KINDS for b in device.blocks)
        ]
        by_fstab = [device for device in able if self._has_fstab(device)]
        for device in by_fstab:
            tree = disk_files.FileTree(self._need_system(device))
            for mount in mounts.fstab(tree):
                meant = self.named(mount.spec) if mount.point == '/' else None
                if meant is not None:
                    return meant
        for chosen in (
            [d for d in able if d.type in partitions.ROOT_TYPES],
            by_fstab,
            [
                device
                for device in able
                if {block.label for block in device.blocks} & _ROOT_LABELS
            ],
            [device for device in able if self._has_folders(device)],
            able,
        ):
            if len(chosen) == 1:
                return chosen[0]
        return None

    def need_root(self) -> Device:
        """Return the device with the root file system.

        :raises CannotTell: it is not clear which one it is.
        """
        if self.root is None:
            raise rule.CannotTell(
                'which partition holds the root file system is not clear'
                if any(
                    block.kind in superblocks.ROOT_KINDS
                    for device in self.devices
                    for block in device.blocks
                )
                else 'there is no file system that could be the root'
            )
        return self.root

    @property
    def files(self) -> disk_files.FileTree:
        """The image's files, as its fstab mounts them.

        :raises CannotTell: they cannot be read.
        """
        if self._files is None:
            try:
                self._files = self._join()
            except (rule.CannotTell, exceptions.ImageUnreadable) as exc:
                self._files = f'the files cannot be read: {exc}'
        if isinstance(self._files, str):
            raise rule.CannotTell(self._files)
        return self._files

    @property
    def mounted(self) -> Mapping[str, Device]:
        """The devices whose files :attr:`files` joins, by where they are.

        :raises CannotTell: the files cannot be read.
        """
        return {'/': self.need_root(), **self._mounted} if self.files else {}

    def files_of(self, device: Device) -> disk_files.FileTree:
        """Return the files of one file system by itself.

        :param device: the device that it is on.
        :raises CannotTell: they cannot be read.
        """
        return disk_files.FileTree(self._need_system(device))

    @functools.cached_property
    def census(self) -> audit_census.Census:
        """Every name in the image, looked at once for all rules.

        :raises CannotTell: the files cannot be read.
        """
        return audit_census.take(self.files)

    def _join(self) -> disk_files.FileTree:
        root = self._need_system(self.need_root())
        tree = disk_files.FileTree(root)
        joined: dict[str, disk_files.FileSystem] = {}
        for mount in mounts.fstab(tree):
            device = self.named(mount.spec)
            if mount.point not in _JOINED or device is None:
                continue
            system = self._system(device)
            if not isinstance(system, str):
                joined[mount.point] = system
                self._mounted[mount.point] = device
            elif mount.point == '/boot':
                # Without it there would be no boot loader to be seen.
                raise rule.CannotTell(f'/boot: {system}')
        return disk_files.FileTree(root, joined) if joined else tree

    def _system(self, device: Device) -> disk_files.FileSystem | str:
        """Return a device's file system, or why it cannot be read."""
        found = self._systems.get(device.start)
        if found is None:
            found = self._systems[device.start] = self._open(device)
        return found

    def _open(self, device: Device) -> disk_files.FileSystem | str:
        kinds = {block.kind for block in device.blocks}
        try:
            if kinds & ext_files.KINDS:
                return ext_files.ExtFileSystem(
                    self.disk, device.start, device.size
                )
            if kinds & xfs_files.KINDS:
                return xfs_files.XfsFileSystem(
                    self.disk, device.start, device.size
                )
            if kinds & sleuthkit.KINDS:
                return sleuthkit.FileSystem(
                    self.disk, device.start, device.size
                )
        except exceptions.ImageUnreadable as exc:
            return exc.message
        return (
            f'{device.name} has a file system that is not read '
            f'({", ".join(sorted(kinds)) or "unknown"})'
        )

    def _need_system(self, device: Device) -> disk_files.FileSystem:
        system = self._system(device)
        if isinstance(system, str):
            raise rule.CannotTell(system)
        return system

    def _has_fstab(self, device: Device) -> bool:
        return self._has(device, '/etc/fstab')

    def _has_folders(self, device: Device) -> bool:
        return self._has(device, '/etc') and self._has(device, '/usr')

    def _has(self, device: Device, path: str) -> bool:
        system = self._system(device)
        if isinstance(system, str):
            return False
        try:
            return disk_files.FileTree(system).exists(path)
        except exceptions.ImageUnreadable:
            return False
