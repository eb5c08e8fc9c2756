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

import json

import pytest

from image_pipeline import artifact
from image_pipeline.audit import facts


def make(*, buses=('virtio', 'scsi'), agent=False, **properties):
    return facts.Facts(
        derived=tuple(
            facts.Derived(
                key=key,
                value=value,
                evidence=artifact.Evidence(
                    message='ID', path='/etc/os-release'
                ),
            )
            for key, value in sorted(properties.items())
        ),
        min_disk=2,
        disk_buses=buses,
        firmware={'bios': True, 'uefi': False},
        guest_agent=agent,
    )


def contradicted(found, **properties):
    return [one.key for one in found.contradictions(properties)]


def test_facts_survive_json():
    found = make(os_distro='debian', agent=True)
    assert facts.Facts.from_json(json.loads(json.dumps(found.to_json()))) == (
        found
    )


def test_unknown_buses_survive_json():
    found = make(buses=None)
    assert facts.Facts.from_json(found.to_json()).disk_buses is None


def test_recipe_that_says_nothing_contradicts_nothing():
    assert contradicted(make(os_distro='debian')) == []


@pytest.mark.parametrize(
    ('key', 'seen', 'said'),
    [
        ('os_distro', 'debian', 'ubuntu'),
        ('os_version', '12', '13'),
        ('os_version', '12', '1'),
        ('architecture', 'x86_64', 'aarch64'),
        ('os_admin_user', 'debian', 'root'),
        ('os_type', 'linux', 'windows'),
    ],
)
def test_recipe_that_says_what_the_image_is_not_is_told(key, seen, said):
    (problem,) = make(**{key: seen}).contradictions({key: said})
    assert problem.key == key
    assert f'"{said}"' in problem.message
    assert '/etc/os-release' in problem.message


@pytest.mark.parametrize(
    ('key', 'seen', 'said'),
    [
        ('os_version', '9.6', '9'),
        ('os_version', '24.04', '24.04.1'),
        ('architecture', 'x86_64', 'amd64'),
    ],
)
def test_other_words_for_the_same_are_no_contradiction(key, seen, said):
    assert contradicted(make(**{key: seen}), **{key: said}) == []


def test_choices_are_the_recipe_s():
    found = make(hw_vif_model='virtio', hw_disk_bus='virtio')
    assert not contradicted(found, hw_vif_model='e1000', hw_disk_bus='scsi')


@pytest.mark.parametrize(('said', 'wrong'), [('1', True), ('2', False)])
def test_disk_that_is_too_small_is_told(said, wrong):
    assert contradicted(make(), min_disk=said) == ['min_disk'] * wrong


@pytest.mark.parametrize(('said', 'wrong'), [('uefi', True), ('bios', False)])
def test_firmware_that_cannot_boot_it_is_told(said, wrong):
    assert contradicted(make(), hw_firmware_type=said) == (
        ['hw_firmware_type'] * wrong
    )


def test_agent_that_is_not_there_is_told():
    assert contradicted(make(), hw_qemu_guest_agent='yes')
    assert not contradicted(make(), hw_qemu_guest_agent='no')
    assert not contradicted(make(agent=True), hw_qemu_guest_agent='yes')


def test_bus_without_drivers_is_told_with_those_that_have_them():
    (problem,) = make().contradictions({'hw_disk_bus': 'sata'})
    assert 'ahci' in problem.message
    assert problem.hint == 'the root is found on virtio, scsi'


def test_bus_is_not_judged_where_drivers_are_not_known():
    assert not contradicted(make(buses=None), hw_disk_bus='sata')


def test_other_scsi_controllers_are_not_judged():
    found = make(buses=('virtio',))
    assert contradicted(found, hw_disk_bus='scsi')
    assert not contradicted(
        found, hw_disk_bus='scsi', hw_scsi_model='vmpvscsi'
    )
