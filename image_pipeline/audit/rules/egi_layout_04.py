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

"""EGI-LAYOUT-04: no encryption."""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from image_pipeline import artifact
from image_pipeline.audit import rule, view
from image_pipeline.audit.guest import text
from image_pipeline.disk import ext, partitions, qcow2

_METHODS = {1: 'AES', 2: 'LUKS'}


class EgiLayout04(rule.Rule):
    """Nothing in the image is encrypted."""

    id = 'EGI-LAYOUT-04'
    severity = rule.Severity.ERROR
    statement = 'neither the image nor a part of it is encrypted'
    rationale = (
        'Nobody types a passphrase when an instance boots; a key that comes '
        'with the image is everybody\'s, and nobody can audit what he cannot '
        'read.'
    )
    source = (
        'EGI wiki VT-CloudCaps:BestPractices, examples 1 and 2: "no fs '
        'encryption, no LVM, no swap"'
    )
    satisfied_by = ('stage:compose', 'element:plain-disk')
    remedy = (
        'build without LUKS, and let Cinder and Nova encrypt at rest; empty '
        '/etc/crypttab'
    )
    implies = frozenset({'EGI-LAYOUT-01', 'EGI-LAYOUT-05', 'EGI-LAYOUT-06'})
    probe = 'EGI-LAYOUT-04'
    options: ClassVar[Mapping[str, Any]] = {
        'type': 'object',
        'additionalProperties': False,
        'properties': {
            'confidential': {
                'type': 'boolean',
                'default': False,
                'description': 'Images of confidential instances, which are '
                'encrypted on purpose.',
            }
        },
    }

    def find(
        self, subject: view.ImageView, options: Mapping[str, Any]
    ) -> Iterator[rule.Finding]:
        """Give encrypted containers, partitions and file systems."""
        if options['confidential']:
            raise rule.NotApplicable('the image is encrypted on purpose')
        disk = subject.disk
        if isinstance(disk, qcow2.Qcow2Disk) and disk.header.crypt_method:
            method = disk.header.crypt_method
            yield rule.Finding(
                evidence=artifact.Evidence(
                    message='the qcow2 file is encrypted with '
                    f'{_METHODS.get(method, "an unknown method")} (byte 32 '
                    'of the file)',
                    data=f'crypt_method={method}',
                )
            )
        for device in subject.devices:
            yield from _on(device)
        for line in text.said(subject.files, '/etc/crypttab'):
            yield rule.Finding(
                evidence=artifact.Evidence(
                    message='a device is decrypted at boot',
                    path=line.path,
                    line=line.number,
                    data=line.text.strip(),
                )
            )


def _on(device: view.Device) -> Iterator[rule.Finding]:
    part = device.partition
    for block in device.blocks:
        if block.kind == 'luks':
            yield rule.Finding(
                evidence=artifact.Evidence(
                    message=f'{device.name} is encrypted with LUKS'
                    f'{block.version}',
                    offset=block.offset,
                    data=block.magic,
                )
            )
        elif (
            isinstance(block, ext.ExtSuperblock)
            and block.incompat & ext.INCOMPAT_ENCRYPT
        ):
            # The flag says that folders may be encrypted, not that one is.
            yield rule.Finding(
                severity=rule.Severity.WARNING,
                evidence=artifact.Evidence(
                    message=f'{device.name} may have encrypted folders',
                    offset=block.start + ext.SUPERBLOCK + 96,
                    data=f'{block.incompat:#x}',
                ),
            )
    if part and part.type == partitions.LUKS and not device.has('luks'):
        yield rule.Finding(
            evidence=artifact.Evidence(
                message=f'{device.name} has the type of LUKS',
                offset=part.entry,
                data=part.type,
            )
        )
