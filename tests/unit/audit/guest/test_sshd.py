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

from image_pipeline.audit.guest import sshd
from image_pipeline.disk import files
from image_pipeline.testing.disks import MemoryFiles


def read(*lines, **more):
    content = {'/etc/ssh/sshd_config': '\n'.join(lines) + '\n'}
    paths = {'included': '/etc/ssh/sshd_config.d/a.conf'}
    content |= {paths[name]: text for name, text in more.items()}
    return sshd.read(files.FileTree(MemoryFiles(content)))


def test_first_value_wins():
    config = read('PasswordAuthentication no', 'passwordauthentication yes')
    assert config.value('passwordauthentication') == 'no'
    assert config.setting('passwordauthentication').line.number == 1


def test_include_is_read_where_it_stands():
    after = read('Port 1', 'Include sshd_config.d/*.conf', included='Port 2\n')
    before = read(
        'Include sshd_config.d/*.conf', 'Port 1', included='Port 2\n'
    )
    assert (after.value('port'), before.value('port')) == ('1', '2')


def test_include_of_nothing_is_nothing():
    assert read('Include /etc/none/*.conf', 'Port 1').value('port') == '1'


def test_file_that_includes_itself_ends():
    config = read('Include /etc/ssh/sshd_config', 'Port 1')
    assert config.value('port') == '1'


def test_match_block_holds_for_some_connections_only():
    config = read('Match User bob', 'PasswordAuthentication yes')
    assert config.setting('passwordauthentication') is None
    (found,) = config.conditional('passwordauthentication')
    assert found.match == 'user bob'


def test_match_all_overrides_what_stands_before():
    config = read('X11Forwarding no', 'Match all', 'X11Forwarding yes')
    assert config.value('x11forwarding') == 'yes'


def test_match_in_an_included_file_ends_with_that_file():
    config = read(
        'Include sshd_config.d/*.conf',
        'PermitRootLogin yes',
        included='Match User bob\nPort 2\n',
    )
    assert config.value('permitrootlogin') == 'yes'


def test_match_in_a_file_included_by_a_block_stays_within_that_block():
    config = read(
        'Match User bob',
        'Include sshd_config.d/*.conf',
        included='Match all\nPermitRootLogin yes\n',
    )
    assert config.value('permitrootlogin') == 'prohibit-password'
    assert config.conditional('permitrootlogin')


@pytest.mark.parametrize(
    ('line', 'keyword', 'value'),
    [
        ('Port=2022', 'port', '2022'),
        ('Port = 2022 # why', 'port', '2022'),
        ('  "Port" "2022"', 'port', '2022'),
        (
            'ChallengeResponseAuthentication no',
            'kbdinteractiveauthentication',
            'no',
        ),
        ('AuthorizedKeysFile a#b "c d"', 'authorizedkeysfile', 'a#b c d'),
        ('Banner "open', 'banner', '"open'),
    ],
)
def test_lines_are_read_as_sshd_does(line, keyword, value):
    assert read(line).value(keyword) == value


def test_defaults_are_openssh_s():
    config = read()
    assert config.value('passwordauthentication') == 'yes'
    assert config.value('permitrootlogin') == 'prohibit-password'


def test_sles_15_lets_root_in_by_default():
    content = {'/etc/os-release': 'ID="sles"\nVERSION_ID="15.6"\n'}
    config = sshd.read(files.FileTree(MemoryFiles(content)))
    assert config.value('permitrootlogin') == 'yes'


def test_administrator_s_file_hides_the_vendor_s():
    vendor = {'/usr/etc/ssh/sshd_config': 'Port 1\n'}
    config = sshd.read(files.FileTree(MemoryFiles(vendor)))
    assert config.value('port') == '1'
    both = vendor | {'/etc/ssh/sshd_config': '\n'}
    assert sshd.read(files.FileTree(MemoryFiles(both))).value('port') == '22'


def test_command_line_goes_before_any_file():
    content = {
        '/etc/default/ssh': 'SSHD_OPTS="-o PasswordAuthentication=yes '
        '-p 23"\n',
        '/etc/ssh/sshd_config': 'PasswordAuthentication no\n',
    }
    config = sshd.read(files.FileTree(MemoryFiles(content)))
    assert config.value('passwordauthentication') == 'yes'
    assert config.value('port') == '23'


@pytest.mark.parametrize(
    ('value', 'seconds'),
    [('60', 60), ('2m', 120), ('1h30m', 5400), ('soon', None), ('', None)],
)
def test_times_have_units(value, seconds):
    assert sshd.seconds(value) == seconds
