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

from image_pipeline.audit.guest import accounts
from image_pipeline.disk import files
from image_pipeline.testing.disks import MemoryFiles

Password = accounts.Password


def tree(content):
    return files.FileTree(MemoryFiles(content))


@pytest.mark.parametrize(
    ('field', 'kind'),
    [
        ('!', Password.LOCKED),
        ('*', Password.LOCKED),
        ('!!', Password.LOCKED),
        ('!*', Password.LOCKED),
        ('x', Password.LOCKED),
        ('*LK*', Password.LOCKED),
        ('', Password.EMPTY),
        ('$1$salt$hash', Password.HASH),
        ('$5$salt$hash', Password.HASH),
        ('$6$rounds=5000$salt$hash', Password.HASH),
        ('$y$j9T$salt$hash', Password.HASH),
        ('$gy$j9T$salt$hash', Password.HASH),
        ('$2b$10$hash', Password.HASH),
        ('$7$CU..../....salt$hash', Password.HASH),
        ('abJnggxhB/yWI', Password.HASH),
        ('_J9..rasmBYk8r9AiWNc', Password.HASH),
        ('!$6$salt$hash', Password.LOCKED_HASH),
        ('*$y$j9T$salt$hash', Password.LOCKED_HASH),
    ],
)
def test_password_field_is_what_login_makes_of_it(field, kind):
    assert accounts.password(field) is kind


def test_accounts_keep_their_lines_and_broken_ones_are_left_out():
    found = accounts.passwd(
        tree({'/etc/passwd': '# x\nroot:x:0:0:r:/root:/bin/sh\nbroken:x\n'})
    )
    assert [(one.name, one.uid, one.line.number) for one in found] == [
        ('root', 0, 2)
    ]


def test_id_that_is_no_number_is_none():
    (found,) = accounts.passwd(tree({'/etc/passwd': 'a:x:²:-1:::\n'}))
    assert (found.uid, found.gid, found.is_person) == (None, None, False)


def test_homes_are_those_of_accounts_and_those_in_home():
    found = accounts.homes(
        tree(
            {
                '/etc/passwd': 'a:x:1:1::/var/lib/a:\nb:x:2:2::/bin:\n'
                'c:x:3:3::/nonexistent:\n',
                '/var/lib/a/x': '',
                '/bin/x': '',
                '/root': None,
                '/home/left': None,
                '/home/file': '',
            }
        )
    )
    assert found == ['/home/left', '/root', '/var/lib/a']


def test_sudoers_includes_are_read_as_sudo_does():
    found = accounts.grants(
        tree(
            {
                '/etc/sudoers': 'Defaults env_reset\n'
                'User_Alias ADMINS = alice, bob\n'
                '#include more\n#includedir /etc/sudoers.d\n',
                '/etc/more': 'ADMINS, %ops ALL = (ALL) NOPASSWD: ALL\n',
                '/etc/sudoers.d/a': 'c ALL=\\\n  (root) /bin/x\n',
                '/etc/sudoers.d/a.bak': 'd ALL=(ALL) ALL\n',
                '/etc/sudoers.d/a~': 'e ALL=(ALL) ALL\n',
            }
        )
    )
    assert [(one.who, one.without_password) for one in found] == [
        (('alice', 'bob', '%ops'), True),
        (('c',), False),
    ]
    assert found[1].line.number == 1


def test_sudoers_that_includes_itself_ends():
    text = '@include sudoers\n@include sudoers\na ALL=(ALL) ALL\n'
    assert len(accounts.grants(tree({'/etc/sudoers': text}))) <= 128


def test_vendors_sudoers_counts_only_where_there_is_no_other():
    vendor = {'/usr/etc/sudoers': 'a ALL=(ALL) ALL\n'}
    assert len(accounts.grants(tree(vendor))) == 1
    assert not accounts.grants(tree(vendor | {'/etc/sudoers': '\n'}))


def test_groups_have_members():
    (found,) = accounts.secrets(
        tree({'/etc/group': 'a:x:1:b,c\n'}), '/etc/group'
    )
    assert found.members == ('b', 'c')


def test_group_that_is_cut_short_has_no_members():
    (found,) = accounts.secrets(tree({'/etc/group': 'a:x\n'}), '/etc/group')
    assert (found.name, found.members) == ('a', ())
