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

RULE = registry.get('EGI-SSH-04')
CLOUD = '/etc/cloud/cloud.cfg.d/99-z.cfg'
NO_SSH = images.changed('/etc/cloud/cloud.cfg', ' - ssh\n', '')


def check(files=None, without=()):
    return RULE.check(images.in_memory(files, without))


def test_sound_image_passes():
    assert check().outcome == 'pass'


@pytest.mark.parametrize(
    ('text', 'severity'),
    [
        ('ssh_genkeytypes: [dsa]\n', None),
        ('ssh_genkeytypes: []\n', None),
        ('ssh_genkeytypes: [rsa, dsa]\n', 'warning'),
        ('ssh_deletekeys: false\n', 'warning'),
    ],
)
def test_types_and_keeping_keys_fail(text, severity):
    found = check({CLOUD: text})
    assert (found.outcome, found.severity) == ('fail', severity)
    assert found.evidence[0].path == CLOUD


SCRIPT = '/usr/local/sbin/runtime-ssh-host-keys.sh'
DSA_FIRST = 'for key in dsa ecdsa ed25519 rsa; do\nssh-keygen -t $key\ndone\n'


def test_script_of_diskimage_builder_that_begins_with_dsa_fails():
    found = check(NO_SSH | {SCRIPT: DSA_FIRST})
    assert (found.outcome, found.severity) == ('fail', None)
    assert [(e.path, e.line) for e in found.evidence] == [(SCRIPT, 1)]


@pytest.mark.parametrize(
    ('version', 'severity'),
    [('1:9.2p1-2+deb12u7', 'warning'), ('1:10.0p1-7', None)],
)
def test_script_works_with_an_openssh_that_knows_dsa(version, severity):
    status = (
        'Package: openssh-server\nStatus: install ok installed\n'
        f'Version: {version}\n'
    )
    files = {SCRIPT: DSA_FIRST, '/var/lib/dpkg/status': status}
    assert check(NO_SSH | files).severity == severity


def test_script_that_stops_is_a_warning_where_cloud_init_makes_keys():
    assert check({SCRIPT: DSA_FIRST}).severity == 'warning'


def test_two_mechanisms_are_a_hint():
    unit = '/usr/lib/systemd/system/ssh-keygen.service'
    wants = '/etc/systemd/system/multi-user.target.wants/ssh-keygen.service'
    found = check({unit: '[Service]\n', wants: Link(unit)})
    assert (found.outcome, found.severity) == ('fail', 'info')


def test_nothing_that_makes_keys_fails():
    assert check(NO_SSH).outcome == 'fail'


@pytest.mark.parametrize(
    'files',
    [
        {
            '/usr/lib/systemd/system/sshd-keygen.target': '[Unit]\n',
            '/usr/lib/systemd/system/sshd.service': '[Unit]\n'
            'Wants=sshd-keygen.target\n[Service]\nExecStart=/usr/sbin/sshd\n',
            '/etc/systemd/system/sshd.service': None,
        },
        {
            '/usr/lib/systemd/system/sshd.service': '[Service]\n'
            'ExecStartPre=/usr/sbin/sshd-gen-keys-start\n',
            '/etc/systemd/system/sshd.service': None,
        },
        {
            '/usr/lib/systemd/system/ssh-keygen.service': '[Service]\n',
            '/etc/systemd/system/multi-user.target.wants/'
            'ssh-keygen.service': Link(
                '/usr/lib/systemd/system/ssh-keygen.service'
            ),
        },
        {'/etc/rc.local': 'ssh-keygen -A\n'},
    ],
    ids=['redhat', 'suse', 'own unit', 'script'],
)
def test_other_mechanisms_pass(files):
    without = [path for path, thing in files.items() if thing is None]
    added = {path: thing for path, thing in files.items() if thing}
    assert check(NO_SSH | added, without).outcome == 'pass'
