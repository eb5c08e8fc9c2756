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

"""SSH, the cloud user and cloud-init are spoilt; one rule says so."""

from collections.abc import Mapping

import pytest

from image_pipeline.host import process
from image_pipeline.testing import images, mutations
from image_pipeline.testing.disks import Content, Link
from image_pipeline.testing.mutations import Mutation

HOST = process.Host()
DROP_IN = '/etc/ssh/sshd_config.d/00-sshd-keys-only.conf'
FIRST = '/etc/ssh/sshd_config.d/00-a.conf'
LAST = '/etc/ssh/sshd_config.d/99-z.conf'
CLOUD = '/etc/cloud/cloud.cfg.d/99-z.cfg'
UNIT = '/etc/systemd/system/multi-user.target.wants/ssh.service'


def cloud(text: str) -> Mapping[str, Content]:
    return {CLOUD: text}


MUTATIONS = {
    'SSH-01 not installed': Mutation(
        rule='EGI-SSH-01', without=frozenset({'/usr/sbin/sshd'})
    ),
    'SSH-01 masked': Mutation(
        rule='EGI-SSH-01',
        without=frozenset({UNIT, '/etc/systemd/system/sshd.service'}),
        files={'/etc/systemd/system/ssh.service': Link('/dev/null')},
    ),
    'SSH-01 no PAM': Mutation(
        rule='EGI-SSH-01', files={FIRST: 'UsePAM no\n'}, where=FIRST
    ),
    'SSH-02 passwords': Mutation(
        rule='EGI-SSH-02',
        files={FIRST: 'PasswordAuthentication yes\n'},
        severity='warning',
        where=FIRST,
    ),
    'SSH-02 for some': Mutation(
        rule='EGI-SSH-02',
        files={LAST: 'Match Address 192.0.2.0/24\nPasswordAuthentication yes'},
        severity='warning',
        where=LAST,
    ),
    'SSH-02 by cloud-init': Mutation(
        rule='EGI-SSH-02',
        files={
            **cloud('ssh_pwauth: yes\n'),
            **images.changed(DROP_IN, 'PasswordAuthentication no\n', ''),
            LAST: 'PasswordAuthentication no\n',
        },
        severity='warning',
        where=CLOUD,
    ),
    'SSH-03 root': Mutation(
        rule='EGI-SSH-03',
        files={FIRST: 'PermitRootLogin yes\n'},
        severity='warning',
        where=FIRST,
    ),
    "SSH-03 the installer's": Mutation(
        rule='EGI-SSH-03',
        files={
            '/etc/ssh/sshd_config.d/01-permitrootlogin.conf': (
                'PermitRootLogin yes\n'
            )
        },
        severity='warning',
        where='/etc/ssh/sshd_config.d/01-permitrootlogin.conf',
    ),
    'SSH-04 no type that OpenSSH knows': Mutation(
        rule='EGI-SSH-04',
        files=cloud('ssh_genkeytypes: [dsa]\n'),
        where=CLOUD,
    ),
    'SSH-04 a script that stops': Mutation(
        rule='EGI-SSH-04',
        files={
            '/usr/local/sbin/runtime-ssh-host-keys.sh': 'set -exu\n'
            'for key in dsa ecdsa ed25519 rsa; do\n'
            '  ssh-keygen -t $key -f /etc/ssh/ssh_host_${key}_key\ndone\n'
        },
        severity='warning',
        where='/usr/local/sbin/runtime-ssh-host-keys.sh',
    ),
    'SSH-05 no keepalive': Mutation(
        rule='EGI-SSH-05',
        files={FIRST: 'ClientAliveInterval 0\n'},
        severity='info',
        where=FIRST,
    ),
    'USER-01 a person': Mutation(
        rule='OS-USER-01',
        files=images.changed(
            '/etc/passwd', 'sshd:', 'joe:x:1000:0::/home/joe:/bin/sh\nsshd:'
        ),
        severity='warning',
        where='/etc/passwd',
    ),
    'USER-01 left of the build': Mutation(
        rule='OS-USER-01',
        files={'/etc/sudoers.d/packer': 'nobody ALL=(ALL) NOPASSWD: ALL\n'},
        severity='warning',
        where='/etc/sudoers.d/packer',
    ),
    'CI-07 no users': Mutation(
        rule='OS-CI-07',
        files=images.changed('/etc/cloud/cloud.cfg', ' - users-groups\n', ''),
        where='/etc/cloud/cloud.cfg',
    ),
    'CI-07 no user data': Mutation(
        rule='OS-CI-07',
        files=images.changed('/etc/cloud/cloud.cfg', ' - scripts-user\n', ''),
        severity='warning',
        where='/etc/cloud/cloud.cfg',
    ),
}


@pytest.mark.parametrize('name', list(MUTATIONS))
def test_one_fault_makes_one_rule_fire(name, sound, tmp_path):
    mutations.check(MUTATIONS[name], sound, tmp_path, host=HOST)
