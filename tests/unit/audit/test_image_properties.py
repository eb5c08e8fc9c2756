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

from image_pipeline.audit import image_properties


def problems(**properties: str) -> list[image_properties.PropertyProblem]:
    return list(image_properties.problems(properties))


def test_properties_of_a_usual_image_are_right():
    assert not problems(
        architecture='x86_64',
        hw_disk_bus='scsi',
        hw_scsi_model='virtio-scsi',
        hw_vif_multiqueue_enabled='true',
        hw_qemu_guest_agent='yes',
        os_distro='debian',
        os_version='12',
        os_type='linux',
        os_require_quiesce='no',
        min_ram='512',
        image_build_date='2026-11-21',
        provided_until='notice',
        uuid_validity='last-3',
        our_own_key='anything',
        image_pipeline_state='candidate',
        **{'trait:COMPUTE_SECURITY_TPM_2_0': 'required'},
    )


@pytest.mark.parametrize(
    ('key', 'value', 'hint'),
    [
        ('hw_disk_bus', 'VirtIO', 'did you mean "virtio"?'),
        ('architecture', 'amd46', None),
        ('hw_firmware_type', 'efi', 'did you mean "uefi"?'),
        ('os_type', 'bsd', 'it knows linux, windows'),
        ('hw_cpu_cores', 'many', None),
        ('min_ram', '-1', None),
        ('hw_qemu_guest_agent', 'maybe', None),
        ('img_signature_certificate_uuid', 'x', None),
        ('image_build_date', 'yesterday', None),
        ('replace_frequency', 'hourly', None),
        ('trait:HW_CPU_X86_AVX', 'forbidden', None),
    ],
)
def test_value_that_openstack_does_not_know_is_told(key, value, hint):
    found = [one for one in problems(**{key: value}) if one.key == key]
    assert len(found) == 1
    assert found[0].certain
    assert f'"{value}"' in found[0].message
    if hint:
        assert found[0].hint == hint


@pytest.mark.parametrize(
    'key', ['kernel_id', 'ramdisk_id', 'os_command_line', 'os_glance_x']
)
def test_what_must_not_be_set_is_told(key):
    (found,) = problems(**{key: 'x'})
    assert (found.key, found.hint) == (key, 'leave it out')


def test_key_that_looks_misspelt_is_told():
    (found,) = problems(hw_disk_buss='scsi')
    assert found.hint == 'did you mean "hw_disk_bus"?'
    assert not found.certain


def test_unknown_key_with_a_prefix_of_nova_is_told():
    (found,) = problems(hw_our_fancy_thing='1')
    assert not found.certain
    assert 'prefix' in found.hint


def test_part_of_a_signature_is_told():
    (found,) = problems(img_signature='x')
    assert 'img_signature_key_type' in found.message


def test_licence_is_not_both_included_and_required():
    (found,) = problems(license_included='yes', license_required='true')
    assert found.key == 'license_required'


def test_every_known_property_has_at_most_one_kind_of_limit():
    for key, limits in image_properties.known().items():
        assert set(limits) <= {'values', 'type', 'pattern'}, key
        assert len(limits) <= 1, key
        assert limits.get('type', 'integer') in {'integer', 'boolean', 'uuid'}
