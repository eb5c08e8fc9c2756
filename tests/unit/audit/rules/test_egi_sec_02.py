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

RULE = registry.get('EGI-SEC-02')
KEY = '-----BEGIN {}PRIVATE KEY-----\nAAAA\n'


def check(files=None):
    return RULE.check(images.in_memory(files))


def test_sound_image_has_none():
    assert check().outcome == 'pass'


@pytest.mark.parametrize(
    'path',
    [
        '/root/.ssh/authorized_keys',
        '/root/.ssh/id_ed25519',
        '/home/joe/.ssh/known_hosts',
        '/home/joe/.aws/credentials',
        '/root/.config/openstack/clouds.yaml',
        '/home/joe/project-openrc.sh',
        '/root/.netrc',
        '/root/.docker/config.json',
        '/root/.kube/config',
        '/etc/apt/auth.conf.d/site.conf',
        '/etc/grid-security/hostkey.pem',
        '/tmp/x509up_u0',
        '/etc/skel/.ssh/authorized_keys',
        '/etc/ssh/authorized_keys',
    ],
)
def test_file_of_credentials_is_found_by_its_name(path):
    (evidence,) = check({path: 'x'}).evidence
    assert evidence.path == path


@pytest.mark.parametrize(
    'kind', ['', 'RSA ', 'EC ', 'OPENSSH ', 'ENCRYPTED ', 'DSA ']
)
def test_private_key_is_found_by_its_content(kind):
    path = '/opt/app/server.key'
    (evidence,) = check({path: KEY.format(kind)}).evidence
    assert evidence.path == path


@pytest.mark.parametrize(
    ('path', 'line'),
    [
        ('/etc/environment', 'AWS_KEY=AKIAIOSFODNN7EXAMPLE'),
        ('/root/.bashrc', f'export T=ghp_{"a" * 36}'),
        ('/root/.bashrc', 'export OS_PASSWORD=secret'),
        ('/etc/yum.repos.d/a.repo', 'password = secret'),
        ('/etc/apt/sources.list', 'deb https://me:secret@example.org/ a b'),
        ('/etc/pip.conf', 'index-url = https://a:b@pypi.example.org/'),
        (
            '/etc/systemd/system/a.service',
            'Environment=T=eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.abcdefghij',
        ),
        ('/home/joe/notes', 'glpat-abcdefghijklmnopqrst'),
    ],
)
def test_token_is_found_by_its_line_and_not_repeated(path, line):
    (evidence,) = check({path: f'x\n{line}\n'}).evidence
    assert (evidence.path, evidence.line, evidence.data) == (path, 2, None)


@pytest.mark.parametrize(
    ('path', 'text'),
    [
        # HYG-01 and HYG-02 tell of these.
        ('/etc/ssh/ssh_host_rsa_key', KEY.format('OPENSSH ')),
        ('/etc/ssl/private/ssl-cert-snakeoil.key', KEY.format('')),
        ('/usr/share/doc/x/example.key', KEY.format('RSA ')),
        ('/etc/app/public.pem', '-----BEGIN PUBLIC KEY-----\n'),
        ('/root/.ssh/authorized_keys', ''),
        ('/etc/environment', '# OS_PASSWORD=secret\n'),
        ('/root/.bashrc', 'export OS_PASSWORD=$SECRET\n'),
        ('/etc/default/app', 'URL=http://$USER:$PASS@example.org/\n'),
        ('/etc/default/app', 'password = secret\n'),
        ('/root/notes', 'git@example.org:8080/x and mailto:a@example.org\n'),
    ],
)
def test_what_opens_nothing_passes(path, text):
    assert check({path: text}).outcome == 'pass'


def test_keys_are_found_where_sshd_looks_for_them():
    files = {
        '/etc/ssh/sshd_config.d/a.conf': 'AuthorizedKeysFile /etc/keys/%u\n',
        '/etc/keys/root': 'ssh-ed25519 AAAA\n',
    }
    (evidence,) = check(files).evidence
    assert evidence.path == '/etc/keys/root'


@pytest.mark.parametrize(
    'text',
    [
        'ssh_authorized_keys: [ssh-ed25519 AAAA]\n',
        'users: [default, {name: a, ssh_import_id: [gh:a]}]\n',
        'system_info: {default_user: {ssh_authorized_keys: [a]}}\n',
    ],
)
def test_keys_that_cloud_init_installs_are_found(text):
    path = '/etc/cloud/cloud.cfg.d/99-z.cfg'
    assert check({path: text}).evidence[0].path == path
