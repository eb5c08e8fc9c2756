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
from image_pipeline.testing.disks import Link

RULE = registry.get('EGI-PKG-01')
UNITS, ETC = '/usr/lib/systemd/system', '/etc/systemd/system'
SYSTEM = {
    '/usr/lib/systemd/systemd': 'ELF\n',
    f'{UNITS}/graphical.target': '[Unit]\n',
    f'{UNITS}/multi-user.target': '[Unit]\n',
    f'{UNITS}/gdm.service': '[Service]\n',
    f'{UNITS}/default.target': Link('graphical.target'),
}
MANAGER = {f'{ETC}/display-manager.service': Link(f'{UNITS}/gdm.service')}


def check(files=None, names=('bash',), **options):
    content = {'/var/lib/dpkg/status': packages.dpkg_status(*names)}
    image = disks.MemoryView(
        disks.MemoryDisk(), SYSTEM | content | (files or {})
    )
    return RULE.check(image, options)


def test_default_target_of_debian_is_no_desktop():
    assert check().outcome == 'pass'


def test_boot_into_a_display_manager_is_told():
    verdict = check(MANAGER)
    assert verdict.outcome == 'fail'
    assert verdict.evidence[0].path == f'{ETC}/display-manager.service'
    assert 'gdm.service' in verdict.evidence[0].message


@pytest.mark.parametrize(
    'files',
    [
        MANAGER
        | {f'{ETC}/default.target': Link(f'{UNITS}/multi-user.target')},
        {f'{ETC}/display-manager.service': Link('/dev/null')},
    ],
)
def test_display_manager_that_is_not_started_will_do(files):
    assert check(files).outcome == 'pass'


@pytest.mark.parametrize(
    ('name', 'outcome'),
    [
        ('gnome-shell', 'fail'),
        ('xserver-xorg-core', 'fail'),
        ('gdm3', 'fail'),
        ('mate-session-manager', 'fail'),
        ('libgnome', 'pass'),
        ('xfonts-base', 'pass'),
        ('gcc', 'pass'),
    ],
)
def test_packages_of_a_desktop_are_told(name, outcome):
    assert check(names=('bash', name)).outcome == outcome


def test_desktop_of_an_rpm_system_is_told():
    database = packages.sqlite_database([packages.rpm_header('gdm')])
    verdict = check({'/var/lib/rpm/rpmdb.sqlite': database})
    assert verdict.evidence[0].data == 'gdm 1.0-1.el9'


def test_what_else_is_not_wanted_is_an_option():
    names = ('bash', 'gcc-12')
    assert check(names=names, unwanted=['gcc-[0-9]*']).outcome == 'fail'


def test_damaged_database_is_no_pass():
    verdict = check({'/var/lib/dpkg/status': ''})
    assert verdict.outcome == 'unknown'
