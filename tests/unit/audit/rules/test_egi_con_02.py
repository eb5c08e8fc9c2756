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

RULE = registry.get('EGI-CON-02')
ETC, LIB = '/etc/systemd/system', '/usr/lib/systemd/system'
GRUB = '/boot/grub/grub.cfg'
SYSTEM = {
    '/usr/lib/systemd/systemd': 'ELF',
    f'{LIB}/default.target': '[Unit]\nWants=getty.target\n',
    f'{LIB}/getty.target': '[Unit]\n',
    f'{LIB}/getty@.service': '[Service]\nExecStart=agetty %I\n',
    f'{LIB}/serial-getty@.service': '[Service]\nExecStart=agetty %I\n',
    f'{ETC}/getty.target.wants/getty@tty1.service': disks.Link(
        f'{LIB}/getty@.service'
    ),
    GRUB: 'linux /vmlinuz console=tty0 console=ttyS0\n',
}
LINK = f'{ETC}/getty.target.wants/getty@tty1.service'
AUTOLOGIN = '[Service]\nExecStart=\nExecStart=-agetty --autologin root %I\n'


def check(content, **options):
    disk = disks.MemoryDisk(disks.gpt_disk([]))
    return RULE.check(disks.MemoryView(disk, content), options)


@pytest.mark.parametrize(
    'content',
    [
        SYSTEM,
        SYSTEM | {GRUB: 'linux /vmlinuz quiet\n'},
        SYSTEM | {GRUB: 'linux /vmlinuz console=ttyS0 console=tty1\n'},
    ],
)
def test_a_screen_with_a_login_passes(content):
    assert check(content).outcome == 'pass'


@pytest.mark.parametrize(
    ('content', 'path', 'message'),
    [
        (
            SYSTEM | {f'{ETC}/getty@tty1.service': disks.Link('/dev/null')},
            f'{ETC}/getty@tty1.service',
            'masked',
        ),
        (
            {k: v for k, v in SYSTEM.items() if k != LINK},
            None,
            'nothing starts',
        ),
        (SYSTEM | {GRUB: 'linux /vmlinuz console=ttyS0\n'}, GRUB, 'tty0'),
    ],
)
def test_a_dark_screen_is_told(content, path, message):
    verdict = check(content)
    assert (verdict.outcome, verdict.severity) == ('fail', None)
    (evidence,) = verdict.evidence
    assert evidence.path == path
    assert message in evidence.message
    assert check(content, screen=False).outcome == 'pass'


@pytest.mark.parametrize('unit', ['getty@tty1', 'serial-getty@', 'getty@'])
def test_a_login_that_does_not_ask_is_an_error(unit):
    path = f'{ETC}/{unit}.service.d/autologin.conf'
    verdict = check(SYSTEM | {path: AUTOLOGIN}, screen=False)
    assert (verdict.outcome, verdict.severity) == ('fail', 'error')
    (evidence,) = verdict.evidence
    assert (evidence.path, evidence.line) == (path, 3)
