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

"""BOOT-02: UEFI can start the image as a removable disk."""

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from image_pipeline.audit import firmware, rule, view


class Boot02(rule.Rule):
    """UEFI can start the image as a removable disk."""

    id = 'BOOT-02'
    severity = rule.Severity.WARNING
    statement = 'UEFI can start the image by the path of removable disks'
    rationale = (
        'Each new machine has empty variables of UEFI: boot entries that '
        'were made in the build are not there.'
    )
    source = (
        'Nova, "UEFI"; UEFI specification, section 3.5.1.1; diskimage- '
        'builder, bootloader'
    )
    satisfied_by = ('stage:compose', 'element:block-device-tree')
    remedy = (
        'install the boot loader with grub-install --removable, so that the '
        'EFI system partition has /EFI/BOOT/BOOTX64.EFI (BOOTAA64.EFI)'
    )
    fix = rule.Fix.BUILD_ONLY
    probe = 'BOOT-02'
    options: ClassVar[Mapping[str, Any]] = {
        'type': 'object',
        'additionalProperties': False,
        'properties': {
            'firmware': {
                'enum': ['both', 'bios', 'uefi'],
                'default': 'both',
                'description': 'The firmware that the image is meant for.',
            }
        },
    }

    def find(
        self, subject: view.ImageView, options: Mapping[str, Any]
    ) -> Iterator[rule.Finding]:
        """Give what keeps UEFI from starting it."""
        if options['firmware'] == 'bios':
            raise rule.NotApplicable('the image is meant for BIOS only')
        needed = (
            options['firmware'] == 'uefi'
            or firmware.architecture(subject) == 'aarch64'
        )
        severity = rule.Severity.ERROR if needed else None
        for one in firmware.uefi(subject):
            yield dataclasses.replace(one, severity=severity)
