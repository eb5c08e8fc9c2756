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
from image_pipeline.audit.guest import dpkg
from image_pipeline.disk import files
from image_pipeline.testing import packages
from image_pipeline.testing.disks import MemoryFiles

STATUS, STATUS_D = '/var/lib/dpkg/status', '/var/lib/dpkg/status.d'


def read(**content):
    return dpkg.packages(files.FileTree(MemoryFiles(content)))


def test_package_is_told_with_all_that_the_status_says():
    (found,) = read(
        **{
            STATUS: 'Package: bind9\nStatus: install ok installed\n'
            'Installed-Size: 1024\nArchitecture: amd64\n'
            'Version: 1:9.18.1-1~deb12-u1\nDescription: a\n b: c\n .\n'
        }
    )
    assert (found.epoch, found.version, found.release) == (
        1,
        '9.18.1-1~deb12',
        'u1',
    )
    assert (found.name, found.arch, found.size) == ('bind9', 'amd64', 1 << 20)
    assert found.full_version == '1:9.18.1-1~deb12-u1'


def test_native_package_has_no_release():
    (found,) = read(**{STATUS: packages.dpkg_status('apt', version='2.6.1')})
    assert (found.version, found.release) == ('2.6.1', '')
    assert found.full_version == '2.6.1'


@pytest.mark.parametrize(
    'status', ['deinstall ok config-files', 'purge ok not-installed']
)
def test_package_that_was_removed_is_not_there(status):
    text = packages.dpkg_status('dpkg')
    text += f'\nPackage: b\nStatus: {status}\nVersion: 1\n'
    assert [found.name for found in read(**{STATUS: text})] == ['dpkg']


def test_images_without_a_package_manager_have_a_file_a_package():
    found = read(
        **{
            f'{STATUS_D}/base': 'Package: base-files\nVersion: 12\n',
            f'{STATUS_D}/base.md5sums': '0 usr/x\n',
            f'{STATUS_D}/tz': 'Package: tzdata\nVersion: 2024a-0\n',
        }
    )
    assert {one.name for one in found} == {'base-files', 'tzdata'}


def test_there_may_be_no_dpkg():
    assert read(**{'/etc/hostname': 'x'}) is None


@pytest.mark.parametrize(
    ('text', 'why'),
    [
        ('', 'names no installed package'),
        ('\n\n', 'names no installed package'),
        ('Package: a\nVersion: 1\n', 'no Status'),
        ('Status: install ok installed\nVersion: 1\n', 'no Package'),
        ('Package: a\nStatus: install ok installed\n', 'no Version'),
        ('Package: a\n\0\0\0\n', 'damaged in line 2'),
        (packages.dpkg_status('a', 'b') + 'Pack', 'damaged in line 10'),
        (b'\xff\xfe' * 99, 'damaged in line 1'),
    ],
)
def test_damaged_status_is_no_system_without_packages(text, why):
    with pytest.raises(rule.CannotTell, match=why):
        read(**{STATUS: text})
