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

from image_pipeline.audit.guest import packages
from image_pipeline.disk import files
from image_pipeline.testing.disks import MemoryFiles


def tree(**content: str) -> files.FileTree:
    return files.FileTree(MemoryFiles(content))


def test_versions_are_those_of_installed_packages():
    status = (
        'Package: a\nStatus: install ok installed\nVersion: 1:2.06-13\n\n'
        'Package: b\nStatus: deinstall ok config-files\nVersion: 1\n\n'
        'Package: c\nStatus: install ok installed\nVersion: 3\n'
    )
    found = packages.dpkg_versions(
        tree(**{'/var/lib/dpkg/status': status}), frozenset({'a', 'b'})
    )
    assert found == {'a': '1:2.06-13'}


@pytest.mark.parametrize(
    ('text', 'numbers'),
    [
        ('1:2.06-13+deb12u1', (2, 6)),
        ('2.12~rc1', (2, 12)),
        ('1.47.0', (1, 47, 0)),
        ('unknown', ()),
        ('', ()),
    ],
)
def test_version_is_compared_by_its_numbers(text, numbers):
    assert packages.version(text) == numbers
