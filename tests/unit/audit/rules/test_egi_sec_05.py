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
from image_pipeline.audit.guest import lifecycle
from image_pipeline.testing import images

RULE = registry.get('EGI-SEC-05')


def check(release=None, *, files=None, **options):
    changed = dict(files or {})
    if release is not None:
        changed['/usr/lib/os-release'] = release
    return RULE.check(images.in_memory(changed), options)


@pytest.mark.parametrize(
    ('release', 'date', 'outcome'),
    [
        ('ID=debian\nVERSION_ID="12"\n', '2028-06-30', 'pass'),
        ('ID=debian\nVERSION_ID="12"\n', '2028-07-01', 'fail'),
        ('ID=ubuntu\nVERSION_ID="20.04"\n', '2026-01-01', 'fail'),
        ('ID="rocky"\nVERSION_ID="9.4"\n', '2027-01-01', 'pass'),
        ('ID=centos\nVERSION_ID=8\n', '2026-01-01', 'fail'),
        ('ID=fedora\nVERSION_ID=40\nSUPPORT_END=2025-05-13\n', '2026-01-01',
         'fail'),
        ('ID=fedora\nVERSION_ID=40\nSUPPORT_END=2025-05-13\n', '2025-05-13',
         'pass'),
        ('ID=opensuse-tumbleweed\nVERSION_ID=20260101\n', '2026-02-01',
         'pass'),
        ('ID=debian\nVERSION_ID="99"\n', '2026-01-01', 'unknown'),
        ('ID=fedora\nVERSION_ID=40\n', '2026-01-01', 'unknown'),
        ('ID=fedora\nSUPPORT_END=soon\n', '2026-01-01', 'unknown'),
        ('NAME=x\n', '2026-01-01', 'unknown'),
    ],
)  # fmt: skip
def test_release_is_judged_by_the_day(release, date, outcome):
    assert check(release, date=date).outcome == outcome


def test_table_that_is_old_is_not_believed():
    release = 'ID=almalinux\nVERSION_ID=10\n'
    assert check(release, date='2034-01-01').outcome == 'unknown'
    found = check(release, date='2034-01-01', max_table_age_days=9999)
    assert found.outcome == 'pass'


def test_release_of_tests_never_ends():
    assert check().outcome == 'pass'


def test_table_says_when_it_was_made():
    assert lifecycle.as_of().year >= 2026


@pytest.mark.parametrize(
    ('status', 'severity'),
    [
        ('install ok half-configured', None),
        ('install ok unpacked', None),
        ('install reinstreq installed', None),
        ('hold ok installed', 'info'),
    ],
)
def test_package_that_is_not_whole_fails(status, severity):
    text = f'Package: a\nStatus: {status}\nVersion: 1\n'
    found = check(files={'/var/lib/dpkg/status': text})
    assert (found.outcome, found.severity) == ('fail', severity)
    assert found.evidence[0].line == 2


@pytest.mark.parametrize(
    'status', ['install ok installed', 'deinstall ok config-files']
)
def test_package_that_is_whole_or_gone_passes(status):
    text = f'Package: a\nStatus: {status}\nVersion: 1\n'
    assert check(files={'/var/lib/dpkg/status': text}).outcome == 'pass'
