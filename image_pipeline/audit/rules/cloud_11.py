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


"""CLOUD-11: what is said of an image does not contradict itself."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar

from image_pipeline.audit import found, image_properties, listing, rule

Said = Mapping[str, str]
_ARM = frozenset({'aarch64', 'arm64', 'armv7l'})
_X86 = frozenset({'x86_64', 'amd64', 'i686', 'i386'})
#: Hypervisors, by the disk formats that they alone read.
_FOREIGN = {
    'vmdk': {'vmware', 'esx'},
    'vhd': {'hyperv', 'xen'},
    'vhdx': {'hyperv'},
}
_KVM = frozenset({'kvm', 'qemu'})
#: In a name: debian-12, ubuntu 24.04, Rocky-9.4, almalinux9.
_VERSION = r'(?<![a-z]){distro}[ _-]?v?(\d+(?:\.\d+)*)(?![\w])'


class Cloud11(rule.Rule):
    """Properties agree with each other, with the name and the formats."""

    id = 'CLOUD-11'
    subject = rule.Subject.LISTED_IMAGE
    severity = rule.Severity.WARNING
    statement = 'properties agree with each other, the name and the formats'
    rationale = (
        'Of two properties that contradict each other Nova ignores one, or '
        'refuses the server; and who chooses an image by what it says gets '
        'another one.'
    )
    source = (
        'Glance, Useful image properties; nova/virt/hardware.py and '
        'nova/virt/libvirt/driver.py; SCS-0102-v2'
    )
    satisfied_by = ('stage:properties',)
    remedy = (
        'set what is true, and unset the other: openstack image unset '
        '--property KEY ID'
    )
    options: ClassVar[Mapping[str, Any]] = {
        'type': 'object',
        'additionalProperties': False,
        'properties': {
            'names': {
                'type': 'boolean',
                'default': True,
                'description': 'Whether the name is compared with os_distro '
                'and os_version.',
            },
        },
    }

    def find(
        self, subject: listing.ListedImageView, options: Mapping[str, Any]
    ) -> Iterator[rule.Finding]:
        """Give what contradicts itself."""
        said = subject.properties
        for look in _LOOKS:
            for message in look(said):
                yield found.said(message)
        yield from _formats(subject)
        if options['names'] and not subject.is_snapshot:
            yield from _name(subject.image.name or '', said)


def _firmware(said: Said) -> Iterator[str]:
    firmware = said.get('hw_firmware_type')
    if firmware == 'bios':
        # VIRT-05 has Secure Boot and encrypted memory.
        if image_properties.is_true(said.get('hw_firmware_stateless')):
            yield 'hw_firmware_stateless needs UEFI, not bios'
        if said.get('architecture') in _ARM:
            yield f'architecture is {said["architecture"]}, which has no BIOS'
    machine = said.get('hw_machine_type', '')
    architecture = said.get('architecture', '')
    is_pc = machine == 'pc' or machine.startswith(('pc-', 'q35'))
    if is_pc and architecture in _ARM:
        yield f'hw_machine_type is {machine}, and architecture {architecture}'
    if machine.startswith('virt') and architecture in _X86:
        yield f'hw_machine_type is {machine}, and architecture {architecture}'
    if said.get('os_secure_boot') == 'required' and (
        machine == 'pc' or machine.startswith('pc-i440fx')
    ):
        yield f'os_secure_boot is required, and {machine} cannot do it'


def _devices(said: Said) -> Iterator[str]:
    buses = {said.get(f'hw_{one}_bus') for one in ('disk', 'cdrom', 'rescue')}
    named = 'hw_scsi_model' in said and 'hw_disk_bus' in said
    if named and 'scsi' not in buses:
        yield 'hw_scsi_model is set, and nothing is on a SCSI bus'
    model = said.get('hw_vif_model', 'virtio')
    if model != 'virtio' and image_properties.is_true(
        said.get('hw_vif_multiqueue_enabled')
    ):
        yield f'hw_vif_multiqueue_enabled is set, and {model} has one queue'
    if image_properties.is_true(
        said.get('os_require_quiesce')
    ) and not image_properties.is_true(said.get('hw_qemu_guest_agent')):
        yield (
            'os_require_quiesce is set without hw_qemu_guest_agent: no '
            'snapshot of a server can be made'
        )
    if 'hw_tpm_model' in said and 'hw_tpm_version' not in said:
        yield 'hw_tpm_model is set without hw_tpm_version: Nova ignores it'
    if said.get('hw_tpm_version') == '1.2' and (
        said.get('hw_tpm_model') == 'tpm-crb'
    ):
        yield 'hw_tpm_model tpm-crb is for version 2.0, and it is 1.2'


def _system(said: Said) -> Iterator[str]:
    distro = said.get('os_distro', '').lower()
    kind = said.get('os_type', '').lower()
    if distro and kind and (distro == 'windows') != (kind == 'windows'):
        yield f'os_type is {kind}, and os_distro {distro}'
    admin, user = said.get('os_admin_user'), said.get('image_original_user')
    if admin and user and user not in (admin, 'none'):
        yield f'os_admin_user is {admin}, and image_original_user {user}'
    if said.get('hypervisor_type') in _KVM and (
        said.get('vm_mode') in {'xen', 'uml', 'exe'}
    ):
        yield (
            f'hypervisor_type is {said["hypervisor_type"]}, and vm_mode '
            f'{said["vm_mode"]}'
        )


_LOOKS: tuple[Callable[[Said], Iterator[str]], ...] = (
    _firmware,
    _devices,
    _system,
)


def _formats(subject: listing.ListedImageView) -> Iterator[rule.Finding]:
    image = subject.image
    kind = subject.properties.get('hypervisor_type', '').lower()
    wanted = _FOREIGN.get(image.disk_format or '')
    if kind in _KVM and wanted:
        yield found.said(
            f'disk_format is {image.disk_format}, and hypervisor_type {kind}'
        )
    if kind in {'vmware', 'hyperv'} and image.disk_format == 'qcow2':
        yield found.said(f'disk_format is qcow2, and hypervisor_type {kind}')
    if (
        image.disk_format == 'raw'
        and image.size
        and image.virtual_size
        and image.virtual_size != image.size
    ):
        yield found.said(
            f'disk_format is raw, and virtual_size {image.virtual_size} is '
            f'not the size {image.size}'
        )


def _name(name: str, said: Said) -> Iterator[rule.Finding]:
    distro = said.get('os_distro', '').lower()
    version = said.get('os_version', '')
    if not re.fullmatch(r'[a-z][a-z0-9-]*', distro) or not version:
        return
    pattern = _VERSION.format(distro=re.escape(distro))
    seen = re.search(pattern, name.lower())
    if seen is None or seen[1] == version:
        return
    # A name may say "9" of 9.6, and os_version "24.04" of 24.04.1.
    longer, shorter = sorted((seen[1], version), key=len, reverse=True)
    if not longer.startswith(f'{shorter}.') and len(seen[1]) < 6:
        yield found.said(
            f'os_version is {version}, and the name says {seen[1]}', data=name
        )
