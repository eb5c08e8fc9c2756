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

"""Derive image properties from the image itself.

What an image is, its architecture, its distribution, the firmware that boots
it, stands in it: nobody needs to type it, and what was typed can be wrong.
Keys and values are those of :mod:`image_pipeline.audit.image_properties`.
"""

import datetime
import re
from collections.abc import Callable, Iterator

from image_pipeline import artifact
from image_pipeline.audit import booting, facts, firmware, known, rule, view
from image_pipeline.audit.facts import Derived
from image_pipeline.audit.guest import (
    cloud_init,
    guest_agent,
    kernels,
    text,
)

_GIB = 1 << 30
_OS_RELEASE = '/etc/os-release'
#: libosinfo's short ids, which Glance's list of os_distro takes its names
#: from, where they are not the ID of os-release.
_DISTROS = {
    'opensuse-leap': 'opensuse',
    'opensuse-tumbleweed': 'opensuse',
    'opensuse-microos': 'opensuse',
}
#: Where an element of ours says when the image was made.
STAMP = '/etc/image-build'
_PACKAGE_DATABASES = (
    '/var/lib/dpkg/status',
    '/usr/lib/sysimage/rpm/rpmdb.sqlite',
    '/usr/lib/sysimage/rpm/Packages.db',
    '/var/lib/rpm/rpmdb.sqlite',
    '/var/lib/rpm/Packages',
)
_DATE = re.compile(r'\d{4}-\d{2}-\d{2}')
_VIF_MODELS = {
    'virtio': 'virtio_net',
    'e1000e': 'e1000e',
    'e1000': 'e1000',
    'vmxnet3': 'vmxnet3',
    'rtl8139': '8139cp',
}


def read(image: view.ImageView) -> facts.Facts:
    """Return what an image shows of itself.

    :param image: the image.
    :raises CannotTell: the files cannot be read.
    """
    return _Reading(image).facts()


class _Reading:
    """What is read of one image."""

    def __init__(self, image: view.ImageView) -> None:
        self._image = image

    def facts(self) -> facts.Facts:
        """Return everything that can be told."""
        found: dict[str, Derived] = {}
        for give in (
            self._system,
            self._user,
            self._size,
            self._firmware,
            self._drivers,
            self._agent,
            self._date,
        ):
            for one in give():
                found.setdefault(one.key, one)
        return facts.Facts(
            derived=tuple(found[key] for key in sorted(found)),
            min_disk=_gib(self._image.disk.size),
            disk_buses=self._buses() if self._usual_kernels() else None,
            firmware=self._boots(),
            guest_agent='hw_qemu_guest_agent' in found,
        )

    def _system(self) -> Iterator[Derived]:
        found = firmware.architecture(self._image)
        if found is not None:
            yield _derived('architecture', found, 'of its programs')
        yield _derived('os_type', 'linux', 'it has the files of Linux')
        said = known.os_release(self._image)
        name = said.get('ID', '')
        if name:
            yield _derived(
                'os_distro', _DISTROS.get(name, name), 'ID', _OS_RELEASE
            )
        number = said.get('VERSION_ID', '')
        if number:
            yield _derived('os_version', number, 'VERSION_ID', _OS_RELEASE)

    def _user(self) -> Iterator[Derived]:
        if not cloud_init.is_installed(self._image.files):
            return
        config = known.cloud_config(self._image)
        place = ('system_info', 'default_user', 'name')
        name, line = config.get(*place), config.where(*place)
        if isinstance(name, str) and name:
            evidence = artifact.Evidence(
                message="cloud-init's default user",
                path=line.path if line else None,
                line=line.number if line else None,
            )
            for key in ('os_admin_user', 'image_original_user'):
                yield Derived(key=key, value=name, evidence=evidence)

    def _size(self) -> Iterator[Derived]:
        size = self._image.disk.size
        yield _derived(
            'min_disk', str(_gib(size)), f'the disk has {size} bytes'
        )

    def _boots(self) -> dict[str, bool | None]:
        """Return whether BIOS and UEFI boot it; None: it is not known."""
        return {
            name: self._boots_with(ask)
            for name, ask in (('bios', firmware.bios), ('uefi', firmware.uefi))
        }

    def _boots_with(
        self, ask: Callable[[view.ImageView], Iterator[rule.Finding]]
    ) -> bool | None:
        try:
            return next(ask(self._image), None) is None
        except rule.NotApplicable:
            return False
        except rule.CannotTell:
            return None

    def _firmware(self) -> Iterator[Derived]:
        boots = self._boots()
        # An image that both boot says nothing: every cloud then takes its
        # own default.
        if boots['uefi'] and not boots['bios']:
            yield _derived('hw_firmware_type', 'uefi', 'only UEFI boots it')
        elif boots['bios'] and boots['uefi'] is False:
            yield _derived('hw_firmware_type', 'bios', 'only BIOS boots it')

    def _usual_kernels(self) -> list[kernels.Kernel]:
        return [
            one
            for one in booting.kernels_of(self._image)
            if one.image and not one.rescue
        ]

    def _early(self, kernel: kernels.Kernel) -> frozenset[str]:
        """Return the modules that a kernel has before it mounts its root."""
        if kernel.initramfs is None:
            return frozenset()
        return booting.initramfs_of(self._image, kernel.initramfs).modules

    def _has(self, name: str, *, early: bool) -> bool:
        """Tell whether every kernel has a driver, and in time."""
        able = []
        for kernel in self._usual_kernels():
            drivers = booting.drivers_of(self._image, kernel.version)
            able.append(
                drivers is not None
                and (
                    drivers.is_builtin(name)
                    or (
                        kernels.normal(name) in self._early(kernel)
                        if early
                        else drivers.has(name)
                    )
                )
            )
        return bool(able) and all(able)

    def _buses(self) -> tuple[str, ...]:
        return tuple(
            bus
            for bus, names in facts.DISK_BUSES.items()
            if all(self._has(name, early=True) for name in names)
        )

    def _drivers(self) -> Iterator[Derived]:
        if not self._usual_kernels():
            return
        buses = self._buses()
        if buses:
            why = 'the initramfs has its drivers'
            yield _derived('hw_disk_bus', buses[0], why)
            if buses[0] == 'scsi':
                yield _derived('hw_scsi_model', 'virtio-scsi', why)
        for model, name in _VIF_MODELS.items():
            if self._has(name, early=False):
                yield _derived('hw_vif_model', model, f'it has {name}')
                break
        if self._has('virtio_rng', early=False):
            yield _derived('hw_rng_model', 'virtio', 'it has virtio_rng')
        # A config drive is a SATA CD-ROM where the machine type is q35.
        if not self._has('ahci', early=False) and all(
            self._has(name, early=False) for name in ('virtio_scsi', 'sr_mod')
        ):
            why = 'it has no AHCI driver for a SATA CD-ROM'
            yield _derived('hw_cdrom_bus', 'scsi', why)
            yield _derived('hw_scsi_model', 'virtio-scsi', why)

    def _agent(self) -> Iterator[Derived]:
        tree = self._image.files
        path = guest_agent.program(tree)
        try:
            starts = guest_agent.starts(tree, known.units(self._image))
        except rule.CannotTell:
            return
        if path and starts:
            yield _derived('hw_qemu_guest_agent', 'yes', 'it starts', path)

    def _date(self) -> Iterator[Derived]:
        tree = self._image.files
        for line in text.said(tree, STAMP):
            name, _, value = line.text.partition('=')
            date = _DATE.match(text.unquote(value))
            if name.strip() == 'date' and date:
                yield _derived('image_build_date', date[0], 'its date', STAMP)
        for path in _PACKAGE_DATABASES:
            if tree.is_file(path) and tree.stat(path).mtime > 0:
                when = datetime.datetime.fromtimestamp(
                    tree.stat(path).mtime, datetime.UTC
                )
                yield _derived(
                    'image_build_date',
                    when.date().isoformat(),
                    'the last change of a package',
                    path,
                )


def _derived(
    key: str, value: str, why: str, path: str | None = None
) -> Derived:
    evidence = artifact.Evidence(message=why, path=path)
    return Derived(key=key, value=value, evidence=evidence)


def _gib(size: int) -> int:
    return -(-size // _GIB)
