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
from image_pipeline.testing import images

RULE = registry.get('EGI-SEC-08')
ROCKY = {'/usr/lib/os-release': 'ID=rocky\nVERSION_ID=9.4\n'}
CONFIG = '/etc/selinux/config'
RELABEL = {'/.autorelabel': ''}
WANTS = '/etc/systemd/system/sysinit.target.wants/apparmor.service'


def check(files=None, without=(), **options):
    return RULE.check(images.in_memory(files, without), options)


def test_debian_needs_apparmor():
    assert check().outcome == 'pass'
    assert check(without=[WANTS]).outcome == 'fail'


@pytest.mark.parametrize(
    ('mode', 'severity'),
    [
        ('SELINUX=permissive\n', None),
        ('SELINUX=disabled\n', None),
        ('# SELINUX=enforcing\n', None),
        # The files of the sound image have no labels.
        ('SELINUX=enforcing\n', 'error'),
    ],
)
def test_selinux_enforces_with_labels(mode, severity):
    found = check(ROCKY | {CONFIG: mode})
    assert (found.outcome, found.severity) == ('fail', severity)


def test_labels_that_the_first_boot_makes_are_a_hint():
    found = check(ROCKY | RELABEL | {CONFIG: 'SELINUX=enforcing\n'})
    assert (found.outcome, found.severity) == ('fail', 'info')


def test_site_may_do_without_selinux():
    files = ROCKY | {CONFIG: 'SELINUX=disabled\n'}
    assert check(files, selinux='any').outcome == 'pass'


@pytest.mark.parametrize(
    ('files', 'argument'),
    [
        ({}, 'apparmor=0'),
        (ROCKY | RELABEL | {CONFIG: 'SELINUX=enforcing\n'}, 'selinux=0'),
        (ROCKY | RELABEL | {CONFIG: 'SELINUX=enforcing\n'}, 'enforcing=0'),
    ],
)
def test_kernel_that_is_told_to_leave_it_off_fails(files, argument):
    found = check(files | {'/etc/kernel/cmdline': f'ro {argument}\n'})
    assert found.evidence[0].data == argument


def test_unknown_system_is_no_pass():
    assert check({'/usr/lib/os-release': 'ID=odd\n'}).outcome == 'unknown'
