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
from image_pipeline.testing.disks import Link

RULE = registry.get('EGI-SEC-04')
UNITS = '/usr/lib/systemd/system'
WANTS = '/etc/systemd/system/multi-user.target.wants'
TIMESYNCD = (
    '/etc/systemd/system/sysinit.target.wants/systemd-timesyncd.service'
)


def enabled(name, text='[Service]\nExecStart=/bin/true\n'):
    return {f'{UNITS}/{name}': text, f'{WANTS}/{name}': Link(f'../{name}')}


def check(files=None, without=()):
    return RULE.check(images.in_memory(files, without))


def test_sound_image_passes():
    assert check().outcome == 'pass'


def test_nothing_that_keeps_the_clock_fails():
    assert check(without=[TIMESYNCD]).outcome == 'fail'


def test_two_programs_fail_unless_one_gives_way():
    assert check(enabled('chrony.service')).outcome == 'fail'
    unit = '[Unit]\nConflicts=systemd-timesyncd.service\n'
    assert check(enabled('chronyd.service', unit)).outcome == 'pass'


@pytest.mark.parametrize(
    ('line', 'outcome'),
    [
        ('pool pool.example.org iburst', 'pass'),
        ('# allow 10.0.0.0/8', 'pass'),
        ('! allow', 'pass'),
        ('bindcmdaddress 127.0.0.1', 'pass'),
        ('bindcmdaddress /run/chrony.sock', 'pass'),
        ('allow', 'fail'),
        ('allow 10.0.0.0/8', 'fail'),
        ('bindcmdaddress 0.0.0.0', 'fail'),
    ],
)
def test_chrony_serves_nobody(line, outcome):
    files = {**enabled('chrony.service'), '/etc/chrony/chrony.conf': line}
    assert check(files, [TIMESYNCD]).outcome == outcome


@pytest.mark.parametrize(
    ('text', 'outcome'),
    [
        ('restrict default kod nomodify noquery limited\n', 'pass'),
        ('restrict -4 default ignore\nrestrict 127.0.0.1\n', 'pass'),
        ('restrict default nomodify\n', 'fail'),
        ('server ntp.example.org\n', 'fail'),
    ],
)
def test_ntpd_answers_no_questions(text, outcome):
    files = {**enabled('ntp.service'), '/etc/ntp.conf': text}
    assert check(files, [TIMESYNCD]).outcome == outcome
