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

"""VIRT-05: what is claimed of the boot is true."""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from image_pipeline.audit import (
    booting,
    esp,
    firmware,
    found,
    rule,
    subjects,
    view,
)
from image_pipeline.audit.guest import kernels, pe

_SECURE, _ENCRYPTED = 'os_secure_boot', 'hw_mem_encryption'
_FIRMWARE, _MACHINE = 'hw_firmware_type', 'hw_machine_type'
_LOADERS = ('/EFI/BOOT/BOOTX64.EFI', '/EFI/BOOT/BOOTAA64.EFI')
#: Where the architecture cannot be seen, it is the usual one.
_X86 = ('x86_64', None)


class Virt05(rule.Rule):
    """Secure Boot and encrypted memory are claimed only where they work."""

    id = 'VIRT-05'
    subject = rule.Subject.REGISTERED_IMAGE
    severity = rule.Severity.ERROR
    statement = 'claims of Secure Boot and encrypted memory are true'
    rationale = (
        'Nova takes instances of such an image to hosts that enforce it, '
        'where an image that only claims it does not boot.'
    )
    source = (
        'Glance, Useful image properties; Nova, doc/source/admin/'
        'secure-boot.rst and sev.rst'
    )
    remedy = (
        'take os_secure_boot and hw_mem_encryption out of the properties, or '
        'build with the signed shim, GRUB and kernel of the distribution, '
        'and set hw_firmware_type=uefi and hw_machine_type=q35'
    )
    probe = 'VIRT-05'
    options: ClassVar[Mapping[str, Any]] = {
        'type': 'object',
        'additionalProperties': False,
        'properties': {},
    }

    def find(
        self, subject: subjects.RegisteredImageView, options: Mapping[str, Any]
    ) -> Iterator[rule.Finding]:
        """Give claims that the properties or the image contradict."""
        secure = subject.properties.get(_SECURE, '').lower() == 'required'
        encrypted = subject.says(_ENCRYPTED)
        if not secure and not encrypted:
            raise rule.NotApplicable(
                'neither Secure Boot nor encrypted memory is claimed'
            )
        claim = _SECURE if secure else _ENCRYPTED
        if subject.properties.get(_FIRMWARE, '').lower() != 'uefi':
            yield found.said(
                f'{claim} needs {_FIRMWARE}=uefi',
                data=subject.properties.get(_FIRMWARE),
            )
        image = subject.need_image()
        machine = subject.properties.get(_MACHINE, '')
        if firmware.architecture(image) in _X86 and 'q35' not in machine:
            yield found.said(
                f'{claim} needs {_MACHINE}=q35', data=machine or None
            )
        if secure:
            yield from _secure_boot(image)
        if encrypted:
            yield from _encryption(image)


def _secure_boot(image: view.ImageView) -> Iterator[rule.Finding]:
    loaders = [
        (one, path)
        for one in esp.esps(image)
        for name in _LOADERS
        if (path := one.find(name)) is not None
    ]
    if not loaders:
        yield found.said(
            'there is no boot loader for UEFI (EFI/BOOT/BOOTX64.EFI)'
        )
    for one, path in loaders:
        if not pe.is_signed(one.tree, path):
            yield found.in_file(
                one.shown(path), 'the boot loader is not signed'
            )
    newest = [
        kernel.image.path
        for kernel in booting.kernels_of(image)
        if kernel.image is not None and not kernel.rescue
    ][-1:]
    if not newest:
        raise rule.CannotTell('there is no kernel to be seen')
    for path in newest:
        if not pe.is_signed(image.files, path):
            yield found.in_file(path, 'the kernel is not signed')


def _encryption(image: view.ImageView) -> Iterator[rule.Finding]:
    newest = [one for one in booting.kernels_of(image) if not one.rescue][-1:]
    for one in newest:
        config = kernels.config(image.files, one.version)
        if not config:
            raise rule.CannotTell(
                f'the configuration of kernel {one.version} is not there'
            )
        if config.get('AMD_MEM_ENCRYPT') != 'y':
            yield found.in_file(
                f'/boot/config-{one.version}',
                'the kernel is built without AMD_MEM_ENCRYPT',
            )
    if not newest:
        raise rule.CannotTell('there is no kernel to be seen')
