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

from image_pipeline.audit import found, rule, subjects, view
from image_pipeline.audit.guest import kernels, pe
from image_pipeline.disk import files

_SECURE, _ENCRYPTED = 'os_secure_boot', 'hw_mem_encryption'
_FIRMWARE, _MACHINE = 'hw_firmware_type', 'hw_machine_type'
_ESP = ('/boot/efi', '/efi', '/boot')
_LOADERS = ('bootx64.efi', 'bootaa64.efi')
_X86 = 'bootx64.efi'


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
        loader = _loader(image.files)
        machine = subject.properties.get(_MACHINE, '')
        x86 = loader is None or loader.lower().endswith(_X86)
        if x86 and 'q35' not in machine:
            yield found.said(
                f'{claim} needs {_MACHINE}=q35', data=machine or None
            )
        if secure:
            yield from _secure_boot(image, loader)
        if encrypted:
            yield from _encryption(image)


def _secure_boot(
    image: view.ImageView, loader: str | None
) -> Iterator[rule.Finding]:
    tree = image.files
    if loader is None:
        yield found.said(
            'there is no boot loader for UEFI (EFI/BOOT/BOOTX64.EFI)'
        )
    elif not pe.is_signed(tree, loader):
        yield found.in_file(loader, 'the boot loader is not signed')
    newest = [
        one.image.path
        for one in kernels.kernels(tree)
        if one.image is not None and not one.rescue
    ][-1:]
    if not newest:
        raise rule.CannotTell('there is no kernel to be seen')
    for path in newest:
        if not pe.is_signed(tree, path):
            yield found.in_file(path, 'the kernel is not signed')


def _encryption(image: view.ImageView) -> Iterator[rule.Finding]:
    newest = [one for one in kernels.kernels(image.files) if not one.rescue][
        -1:
    ]
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


def _loader(tree: files.FileTree) -> str | None:
    """Return the removable boot loader; FAT does not care for case."""
    for base in _ESP:
        for path in tree.glob(f'{base}/[Ee][Ff][Ii]/[Bb][Oo][Oo][Tt]/*'):
            if path.rpartition('/')[2].lower() in _LOADERS:
                return path
    return None
