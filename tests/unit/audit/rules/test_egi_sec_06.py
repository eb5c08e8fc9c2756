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

RULE = registry.get('EGI-SEC-06')
CONF = '/etc/apt/apt.conf.d/20auto-upgrades'
ON, OFF = (f'APT::Periodic::Unattended-Upgrade "{n}";\n' for n in '10')


def check(files=None, without=(), policy='explicit'):
    return RULE.check(images.in_memory(files, without), {'policy': policy})


@pytest.mark.parametrize(
    ('text', 'policy', 'outcome'),
    [
        (ON, 'explicit', 'pass'),
        (OFF, 'explicit', 'pass'),
        ('', 'explicit', 'fail'),
        (f'// {ON}', 'explicit', 'fail'),
        (ON, 'automatic', 'pass'),
        (OFF, 'automatic', 'fail'),
        ('', 'automatic', 'fail'),
        (ON, 'none', 'fail'),
        (OFF, 'none', 'pass'),
        ('', 'none', 'pass'),
        (ON + OFF, 'none', 'pass'),
    ],
)
def test_policy_of_apt(text, policy, outcome):
    assert check({CONF: text}, policy=policy).outcome == outcome


def test_what_is_on_without_its_tool_does_nothing():
    found = check(without=['/usr/bin/unattended-upgrade'], policy='automatic')
    assert found.outcome == 'fail'


def test_timer_of_dnf_is_a_policy():
    release = {'/usr/lib/os-release': 'ID=rocky\nVERSION_ID=9.4\n'}
    assert check(release).outcome == 'fail'
    timer = {
        '/usr/lib/systemd/system/dnf-automatic.timer': '[Timer]\n',
        '/etc/systemd/system/timers.target.wants/dnf-automatic.timer': Link(
            '/usr/lib/systemd/system/dnf-automatic.timer'
        ),
    }
    assert check(release | timer).outcome == 'pass'


def test_timer_that_is_masked_is_a_policy_too():
    release = {'/usr/lib/os-release': 'ID=rocky\nVERSION_ID=9.4\n'}
    mask = {'/etc/systemd/system/dnf-automatic.timer': Link('/dev/null')}
    assert check(release | mask).outcome == 'pass'
    assert check(release | mask, policy='automatic').outcome == 'fail'


def test_unknown_system_is_no_pass():
    assert check({'/usr/lib/os-release': 'ID=odd\n'}).outcome == 'unknown'
