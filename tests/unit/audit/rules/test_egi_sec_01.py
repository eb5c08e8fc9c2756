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
from image_pipeline.testing import disks, images

RULE = registry.get('EGI-SEC-01')
CLOUD = '/etc/cloud/cloud.cfg.d/99-z.cfg'


def check(files=None):
    return RULE.check(images.in_memory(files))


@pytest.mark.parametrize('field', ['!', '*', '!!', '!*', 'x', '*LK*'])
def test_locked_account_passes(field):
    files = images.changed('/etc/shadow', 'sshd:!:', f'sshd:{field}:')
    assert check(files).outcome == 'pass'


@pytest.mark.parametrize(
    ('field', 'severity'),
    [
        ('', None),
        ('$1$a$b', None),
        ('$5$a$b', None),
        ('$6$a$b', None),
        ('$y$j9T$a$b', None),
        ('$gy$j9T$a$b', None),
        ('$2b$10$abc', None),
        ('$7$CU..../....a$b', None),
        ('abJnggxhB/yWI', None),
        ('!$6$a$b', 'warning'),
    ],
)
def test_password_in_shadow_fails_and_is_not_repeated(field, severity):
    found = check(images.changed('/etc/shadow', 'sshd:!:', f'sshd:{field}:'))
    assert (found.outcome, found.severity) == ('fail', severity)
    (evidence,) = found.evidence
    assert (evidence.path, evidence.line) == ('/etc/shadow', 4)
    assert evidence.data is None


@pytest.mark.parametrize(
    ('path', 'text'),
    [
        ('/etc/passwd', 'root:$1$a$b:0:0::/root:/bin/sh\n'),
        ('/etc/passwd', 'root::0:0::/root:/bin/sh\n'),
        ('/etc/shadow-', 'root:$6$a$b:1::::::\n'),
        ('/usr/lib/shadow', 'root::1::::::\n'),
        ('/etc/gshadow', 'sudo:$6$a$b::\n'),
        (CLOUD, 'system_info: {default_user: {lock_passwd: false}}\n'),
        (CLOUD, 'system_info: {default_user: {hashed_passwd: x}}\n'),
        (CLOUD, 'users: [default, {name: a, plain_text_passwd: x}]\n'),
        (CLOUD, 'password: x\n'),
        (CLOUD, 'chpasswd: {list: "root:x"}\n'),
        ('/root/anaconda-ks.cfg', 'rootpw --plaintext x\n'),
        ('/boot/grub/grub.cfg', 'password_pbkdf2 root grub.pbkdf2.x\n'),
    ],
)
def test_password_elsewhere_fails_where_it_is(path, text):
    found = check({path: text})
    assert found.outcome == 'fail'
    assert found.evidence[0].path == path


@pytest.mark.parametrize(
    ('path', 'text'),
    [
        ('/etc/group', 'sudo:x:27:\nempty::28:\n'),
        ('/etc/gshadow', 'sudo:::\n'),
        (CLOUD, 'chpasswd: {expire: false}\n'),
        (CLOUD, 'system_info: {default_user: {lock_passwd: true}}\n'),
        ('/root/anaconda-ks.cfg', 'rootpw --lock\n'),
        ('/boot/grub/grub.cfg', '# password_pbkdf2 root x\n'),
    ],
)
def test_what_is_no_password_passes(path, text):
    assert check({path: text}).outcome == 'pass'


def test_image_without_accounts_is_no_pass():
    disk = disks.MemoryDisk(disks.gpt_disk([]))
    found = RULE.check(disks.MemoryView(disk, {'/etc/fstab': ''}))
    assert found.outcome == 'unknown'
