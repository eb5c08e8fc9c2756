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

"""What an image shows of itself, and what it shows to be wrong.

Facts are made by :mod:`image_pipeline.audit.derived` and kept as JSON, so
that a property can be checked without the image at hand.
"""

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

from image_pipeline import artifact
from image_pipeline.audit.image_properties import PropertyProblem, is_true

#: The drivers that a bus needs before the root file system is mounted.
DISK_BUSES: Mapping[str, tuple[str, ...]] = {
    'virtio': ('virtio_pci', 'virtio_blk'),
    'scsi': ('virtio_pci', 'virtio_scsi', 'sd_mod'),
    'sata': ('ahci', 'sd_mod'),
    'ide': ('ata_piix', 'sd_mod'),
}
#: What an image simply is; a recipe that says otherwise is wrong.
_FACTS = frozenset(
    {
        'architecture',
        'os_type',
        'os_distro',
        'os_version',
        'os_admin_user',
        'image_original_user',
    }
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Derived:
    """A property, and where in the image it was seen.

    :param key: as Glance has it.
    :param value: as text.
    :param evidence: why.
    """

    key: str
    value: str
    evidence: artifact.Evidence


@dataclasses.dataclass(frozen=True, kw_only=True)
class Facts:
    """What an image shows of itself.

    :param derived: the properties that follow, by key.
    :param min_disk: GiB that its disk needs.
    :param disk_buses: those of :data:`DISK_BUSES` on which its root is found;
        None if that is not known.
    :param firmware: ``bios`` and ``uefi``: whether it boots the image; None
        if that is not known.
    :param guest_agent: whether it has QEMU's guest agent.
    """

    derived: tuple[Derived, ...]
    min_disk: int
    disk_buses: tuple[str, ...] | None = None
    firmware: Mapping[str, bool | None] = dataclasses.field(
        default_factory=dict
    )
    guest_agent: bool = False

    @property
    def properties(self) -> dict[str, str]:
        """The properties that follow from the image."""
        return {one.key: one.value for one in self.derived}

    def contradictions(
        self, properties: Mapping[str, str]
    ) -> Iterator[PropertyProblem]:
        """Give the properties that the image shows to be wrong.

        :param properties: what a recipe or a target says.
        """
        for one in self.derived:
            said = properties.get(one.key)
            if one.key not in _FACTS or said is None:
                continue
            if not _agree(one.key, said, one.value):
                yield PropertyProblem(
                    key=one.key,
                    message=f'{one.key} is "{said}", but the image says '
                    f'"{one.value}" ({_where(one.evidence)})',
                    hint='leave it out: it is derived from the image',
                )
        said = properties.get('min_disk', '')
        if said.isdigit() and int(said) < self.min_disk:
            yield PropertyProblem(
                key='min_disk',
                message=f'min_disk is {said} GiB, but the disk needs '
                f'{self.min_disk}',
                hint='leave it out: it is derived from the image',
            )
        said = properties.get('hw_firmware_type', '')
        if self.firmware.get(said) is False:
            yield PropertyProblem(
                key='hw_firmware_type',
                message=f'hw_firmware_type is {said}, which cannot boot the '
                'image',
                hint='`image-pipeline audit` says why (BOOT-01, BOOT-02)',
            )
        if is_true(properties.get('hw_qemu_guest_agent')) and (
            not self.guest_agent
        ):
            yield PropertyProblem(
                key='hw_qemu_guest_agent',
                message='hw_qemu_guest_agent is set, but there is no guest '
                'agent in the image',
                hint='install qemu-guest-agent, or leave the property out',
            )
        yield from self._not_driven(properties)

    def _not_driven(
        self, properties: Mapping[str, str]
    ) -> Iterator[PropertyProblem]:
        said = properties.get('hw_disk_bus', '')
        if self.disk_buses is None or said not in DISK_BUSES:
            return
        # Other SCSI controllers than virtio-scsi have drivers of their own.
        model = properties.get('hw_scsi_model', 'virtio-scsi')
        if said == 'scsi' and model != 'virtio-scsi':
            return
        if said not in self.disk_buses:
            able = ', '.join(self.disk_buses)
            yield PropertyProblem(
                key='hw_disk_bus',
                message=f'hw_disk_bus is {said}, but the initramfs does not '
                f'have all of {", ".join(DISK_BUSES[said])}: the root would '
                'not be found',
                hint=f'the root is found on {able}' if able else None,
            )

    def to_json(self) -> dict[str, Any]:
        """Return them as JSON values."""
        return {
            'properties': self.properties,
            'evidence': {
                one.key: one.evidence.to_json() for one in self.derived
            },
            'min_disk': self.min_disk,
            'disk_buses': None
            if self.disk_buses is None
            else list(self.disk_buses),
            'firmware': dict(self.firmware),
            'guest_agent': self.guest_agent,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> 'Facts':
        """Make them of what :meth:`to_json` returned.

        :param value: JSON values.
        """
        buses = value['disk_buses']
        return cls(
            derived=tuple(
                Derived(
                    key=key,
                    value=text,
                    evidence=artifact.Evidence(**value['evidence'][key]),
                )
                for key, text in sorted(value['properties'].items())
            ),
            min_disk=value['min_disk'],
            disk_buses=None if buses is None else tuple(buses),
            firmware=value['firmware'],
            guest_agent=value['guest_agent'],
        )


def _agree(key: str, said: str, seen: str) -> bool:
    if key == 'os_version':
        # A site may say "9" of 9.6, and "24.04.1" of 24.04.
        return (said + '.').startswith(seen + '.') or (seen + '.').startswith(
            said + '.'
        )
    if key == 'architecture':
        # As Nova makes them one: nova/virt/arch.py, canonicalize().
        alike = {'amd64': 'x86_64', 'arm64': 'aarch64', 'i386': 'i686'}
        return alike.get(said.lower(), said.lower()) == seen
    return said == seen


def _where(evidence: artifact.Evidence) -> str:
    return ' '.join(
        part
        for part in (
            evidence.message,
            f'in {evidence.path}' if evidence.path else '',
        )
        if part
    )
