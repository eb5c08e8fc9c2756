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

import dataclasses
from typing import ClassVar

from image_pipeline import artifact
from image_pipeline.probes import base, machine, protocol, registry
from image_pipeline.testing import guest_answers
from image_pipeline.testing.conformance import probe as conformance

EXPECTED = dataclasses.replace(
    conformance.EXPECTED,
    properties={
        'architecture': 'x86_64',
        'os_distro': 'debian',
        'os_version': '12',
        'os_admin_user': 'debian',
    },
)
GOOD = guest_answers.recorded()
changed = guest_answers.changed
#: What no boot under BIOS can confirm.
UEFI_ONLY = ('BOOT-02', 'VIRT-05')


class TestProbes(conformance.ProbeConformance):
    probes = tuple(one for one in machine.PROBES if one.id not in UEFI_ONLY)
    good = GOOD
    expected = EXPECTED
    defects: ClassVar = [
        (
            'EGI-LAYOUT-11',
            '[    3.1] EXT4-fs (vda3): recovery complete\n492\n',
            'fail',
            'recovery complete',
        ),
        ('EGI-LAYOUT-11', '0\n', 'unknown', 'kernel'),
        ('BOOT-01', changed('BOOT-01', '=bios', '=uefi'), 'fail', 'not bios'),
        (
            'BOOT-03',
            GOOD['BOOT-03'] + 'modules.6.1.0-57-cloud-amd64=1\n',
            'fail',
            'there is 6.1.0-57',
        ),
        (
            'BOOT-03',
            changed('BOOT-03', 'modules.6.1.0-56', 'modules.6.1.0-9'),
            'fail',
            'no modules for the kernel 6.1.0-56',
        ),
        (
            'VIRT-04',
            changed('VIRT-04', 'ro console', 'clocksource=hpet console'),
            'fail',
            'clocksource=hpet',
        ),
        ('VIRT-04', changed('VIRT-04', '=tsc', '=acpi_pm'), 'fail', 'acpi_pm'),
        (
            'META-01',
            changed('META-01', 'os.VERSION_ID=12', 'os.VERSION_ID=13'),
            'fail',
            'os_version is 13, not 12',
        ),
        (
            'META-01',
            changed('META-01', 'os.ID=debian', 'os.ID=devuan'),
            'fail',
            'os_distro is devuan',
        ),
        (
            'META-01',
            changed('META-01', 'machine=x86_64', 'machine=aarch64'),
            'fail',
            'architecture is aarch64',
        ),
        (
            'META-02',
            changed('META-02', 'stamp.run=', 'stamp.ran='),
            'fail',
            'does not say run',
        ),
        ('META-02', 'os.ID=debian\n', 'fail', 'nothing says'),
        ('META-02', '', 'unknown', 'os-release'),
        ('HYG-17', changed('HYG-17', '+0000', '+0100'), 'fail', '+0100'),
    ]


class TestUnderUefi(conformance.ProbeConformance):
    probes = registry.select(UEFI_ONLY)[:-1]
    good: ClassVar = {
        name: GOOD[name].replace('firmware=bios', 'firmware=uefi')
        for name in UEFI_ONLY
    }
    defects: ClassVar = [
        ('BOOT-02', GOOD['BOOT-02'], 'fail', 'booted under bios, not uefi'),
        (
            'VIRT-05',
            changed('VIRT-05', '   6   0   0   0   1', '   6   0   0   0   0'),
            'fail',
            'secure boot is off',
        ),
        ('VIRT-05', '', 'fail', 'secure boot is off'),
    ]
    expected = dataclasses.replace(
        EXPECTED, firmware='uefi', properties={'os_secure_boot': 'required'}
    )


def test_each_firmware_is_confirmed_by_its_own_boot() -> None:
    answer = protocol.Answer(text=GOOD['BOOT-02'])
    result = base.judge(registry.load('BOOT-02'), answer, EXPECTED)
    assert result.outcome is artifact.Outcome.NOT_APPLICABLE
    assert 'this boot was under bios' in result.evidence[0].message


def test_image_that_claims_nothing_cannot_be_contradicted() -> None:
    bare = dataclasses.replace(EXPECTED, properties={})
    for name in ('META-01', 'VIRT-05'):
        answer = protocol.Answer(text=GOOD[name])
        result = base.judge(registry.load(name), answer, bare)
        assert result.outcome is artifact.Outcome.NOT_APPLICABLE
