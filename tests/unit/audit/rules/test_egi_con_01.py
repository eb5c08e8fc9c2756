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
from image_pipeline.testing import disks

RULE = registry.get('EGI-CON-01')
ETC, LIB = '/etc/systemd/system', '/usr/lib/systemd/system'
CONF = '/etc/systemd/logind.conf.d/10-cloud.conf'
SYSTEM = {
    '/usr/lib/systemd/systemd': 'ELF',
    '/usr/lib/systemd/systemd-logind': 'ELF',
    f'{LIB}/getty@.service': '[Service]\n',
    f'{ETC}/getty.target.wants/getty@tty1.service': disks.Link(
        f'{LIB}/getty@.service'
    ),
}
NONE = SYSTEM | {CONF: '[Login]\nNAutoVTs=0\nReserveVT=0\n'}


def check(content):
    disk = disks.MemoryDisk(disks.gpt_disk([]))
    return RULE.check(disks.MemoryView(disk, content))


@pytest.mark.parametrize(
    'content',
    [
        NONE,
        SYSTEM | {CONF: '[Login]\nNAutoVTs=1\nReserveVT=0\n'},
        NONE | {'/etc/systemd/logind.conf.d/20.conf': '[Login]\nNAutoVTs=x\n'},
        NONE | {'/usr/lib/systemd/logind.conf': '[Login]\nNAutoVTs=6\n'},
        NONE
        | {
            '/etc/inittab': '1:2345:respawn:/sbin/getty 38400 tty1\n'
            'T0:23:respawn:/sbin/getty -L ttyS0 9600 vt100\n'
        },
    ],
)
def test_one_terminal_passes(content):
    assert check(content).outcome == 'pass'


@pytest.mark.parametrize(
    ('content', 'path', 'message'),
    [
        (SYSTEM | {CONF: '[Login]\nReserveVT=0\n'}, None, 'NAutoVTs is 6'),
        (SYSTEM | {CONF: '[Login]\nNAutoVTs=0\n'}, None, 'ReserveVT is 6'),
        (
            SYSTEM | {CONF: '[Login]\nNAutoVTs=4\nReserveVT=0\n'},
            CONF,
            'NAutoVTs is 4',
        ),
        (
            SYSTEM | {CONF: '[Login]\nNAutoVTs=x\nReserveVT=0\n'},
            None,
            'NAutoVTs is 6',
        ),
        (
            NONE
            | {
                f'{ETC}/getty.target.wants/getty@tty5.service': disks.Link(
                    f'{LIB}/getty@.service'
                )
            },
            f'{ETC}/getty.target.wants/getty@tty5.service',
            'tty5',
        ),
        (
            NONE | {'/etc/inittab': '2:23:respawn:/sbin/getty 38400 tty2\n'},
            '/etc/inittab',
            'tty2',
        ),
        (
            NONE | {'/etc/init/tty6.conf': 'exec /sbin/getty -8 tty6\n'},
            '/etc/init/tty6.conf',
            'tty6',
        ),
        (
            NONE
            | {
                f'{LIB}/default.target': '[Unit]\nWants=getty-static.service',
                f'{LIB}/getty-static.service': '[Service]\n',
            },
            f'{LIB}/getty-static.service',
            'without D-Bus',
        ),
    ],
)
def test_more_terminals_are_told(content, path, message):
    verdict = check(content)
    assert verdict.outcome == 'fail'
    (evidence,) = verdict.evidence
    assert evidence.path == path
    assert message in evidence.message


def test_static_gettys_are_for_a_system_without_a_bus():
    content = NONE | {
        f'{LIB}/default.target': '[Unit]\nWants=getty-static.service',
        f'{LIB}/getty-static.service': '[Service]\n',
        '/usr/bin/dbus-daemon': 'ELF',
    }
    assert check(content).outcome == 'pass'


def test_another_init_is_not_known():
    assert check({'/sbin/openrc': 'ELF'}).outcome == 'unknown'
