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

from image_pipeline.audit.guest import release
from image_pipeline.disk import files
from image_pipeline.testing.disks import MemoryFiles


def tree(**content: str) -> files.FileTree:
    return files.FileTree(MemoryFiles(content))


def test_os_release_is_read_without_its_quotes():
    found = release.os_release(
        tree(**{'/usr/lib/os-release': 'ID=debian\nVERSION_ID="12"\n'})
    )
    assert found == {'ID': 'debian', 'VERSION_ID': '12'}


def test_missing_files_say_nothing():
    assert release.os_release(tree()) == {}


@pytest.mark.parametrize(
    ('said', 'family'),
    [
        ({'ID': 'debian'}, 'debian'),
        ({'ID': 'linuxmint', 'ID_LIKE': 'ubuntu debian'}, 'debian'),
        ({'ID': 'almalinux', 'ID_LIKE': 'rhel centos fedora'}, 'redhat'),
        ({'ID': 'opensuse-leap', 'ID_LIKE': 'suse opensuse'}, 'suse'),
        ({'ID': 'gentoo'}, None),
        ({}, None),
    ],
)
def test_family_is_that_of_the_system_or_what_it_is_like(said, family):
    assert release.family(said) == family
