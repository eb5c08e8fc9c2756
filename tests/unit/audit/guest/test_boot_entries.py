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
import struct

import pytest

from image_pipeline.audit.guest import boot_entries
from image_pipeline.disk import files
from image_pipeline.testing import disks

GRUB = '''\
set default_kernelopts="root=UUID=1 ro console=ttyS0"
menuentry 'Debian GNU/Linux' --class debian $menuentry_id_option 'simple' {
\tlinux\t/boot/vmlinuz-6.1 root=UUID=1 ro console=tty0 console=ttyS0,115200n8
\tinitrd\t/boot/initrd.img-6.1
}
submenu 'Advanced options' {
\tmenuentry 'Debian, with Linux 6.1 (recovery mode)' {
\t\tlinux\t/boot/vmlinuz-6.1 root=UUID=1 ro single
\t}
\tmenuentry "Other" {
\t\tlinux16 /boot/vmlinuz-0-rescue-abc root=UUID=1
\t}
}
'''


def entries(content):
    return boot_entries.entries(files.FileTree(disks.MemoryFiles(content)))


def unified(command, name=b'.cmdline'):
    """Return a PE file with a command line."""
    optional, start = 16, 64
    head = b'MZ'.ljust(60, b'\0') + struct.pack('<I', start)
    head += b'PE\0\0' + struct.pack('<HH12xHH', 0x8664, 2, optional, 0)
    head += bytes(optional)
    table = len(head)
    where = table + 2 * 40
    for section, size, offset in (
        (b'.osrel', 4, where + 600),
        (name, len(command), where),
    ):
        head += struct.pack(
            '<8sIIII16x', section, size, 0, (size + 511) // 512 * 512, offset
        )
    return head + command.ljust(604, b'\0')


def test_entries_of_grub_are_told_with_their_lines():
    found = entries({'/boot/grub/grub.cfg': GRUB})
    assert [(one.line.number, one.is_rescue) for one in found] == [
        (3, False),
        (8, True),
        (11, True),
    ]
    assert found[0].arguments('console') == ['tty0', 'ttyS0,115200n8']


def test_templates_are_no_entries():
    assert not entries(
        {
            '/etc/default/grub': 'GRUB_CMDLINE_LINUX="console=ttyS0"\n',
            '/etc/kernel/cmdline': 'console=ttyS0\n',
        }
    )


def test_variables_of_grub_and_its_environment_are_put_in():
    found = entries(
        {
            '/boot/grub2/grub.cfg': GRUB.splitlines()[0] + '\n',
            '/boot/grub2/grubenv': 'kernelopts=root=UUID=2 console=ttyS1\n',
            '/boot/loader/entries/a-1.conf': 'options $kernelopts $tuned\n',
            '/boot/loader/entries/b-0-rescue.conf': (
                'title x\noptions ${default_kernelopts} quiet\n'
            ),
        }
    )
    assert [(one.command.strip(), one.is_rescue) for one in found] == [
        ('root=UUID=2 console=ttyS1', False),
        ('root=UUID=1 ro console=ttyS0 quiet', True),
    ]


def test_extlinux_and_unified_images_are_read():
    found = entries(
        {
            '/boot/extlinux/extlinux.conf': 'label a\n  APPEND a=1\n',
            '/boot/efi/EFI/Linux/a.efi': unified(b'a=2 console=ttyS0\n'),
            '/boot/efi/EFI/Linux/rescue.efi': unified(b'a=3'),
        }
    )
    assert [(one.command, one.is_rescue) for one in found] == [
        ('a=1', False),
        ('a=2 console=ttyS0', False),
        ('a=3', True),
    ]


@pytest.mark.parametrize(
    'data',
    [
        b'',
        b'MZ',
        b'MZ'.ljust(60, b'\0') + b'\xff\xff\xff\xff',
        unified(b'a=1')[:150],
        unified(b'a=1', name=b'.linux'),
        b'\x7fELF' * 40,
    ],
)
def test_a_damaged_unified_image_is_no_entry(data):
    assert not entries({'/boot/efi/EFI/Linux/a.efi': data})


def test_nothing_there_is_no_entry():
    assert not entries({})
