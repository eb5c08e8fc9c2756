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

from image_pipeline.audit import rule
from image_pipeline.audit.guest import packages
from image_pipeline.disk import files
from image_pipeline.testing import disks
from image_pipeline.testing import packages as databases
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


def test_packages_of_both_managers_are_sorted_by_name():
    found = packages.installed(
        tree(
            **{
                '/var/lib/dpkg/status': databases.dpkg_status('zlib', 'apt'),
                '/var/lib/rpm/rpmdb.sqlite': databases.sqlite_database(
                    [databases.rpm_header('bash')]
                ),
            }
        )
    )
    assert [(one.manager, one.name) for one in found] == [
        ('dpkg', 'apt'),
        ('rpm', 'bash'),
        ('dpkg', 'zlib'),
    ]


def test_tool_that_installed_nothing_does_no_harm():
    found = packages.installed(
        tree(
            **{
                '/var/lib/dpkg/status': databases.dpkg_status('rpm'),
                '/var/lib/rpm/rpmdb.sqlite': databases.sqlite_database([]),
            }
        )
    )
    assert [one.name for one in found] == ['rpm']


@pytest.mark.parametrize(
    'content',
    [
        {'/etc/hostname': 'x'},
        {'/var/lib/rpm/rpmdb.sqlite': databases.sqlite_database([])},
        {'/var/lib/dpkg/status': ''},
        {
            '/var/lib/dpkg/status': databases.dpkg_status('rpm'),
            '/var/lib/rpm/Packages.db': 'damaged',
        },
    ],
)
def test_without_a_sound_database_nothing_can_be_told(content):
    with pytest.raises(rule.CannotTell):
        packages.installed(tree(**content))


def test_packages_of_an_image_are_read_once():
    image = disks.MemoryView(
        disks.MemoryDisk(),
        {'/var/lib/dpkg/status': databases.dpkg_status('apt')},
    )
    assert packages.of(image) is packages.of(image)


def test_damaged_database_has_no_versions():
    found = packages.dpkg_versions(
        tree(**{'/var/lib/dpkg/status': 'Package: a\n\0'}), frozenset({'a'})
    )
    assert found == {}
