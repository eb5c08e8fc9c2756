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

RULE = registry.get('EGI-CON-03')
ETC, LIB = '/etc/systemd/system', '/usr/lib/systemd/system'
GRUB = '/boot/grub/grub.cfg'
GENERATOR = '/usr/lib/systemd/system-generators/systemd-getty-generator'
ARM = b'\x7fELF\2\1\1'.ljust(16, b'\0') + b'\2\0\xb7\0'
PC = b'\x7fELF\2\1\1'.ljust(16, b'\0') + b'\2\0\x3e\0'
SYSTEM = {
    '/usr/lib/systemd/systemd': PC,
    GENERATOR: 'ELF',
    f'{LIB}/serial-getty@.service': '[Service]\n',
    GRUB: 'linux /vmlinuz console=tty0 console=ttyS0,115200n8\n',
}


def check(content, **options):
    disk = disks.MemoryDisk(disks.gpt_disk([]))
    return RULE.check(disks.MemoryView(disk, content), options)


def grub(*consoles):
    return {
        GRUB: 'linux /vmlinuz ' + ' '.join(f'console={c}' for c in consoles)
    }


@pytest.mark.parametrize(
    'content',
    [
        SYSTEM,
        SYSTEM | {'/usr/lib/systemd/systemd': ARM} | grub('ttyAMA0'),
        SYSTEM | {'/usr/lib/systemd/systemd': ARM} | grub('tty0', 'ttyS0'),
        SYSTEM
        | {
            GRUB: "menuentry 'recovery mode' {\nlinux /vmlinuz single\n}\n"
            'linux /vmlinuz console=ttyS0\n'
        },
        SYSTEM
        | {
            GRUB: 'blscfg\n',
            '/boot/grub2/grubenv': 'kernelopts=console=tty0 console=ttyS0\n',
            '/boot/loader/entries/a.conf': 'options $kernelopts\n',
        },
        SYSTEM | {'/etc/default/grub': 'GRUB_CMDLINE_LINUX="quiet"\n'},
    ],
)
def test_a_serial_console_with_a_login_passes(content):
    assert check(content).outcome == 'pass'


@pytest.mark.parametrize(
    ('content', 'path', 'message'),
    [
        (SYSTEM | grub(), GRUB, 'ttyS0 is missing'),
        (SYSTEM | grub('tty0'), GRUB, 'ttyS0 is missing'),
        (SYSTEM | grub('ttyS1'), GRUB, 'ttyS0 is missing'),
        (SYSTEM | grub('ttyAMA0'), GRUB, 'ttyS0 is missing'),
        (SYSTEM | grub('ttyS0', 'tty0'), GRUB, '/dev/console is tty0'),
        (
            SYSTEM | {'/boot/loader/entries/a.conf': 'options quiet\n'},
            '/boot/loader/entries/a.conf',
            'is missing',
        ),
        (
            SYSTEM | {f'{ETC}/serial-getty@.service': disks.Link('/dev/null')},
            f'{ETC}/serial-getty@.service',
            'masked',
        ),
        (
            {k: v for k, v in SYSTEM.items() if k != GENERATOR},
            None,
            'no login',
        ),
    ],
)
def test_what_hides_the_boot_is_told(content, path, message):
    verdict = check(content)
    assert (verdict.outcome, verdict.severity) == ('fail', None)
    (evidence,) = verdict.evidence
    assert evidence.path == path
    assert message in evidence.message


def test_a_site_may_have_other_consoles():
    content = SYSTEM | grub('tty0', 'ttyS1')
    assert check(content, consoles=['ttyS1']).outcome == 'pass'
    assert check(SYSTEM, consoles=['ttyS1']).outcome == 'fail'


def test_without_a_boot_entry_it_is_not_known():
    content = {k: v for k, v in SYSTEM.items() if k != GRUB}
    assert check(content).outcome == 'unknown'
