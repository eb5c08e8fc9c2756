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

from image_pipeline.audit import licences
from image_pipeline.audit.guest import package_record
from image_pipeline.testing import images

STATUS = licences.STATUS


def test_packages_are_found_by_pattern_and_firmware_is_left_out():
    names = ['bash', 'code', 'codec', 'nvidia-driver', 'nvidia-firmware-5',
             'zoom', 'zoomer']  # fmt: skip
    found = licences.packages(
        package_record.Package(manager='rpm', name=name, version='1')
        for name in names
    )
    assert [one for ours in found.values() for one in ours] == [
        'code',
        'nvidia-driver',
        'zoom',
    ]


def test_each_reason_is_a_sentence_without_a_full_stop():
    for why in licences.distributions().values():
        assert why and not why.endswith('.')


def test_sections_are_those_of_installed_packages_wherever_the_field_is():
    files = {
        STATUS: 'Section: non-free/a\nPackage: first\n'
        'Status: install ok installed\n\n'
        'Package: free\nStatus: install ok installed\nSection: a\n\n'
        'Package: gone\nSection: non-free/a\n'
        'Status: deinstall ok config-files\n\n'
        'Package: last\nStatus: hold ok installed\nSection: restricted/a\n'
    }
    found = licences.sections(images.in_memory(files).files)
    assert found == {'non-free': ['first'], 'restricted': ['last']}


def test_image_without_dpkg_has_no_sections():
    assert licences.sections(images.in_memory(without={STATUS}).files) == {}
