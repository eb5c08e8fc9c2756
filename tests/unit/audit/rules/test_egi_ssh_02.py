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

RULE = registry.get('EGI-SSH-02')
OURS = '/etc/ssh/sshd_config.d/00-sshd-keys-only.conf'
FIRST, LAST = (f'/etc/ssh/sshd_config.d/{n}.conf' for n in ('00-a', '99-z'))
CLOUD = '/etc/cloud/cloud.cfg.d/99-z.cfg'


def check(files=None, without=()):
    return RULE.check(images.in_memory(files, without))


def test_sound_image_passes():
    assert check().outcome == 'pass'


@pytest.mark.parametrize(
    ('path', 'text', 'severity'),
    [
        (FIRST, 'PasswordAuthentication yes\n', None),
        (FIRST, 'passwordauthentication=YES # why\n', None),
        (FIRST, 'KbdInteractiveAuthentication yes\n', None),
        (FIRST, 'ChallengeResponseAuthentication yes\n', None),
        (FIRST, 'PermitEmptyPasswords yes\n', 'error'),
        (LAST, 'Match User bob\nPasswordAuthentication yes\n', None),
        (LAST, 'Match all\nPasswordAuthentication yes\n', None),
        ('/etc/default/ssh', 'SSHD_OPTS=-oPasswordAuthentication=yes\n', None),
        (CLOUD, 'ssh_pwauth: true\n', 'info'),
        (CLOUD, 'ssh_pwauth: "yes"\n', 'info'),
    ],
)
def test_password_that_is_accepted_fails_where_it_is(path, text, severity):
    found = check({path: text})
    assert (found.outcome, found.severity) == ('fail', severity)
    assert found.evidence[0].path == path


@pytest.mark.parametrize(
    ('path', 'text'),
    [
        (LAST, 'PasswordAuthentication yes\n'),
        ('/etc/ssh/sshd_config.d/50-cloud-init.conf', 'PermitEmptyPasswords '
         'yes\n'),
        (FIRST, '# PasswordAuthentication yes\n'),
        (FIRST, 'Match User bob\nPasswordAuthentication no\n'),
        (CLOUD, 'ssh_pwauth: unchanged\n'),
        (CLOUD, 'ssh_pwauth: false\n'),
    ],
)  # fmt: skip
def test_what_comes_too_late_passes(path, text):
    assert check({path: text}).outcome == 'pass'


def test_default_is_to_accept_passwords():
    found = check(without=[OURS])
    assert 'the default is yes' in (found.evidence[0].data or '')


def test_what_cloud_init_writes_counts_where_nothing_is_before_it():
    files = {LAST: 'PasswordAuthentication no\n', CLOUD: 'ssh_pwauth: 1\n'}
    found = check(files, [OURS])
    assert (found.outcome, found.severity) == ('fail', None)


def test_image_without_sshd_is_another_rule_s_matter():
    assert check(without=['/usr/sbin/sshd']).outcome == 'not-applicable'


def test_vendor_s_configuration_of_opensuse_is_read():
    files = {
        '/usr/etc/ssh/sshd_config': 'Include '
        '/usr/etc/ssh/sshd_config.d/*.conf\n'
        'KbdInteractiveAuthentication no\n',
        '/usr/etc/ssh/sshd_config.d/40-x.conf': 'PasswordAuthentication no\n',
    }
    without = ['/etc/ssh/sshd_config']
    assert check(files, without).outcome == 'pass'


def test_policy_that_red_hat_s_file_includes_is_read():
    files = {
        FIRST: 'Include /etc/crypto-policies/back-ends/opensshserver.config\n',
        '/etc/crypto-policies/back-ends/opensshserver.config': (
            'PasswordAuthentication yes\n'
        ),
    }
    found = check(files)
    assert found.evidence[0].path.startswith('/etc/crypto-policies/')
