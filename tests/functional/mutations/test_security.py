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

"""Passwords, credentials, services and hardening are spoilt."""

import pytest

from image_pipeline.host import process
from image_pipeline.testing import images, mutations
from image_pipeline.testing.disks import File, Link
from image_pipeline.testing.mutations import Mutation

HOST = process.Host()
SHADOW = '/etc/shadow'
WANTS = '/etc/systemd/system/multi-user.target.wants'
UNITS = '/usr/lib/systemd/system'
APPARMOR = '/etc/systemd/system/sysinit.target.wants/apparmor.service'
TIMESYNCD = (
    '/etc/systemd/system/sysinit.target.wants/systemd-timesyncd.service'
)
KEY = '-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n'


def service(name: str) -> dict[str, str | Link]:
    """Return an enabled service."""
    path = f'{UNITS}/{name}.service'
    return {
        path: '[Service]\nExecStart=/bin/true\n'
        '[Install]\nWantedBy=multi-user.target\n',
        f'{WANTS}/{name}.service': Link(path),
    }


MUTATIONS = {
    '01 a password': Mutation(
        rule='EGI-SEC-01',
        files=images.changed(SHADOW, 'daemon:*:', 'daemon:$6$x$y:'),
        where=SHADOW,
    ),
    '01 no password needed': Mutation(
        rule='EGI-SEC-01',
        files=images.changed(SHADOW, 'root:!*:', 'root::'),
        where=SHADOW,
    ),
    '01 a hash that is locked': Mutation(
        rule='EGI-SEC-01',
        files=images.changed(SHADOW, 'root:!*:', 'root:!$y$j9T$x$y:'),
        severity='warning',
        where=SHADOW,
    ),
    '02 a key in a home': Mutation(
        rule='EGI-SEC-02',
        files={'/root/.ssh/authorized_keys': 'ssh-ed25519 AAAA builder\n'},
        where='/root/.ssh/authorized_keys',
    ),
    '02 a private key': Mutation(
        rule='EGI-SEC-02',
        files={'/srv/deploy.pem': File(KEY, mode=0o600)},
        where='/srv/deploy.pem',
    ),
    '02 a token': Mutation(
        rule='EGI-SEC-02',
        files={'/etc/environment': 'TOKEN=glpat-0123456789abcdefghij\n'},
        where='/etc/environment',
    ),
    '03 a port mapper': Mutation(
        rule='EGI-SEC-03',
        files=service('rpcbind'),
        severity='warning',
        where=f'{WANTS}/rpcbind.service',
    ),
    '04 two clients': Mutation(
        rule='EGI-SEC-04', files=service('chrony'), severity='warning'
    ),
    '04 none': Mutation(
        rule='EGI-SEC-04', without=frozenset({TIMESYNCD}), severity='warning'
    ),
    '05 a release that has ended': Mutation(
        rule='EGI-SEC-05',
        files=images.changed('/usr/lib/os-release', '9999', '2020'),
        severity='warning',
    ),
    '06 no policy': Mutation(
        rule='EGI-SEC-06',
        without=frozenset({'/etc/apt/apt.conf.d/20auto-upgrades'}),
        severity='info',
    ),
    '07 unsigned': Mutation(
        rule='EGI-SEC-07',
        files={
            '/etc/apt/sources.list': 'deb [trusted=yes] '
            'https://packages.example.org/debian bookworm main\n'
        },
        severity='warning',
        where='/etc/apt/sources.list',
    ),
    '08 no AppArmor': Mutation(
        rule='EGI-SEC-08', without=frozenset({APPARMOR}), severity='warning'
    ),
    '09 shadow for all': Mutation(
        rule='EGI-SEC-09',
        files={SHADOW: File('root:!*:1::::::\n', mode=0o644)},
        severity='warning',
        where=SHADOW,
    ),
    '09 a program for root': Mutation(
        rule='EGI-SEC-09',
        files={'/usr/bin/rootme': File('ELF\n', mode=0o4755)},
        severity='warning',
        where='/usr/bin/rootme',
    ),
    '09 nobody owns it': Mutation(
        rule='EGI-SEC-09',
        files={'/usr/bin/odd': File('ELF\n', mode=0o755, uid=4321)},
        severity='warning',
        where='/usr/bin/odd',
    ),
    '10 no sysctl': Mutation(
        rule='EGI-SEC-10',
        without=frozenset({'/etc/sysctl.d/60-egi.conf'}),
        severity='info',
    ),
    '11 a library for all': Mutation(
        rule='EGI-SEC-11',
        files={'/etc/ld.so.preload': '/usr/lib/libhide.so\n'},
        where='/etc/ld.so.preload',
    ),
    "11 a user's job": Mutation(
        rule='EGI-SEC-11',
        files={'/var/spool/cron/crontabs/root': '* * * * * /bin/true\n'},
        severity='warning',
        where='/var/spool/cron/crontabs/root',
    ),
    '11 another sshd': Mutation(
        rule='EGI-SEC-11',
        files={
            '/var/lib/dpkg/info/openssh-server.md5sums': (
                'd41d8cd98f00b204e9800998ecf8427e  usr/sbin/sshd\n'
            )
        },
        where='/usr/sbin/sshd',
    ),
}


@pytest.mark.parametrize('name', list(MUTATIONS))
def test_one_fault_makes_one_rule_fire(name, sound, tmp_path):
    mutations.check(MUTATIONS[name], sound, tmp_path, host=HOST)
