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

RULE = registry.get('EGI-SSH-05')
OURS = '/etc/ssh/sshd_config.d/00-sshd-keys-only.conf'
FIRST = '/etc/ssh/sshd_config.d/00-a.conf'


def check(line='', without=(), **options):
    return RULE.check(images.in_memory({FIRST: f'{line}\n'}, without), options)


@pytest.mark.parametrize(
    ('line', 'outcome'),
    [
        ('ClientAliveInterval 30', 'pass'),
        ('ClientAliveInterval 235', 'pass'),
        ('ClientAliveInterval 3m', 'pass'),
        ('ClientAliveInterval 29', 'fail'),
        ('ClientAliveInterval 236', 'fail'),
        ('ClientAliveInterval never', 'fail'),
        ('MaxAuthTries 5', 'fail'),
        ('MaxAuthTries x', 'fail'),
        ('LoginGraceTime 1m', 'pass'),
        ('LoginGraceTime 2m', 'fail'),
        ('LoginGraceTime 0', 'fail'),
        ('X11Forwarding yes', 'fail'),
        ('Ciphers chacha20-poly1305@openssh.com,aes256-gcm@openssh.com',
         'pass'),
        ('Ciphers aes128-cbc', 'fail'),
        ('Ciphers +3des-cbc', 'fail'),
        ('Ciphers -3des-cbc', 'pass'),
        ('MACs hmac-sha2-256,hmac-md5-96', 'fail'),
        ('MACs hmac-sha2-512-etm@openssh.com', 'pass'),
        ('KexAlgorithms diffie-hellman-group14-sha1', 'fail'),
        ('KexAlgorithms sntrup761x25519-sha512@openssh.com', 'pass'),
    ],
)  # fmt: skip
def test_settings_have_their_ranges(line, outcome):
    found = check(line)
    assert found.outcome == outcome
    if outcome == 'fail':
        (evidence,) = found.evidence
        assert (evidence.path, evidence.line) == (FIRST, 1)


def test_defaults_of_openssh_are_told_as_such():
    found = check(without=[OURS])
    assert any('default is 0' in (e.data or '') for e in found.evidence)


def test_site_may_have_ranges_of_its_own():
    assert check('MaxAuthTries 6', max_auth_tries=6).outcome == 'pass'
    assert check('ClientAliveInterval 0').outcome == 'fail'


def test_algorithms_of_red_hat_s_policy_are_its_own_matter():
    path = '/etc/crypto-policies/back-ends/opensshserver.config'
    files = {FIRST: f'Include {path}\n', path: 'MACs hmac-sha1\n'}
    assert RULE.check(images.in_memory(files)).outcome == 'pass'
