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
from image_pipeline.testing.disks import File

RULE = registry.get('OS-USER-01')
CLOUD = '/etc/cloud/cloud.cfg.d/99-z.cfg'


def check(files=None, without=(), **options):
    return RULE.check(images.in_memory(files, without), options)


def account(line):
    return images.changed('/etc/passwd', 'sshd:', f'{line}\nsshd:')


def test_sound_image_passes():
    assert check().outcome == 'pass'


@pytest.mark.parametrize(
    ('line', 'outcome', 'severity'),
    [
        ('joe:x:1000:1000::/home/joe:/bin/bash', 'fail', None),
        ('joe:x:59999:0::/home/joe:/usr/sbin/nologin', 'fail', None),
        ('toor:x:0:0::/root:/bin/sh', 'fail', 'error'),
        ('debian:x:1000:1000::/home/debian:/bin/bash', 'fail', 'info'),
        ('app:x:999:999::/opt/app:/bin/sh', 'pass', None),
        ('dyn:x:61184:61184::/:/bin/sh', 'pass', None),
    ],
)
def test_accounts_for_people_are_left_to_cloud_init(line, outcome, severity):
    found = check(account(line))
    assert (found.outcome, found.severity) == (outcome, severity)


def test_rule_of_sudo_for_an_account_is_told():
    files = account('joe:x:1000:0::/home/joe:/bin/sh') | {
        '/etc/sudoers.d/joe': File('joe ALL=(ALL) ALL\n', mode=0o440)
    }
    assert '/etc/sudoers.d/joe' in check(files).evidence[0].message


def test_account_of_an_appliance_may_be_allowed():
    files = account('joe:x:1000:0::/home/joe:/bin/sh')
    assert check(files, accounts=['joe']).outcome == 'pass'


@pytest.mark.parametrize(
    'name', ['packer', '90-vagrant', '99-egi-installation', 'devuser']
)
def test_rule_of_sudo_that_is_left_fails(name):
    path = f'/etc/sudoers.d/{name}'
    assert check({path: ''}).evidence[0].path == path


@pytest.mark.parametrize(
    'text',
    [
        'system_info: {default_user: {name: egi}}\n',
        'system_info: {default_user: {name: 5}}\n',
        'system_info: {default_user: {sudo: false}}\n',
        'users: [{name: egi}]\n',
        'users: []\n',
    ],
)
def test_cloud_user_that_is_odd_fails(text):
    assert check({CLOUD: text}).evidence[0].path == CLOUD


def test_site_may_call_the_cloud_user_as_it_likes():
    files = {CLOUD: 'system_info: {default_user: {name: egi}}\n'}
    assert check(files, user='egi').outcome == 'pass'
    assert check(user='egi').outcome == 'fail'


def test_unknown_distribution_may_have_any_name():
    files = {'/usr/lib/os-release': 'ID=odd\n'}
    assert check(files).outcome == 'pass'


def test_image_without_cloud_init_has_no_cloud_user():
    without = ['/usr/bin/cloud-init']
    assert check(without=without).outcome == 'not-applicable'
