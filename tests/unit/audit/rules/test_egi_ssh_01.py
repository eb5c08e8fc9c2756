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

RULE = registry.get('EGI-SSH-01')
WANTS = '/etc/systemd/system/multi-user.target.wants'
FIRST, LAST = (f'/etc/ssh/sshd_config.d/{n}.conf' for n in ('00-a', '99-z'))
NOT_STARTED = (f'{WANTS}/ssh.service', '/etc/systemd/system/sshd.service')


def check(files=None, without=()):
    return RULE.check(images.in_memory(files, without))


def test_sound_image_passes():
    assert check().outcome == 'pass'


@pytest.mark.parametrize(
    ('path', 'text', 'severity'),
    [
        ('/etc/ssh/sshd_not_to_be_run', '', None),
        (FIRST, 'PubkeyAuthentication no\n', None),
        (FIRST, 'AuthorizedKeysFile none\n', None),
        (FIRST, 'AuthenticationMethods publickey,password\n', None),
        (FIRST, 'UsePAM no\n', None),
        (LAST, 'PasswordAuthentication off\n', None),
        (LAST, 'Port 2222\n', 'warning'),
    ],
)
def test_what_keeps_keys_out_fails(path, text, severity):
    found = check({path: text})
    assert (found.outcome, found.severity) == ('fail', severity)
    assert found.evidence[0].path == path


@pytest.mark.parametrize(
    'text',
    [
        'Port 22\nPort 2222\n',
        'AuthenticationMethods publickey password\n',
        'AuthorizedKeysFile none\nAuthorizedKeysCommand /usr/bin/keys\n',
        'PasswordAuthentication NO\n',
    ],
)
def test_what_lets_keys_in_passes(text):
    assert check({FIRST: text}).outcome == 'pass'


def test_sshd_without_pam_by_default_turns_locked_accounts_away():
    files = images.changed('/etc/ssh/sshd_config', 'UsePAM yes\n', '')
    found = check(files)
    assert 'usepam is not set' in (found.evidence[0].data or '')


def test_missing_and_disabled_sshd_fail():
    assert check(without=['/usr/sbin/sshd']).outcome == 'fail'
    found = check(without=NOT_STARTED)
    assert found.evidence[0].data == 'ssh.service is disabled'


def test_masked_sshd_fails():
    files = {'/etc/systemd/system/ssh.service': Link('/dev/null')}
    found = check(files, NOT_STARTED)
    assert found.evidence[0].data == 'ssh.service is masked'


def test_socket_of_ubuntu_is_enough():
    files = {
        '/usr/lib/systemd/system/ssh.socket': '[Socket]\nListenStream=22\n',
        '/etc/systemd/system/sockets.target.wants/ssh.socket': Link(
            '/usr/lib/systemd/system/ssh.socket'
        ),
    }
    assert check(files, NOT_STARTED).outcome == 'pass'


def test_other_init_is_no_pass():
    assert check(without=['/usr/lib/systemd/systemd']).outcome == 'unknown'
