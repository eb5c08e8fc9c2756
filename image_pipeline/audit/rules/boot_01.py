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

"""BOOT-01: BIOS can start the image."""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from image_pipeline.audit import firmware, rule, view


class Boot01(rule.Rule):
    """BIOS can start the image."""

    id = 'BOOT-01'
    severity = rule.Severity.ERROR
    statement = 'BIOS can start the image'
    rationale = (
        'Nova starts guests of x86_64 with a BIOS unless an image says '
        'otherwise.'
    )
    source = (
        'OpenStack image guide; Glance, hw_firmware_type; GRUB manual, '
        '"BIOS installation"'
    )
    satisfied_by = ('stage:compose', 'element:block-device-tree')
    remedy = (
        'install GRUB for i386-pc into the boot record and a BIOS boot '
        'partition of 1 MiB, or set hw_firmware_type=uefi and the option '
        'firmware'
    )
    fix = rule.Fix.BUILD_ONLY
    probe = 'BOOT-01'
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
        """Give what keeps a BIOS from starting it."""
        if options['firmware'] == 'uefi':
            raise rule.NotApplicable('the image is meant for UEFI only')
        yield from firmware.bios(subject)
