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

from image_pipeline.audit.guest import consoles, systemd
from image_pipeline.disk import files
from image_pipeline.testing import disks

ETC, LIB = '/etc/systemd/system', '/usr/lib/systemd/system'
AGETTY = "ExecStart=-/sbin/agetty -o '-p -- \\\\u' --noclear %I $TERM\n"
SYSTEM = {
    f'{LIB}/getty@.service': f'[Service]\n{AGETTY}',
    f'{LIB}/serial-getty@.service': f'[Service]\n{AGETTY}',
}


def tree(content):
    return files.FileTree(disks.MemoryFiles(SYSTEM | content))


def logins(content):
    found = tree(content)
    return [
        line.path
        for line in consoles.automatic_logins(found, systemd.units(found))
    ]


@pytest.mark.parametrize(
    ('path', 'command'),
    [
        ('getty@tty1.service.d/a.conf', 'agetty --autologin root %I $TERM'),
        ('getty@.service.d/a.conf', 'agetty -a debian --noclear %I'),
        ('serial-getty@ttyS0.service.d/a.conf', 'agetty --autologin=x %I'),
        ('serial-getty@ttyS1.service.d/a.conf', 'agetty --autologin x %I'),
        ('serial-getty@.service.d/a.conf', 'login -f root'),
        ('console-getty.service', 'agetty --autologin root console'),
    ],
)
def test_a_login_that_does_not_ask_is_told(path, command):
    said = f'[Service]\nExecStart=\nExecStart=-/sbin/{command}\n'
    assert logins({f'{ETC}/{path}': said}) == [f'{ETC}/{path}']


@pytest.mark.parametrize('path', ['/etc/inittab', '/etc/init/tty1.conf'])
def test_of_another_init_too(path):
    assert logins({path: 'exec /sbin/mingetty --autologin root tty1\n'}) == [
        path
    ]


def test_a_login_that_asks_is_not():
    said = f'[Service]\nExecStart=\n{AGETTY}'
    assert not logins({f'{ETC}/getty@tty1.service.d/a.conf': said})


def test_a_drop_in_that_a_later_one_takes_back_is_not():
    folder = f'{ETC}/getty@tty1.service.d'
    assert not logins(
        {
            f'{folder}/10.conf': '[Service]\nExecStart=agetty -a root\n',
            f'{folder}/20.conf': f'[Service]\nExecStart=\n{AGETTY}',
        }
    )


def test_terminals_of_inittab_and_upstart_are_told():
    found = tree(
        {
            '/etc/inittab': 'id:3:initdefault:\n'
            '1:2345:respawn:/sbin/getty 38400 tty1\n'
            '#2:23:respawn:/sbin/getty 38400 tty2\n'
            '3:23:respawn:/sbin/getty 38400 tty3\n'
            'T0:23:respawn:/sbin/getty -L ttyS0 9600 vt100\n',
            '/etc/init/tty4.conf': '# tty4\nexec /sbin/getty -8 38400 tty4\n',
        }
    )
    assert [
        (number, line.path, line.number)
        for number, line in consoles.old_gettys(found)
    ] == [
        (1, '/etc/inittab', 2),
        (3, '/etc/inittab', 4),
        (4, '/etc/init/tty4.conf', 2),
    ]


def test_a_link_wants_a_login_unless_it_is_masked():
    link = f'{ETC}/getty.target.wants/getty@tty2.service'
    there = {link: disks.Link(f'{LIB}/getty@.service')}
    mask = {f'{ETC}/getty@tty2.service': disks.Link('/dev/null')}
    assert consoles.is_wanted(systemd.units(tree(there)), 2) == link
    assert consoles.is_wanted(systemd.units(tree(there)), 3) is None
    assert consoles.is_wanted(systemd.units(tree(there | mask)), 2) is None
