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

from image_pipeline.audit import registry
from image_pipeline.testing import disks, packages

RULE = registry.get('EGI-DATA-01')
STATUS = '/var/lib/dpkg/status'
KIB = 1024


def check(files, **options):
    content = {STATUS: packages.dpkg_status('dpkg', 'bash')} | files
    image = disks.MemoryView(disks.MemoryDisk(), content)
    small = {'max_file_mib': 8 / KIB, 'max_folder_mib': 2 / KIB}
    return RULE.check(image, small | options)


@pytest.mark.parametrize(
    ('path', 'kib', 'outcome'),
    [
        ('/var/lib/set', 9, 'fail'),
        ('/var/lib/set', 8, 'pass'),
        ('/usr/share/set', 9, 'pass'),
        ('/usr/sharex/set', 9, 'fail'),
        ('/srv/a/b/set', 3, 'fail'),
        ('/srv/set', 2, 'pass'),
        ('/srvx/set', 3, 'pass'),
        ('/opt/set', 3, 'fail'),
    ],
)
def test_large_files_and_full_folders_are_told(path, kib, outcome):
    assert check({path: b'x' * kib * KIB}).outcome == outcome


def test_folders_for_data_and_for_the_system_are_options():
    big = {'/data/set': b'x' * 9 * KIB}
    assert check(big).outcome == 'fail'
    assert (
        check(big, system_folders=['/data'], data_folders=[]).outcome == 'pass'
    )


@pytest.mark.parametrize(
    ('path', 'outcome'),
    [
        ('/var/lib/docker/image/overlay2/imagedb/content/sha256/ab', 'fail'),
        ('/var/lib/containers/storage/overlay-images/ab/manifest', 'fail'),
        ('/var/lib/containers/storage/overlay-images/images.json', 'pass'),
        ('/var/lib/containers/storage/overlay-images/images.lock', 'pass'),
        ('/var/lib/docker/volumes/metadata.db', 'pass'),
    ],
)
def test_images_of_containers_are_told(path, outcome):
    assert check({path: '{}'}).outcome == outcome


def test_nodes_of_clusters_may_have_some():
    files = {'/var/lib/containers/storage/overlay-images/ab/manifest': '{}'}
    assert check(files, max_container_images=1).outcome == 'pass'


def test_many_packages_are_a_hint():
    verdict = check({}, max_packages=1)
    assert (verdict.outcome, verdict.severity) == ('fail', 'info')
    assert check({}, max_packages=2).outcome == 'pass'


def test_packages_that_cannot_be_counted_leave_it_unknown():
    assert check({STATUS: 'Package: a\n\0'}).outcome == 'unknown'
    assert check({STATUS: 'Package: a\n\0'}, max_packages=0).outcome == 'pass'
