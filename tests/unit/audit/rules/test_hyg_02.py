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

RULE = registry.get('HYG-02')


def check(files, without=(), **options):
    return RULE.check(images.in_memory(files, without), options)


@pytest.mark.parametrize(
    ('path', 'content', 'severity'),
    [
        ('/etc/ssl/private/ssl-cert-snakeoil.key', 'x', 'error'),
        ('/etc/ssl/certs/ssl-cert-snakeoil.pem', 'x', 'error'),
        ('/etc/pki/tls/private/localhost.key', 'x', 'error'),
        ('/etc/munge/munge.key', 'x', 'error'),
        ('/var/lib/rabbitmq/.erlang.cookie', 'x', 'error'),
        ('/etc/krb5.keytab', 'x', 'error'),
        ('/etc/nvme/hostnqn', 'x', 'error'),
        (
            '/etc/iscsi/initiatorname.iscsi',
            '## x\nInitiatorName=iqn.1993-08.org.debian:01:1\n',
            'error',
        ),
        ('/etc/wireguard/wg0.conf', '[Interface]\nPrivateKey = x\n', 'error'),
        ('/etc/ipsec.secrets', '%any : PSK "x"\n', 'error'),
        ('/etc/mysql/debian.cnf', '[client]\npassword = x\n', 'error'),
        ('/var/kerberos/krb5kdc/principal', 'x', 'error'),
        ('/etc/kubernetes/pki/etcd/ca.key', 'x', 'error'),
        (
            '/root/.local/share/jupyter/runtime/jupyter_cookie_secret',
            'x',
            'error',
        ),
        ('/etc/pki/CA/newcerts/01.pem', 'x', 'warning'),
    ],
    ids=str,
)
def test_what_breaks_the_rule_is_found(path, content, severity):
    verdict = check({path: content})
    assert verdict.outcome == 'fail'
    assert (verdict.severity or RULE.severity) == severity
    assert path in {one.path for one in verdict.evidence}


@pytest.mark.parametrize(
    'files',
    [
        {'/etc/iscsi/initiatorname.iscsi': 'GenerateName=yes\n'},
        {
            '/etc/ipsec.secrets': '# RSA private key\n'
            'include /var/lib/strongswan/x\n'
        },
        {'/etc/mysql/debian.cnf': '[client]\nuser = root\n'},
        {'/etc/ssl/private': None},
        {'/etc/ssl/certs/ca-certificates.crt': 'x'},
        {'/var/kerberos/krb5kdc/kdc.conf': 'x'},
        {'/etc/pki/tls/certs/ca-bundle.crt': 'x'},
    ],
    ids=str,
)
def test_what_does_not_break_it_passes(files):
    assert check(files).outcome == 'pass'


def test_secret_is_not_repeated():
    files = {'/etc/wireguard/wg0.conf': '[Interface]\nPrivateKey = hidden\n'}
    (one,) = check(files).evidence
    assert one.line == 2
    assert 'hidden' not in str(one)
