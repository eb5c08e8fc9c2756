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

import random

import pytest

from image_pipeline.audit import rule
from image_pipeline.audit.guest import rpm
from image_pipeline.disk import files
from image_pipeline.testing import packages
from image_pipeline.testing.disks import Link, MemoryFiles

HEADERS = [
    packages.rpm_header('bash', '5.1.8', '9.el9', size=7_738_778),
    packages.rpm_header('shadow-utils', '4.9', '8.el9', epoch=2),
    packages.rpm_header('gpg-pubkey', 'fd431d51', '4ae0493b'),
]
SQLITE = packages.sqlite_database(HEADERS)
NDB = packages.ndb_database(HEADERS)
HASH = packages.hash_database(HEADERS)
KINDS = {'rpmdb.sqlite': SQLITE, 'Packages.db': NDB, 'Packages': HASH}


def read(content):
    return rpm.packages(files.FileTree(MemoryFiles(content)))


@pytest.mark.parametrize('folder', rpm.FOLDERS)
@pytest.mark.parametrize('name', list(KINDS))
def test_packages_of_each_kind_of_database_are_read(folder, name):
    found = read({f'{folder}/{name}': KINDS[name]})
    assert [one.full_version for one in found] == [
        '5.1.8-9.el9',
        '2:4.9-8.el9',
    ]


def test_folder_may_be_a_link():
    found = read(
        {
            '/usr/lib/sysimage/rpm/rpmdb.sqlite': SQLITE,
            '/var/lib/rpm': Link('../../usr/lib/sysimage/rpm'),
        }
    )
    assert len(found) == 2


def test_there_may_be_no_rpm():
    assert read({'/var/lib/rpm': None}) is None


def test_database_without_packages_has_none():
    assert read({'/var/lib/rpm/Packages.db': packages.ndb_database([])}) == []


@pytest.mark.parametrize('name', list(KINDS))
@pytest.mark.parametrize('length', [0, 3, 600, 4500])
def test_database_cut_short_cannot_be_told(name, length):
    data = KINDS[name][:length]
    with pytest.raises(rule.CannotTell, match='damaged'):
        read({f'/var/lib/rpm/{name}': data})


@pytest.mark.parametrize('name', list(KINDS))
def test_bytes_that_are_flipped_do_no_more_than_damage(name):
    noise = random.Random(1)
    told = 0
    for _ in range(150):
        data = bytearray(KINDS[name])
        for _ in range(noise.choice((1, 1, 9))):
            data[noise.randrange(len(data))] = noise.choice((0, 1, 127, 255))
        try:
            read({f'/var/lib/rpm/{name}': bytes(data)})
        except rule.CannotTell:
            told += 1
    assert told
