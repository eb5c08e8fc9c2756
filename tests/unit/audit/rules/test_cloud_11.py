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


import pytest

from image_pipeline.artifact import Outcome
from image_pipeline.audit import registry
from image_pipeline.audit.rule import Severity
from image_pipeline.testing import listed

RULE = registry.get('CLOUD-11')


def test_sound_image_passes():
    assert RULE.check(listed.view()).outcome is Outcome.PASS


def judge(*others, **changes):
    found = RULE.check(listed.view(*others, **changes))
    return found.outcome, found.severity or RULE.severity


FAIL = (Outcome.FAIL, Severity.WARNING)


@pytest.mark.parametrize(
    'properties',
    [
        {'hw_firmware_type': 'bios', 'hw_firmware_stateless': 'True'},
        {'hw_firmware_type': 'bios', 'architecture': 'aarch64'},
        {'hw_machine_type': 'q35', 'architecture': 'aarch64'},
        {'hw_machine_type': 'virt', 'architecture': 'x86_64'},
        {'hw_machine_type': 'pc', 'os_secure_boot': 'required'},
        {'hw_scsi_model': 'virtio-scsi', 'hw_disk_bus': 'virtio'},
        {'hw_vif_model': 'e1000', 'hw_vif_multiqueue_enabled': 'true'},
        {'os_require_quiesce': 'yes', 'hw_qemu_guest_agent': 'no'},
        {'hw_tpm_model': 'tpm-tis'},
        {'hw_tpm_model': 'tpm-crb', 'hw_tpm_version': '1.2'},
        {'os_type': 'windows'},
        {'os_distro': 'windows'},
        {'image_original_user': 'ubuntu'},
        {'hypervisor_type': 'qemu', 'vm_mode': 'xen'},
        {'hypervisor_type': 'vmware'},
        {'os_version': '11'},
    ],
    ids=str,
)
def test_contradiction_is_told(properties):
    assert judge(properties=properties) == FAIL


@pytest.mark.parametrize(
    'properties',
    [
        {'hw_firmware_type': 'uefi', 'os_secure_boot': 'required'},
        {'hw_machine_type': 'q35', 'os_secure_boot': 'required'},
        {'hw_machine_type': 'virt', 'architecture': 'aarch64'},
        {'hw_scsi_model': 'virtio-scsi', 'hw_disk_bus': 'scsi'},
        {
            'hw_scsi_model': 'virtio-scsi',
            'hw_cdrom_bus': 'scsi',
            'hw_disk_bus': 'virtio',
        },
        {'os_require_quiesce': 'yes', 'hw_qemu_guest_agent': 'yes'},
        {'hw_tpm_model': 'tpm-crb', 'hw_tpm_version': '2.0'},
        {'image_original_user': 'none'},
        {'hypervisor_type': 'qemu', 'vm_mode': 'hvm'},
        {'os_version': '12.4'},
        {'os_version': None},
    ],
    ids=str,
)
def test_what_goes_together_passes(properties):
    assert judge(properties=properties)[0] is Outcome.PASS


def test_format_of_another_hypervisor_is_told():
    qemu = {'hypervisor_type': 'kvm'}
    assert judge(disk_format='vmdk', properties=qemu) == FAIL


def test_raw_image_with_two_sizes_is_told():
    assert judge(disk_format='raw') == FAIL
    assert judge(disk_format='raw', size=2 << 30)[0] is Outcome.PASS


@pytest.mark.parametrize(
    ('name', 'outcome'),
    [
        ('Debian 12 (bookworm)', Outcome.PASS),
        ('debian-11-backports', Outcome.FAIL),
        ('debian-12-20260301', Outcome.PASS),
        ('debian-20260301', Outcome.PASS),
        ('my-debian12.4', Outcome.PASS),
        ('notdebian-11', Outcome.PASS),
        ('web-server', Outcome.PASS),
    ],
)
def test_name_is_compared_with_the_release(name, outcome):
    assert judge(name=name)[0] is outcome


def test_names_are_not_compared_if_nobody_wants_it():
    image = listed.view(name='debian-11')
    assert RULE.check(image, {'names': False}).outcome is Outcome.PASS
