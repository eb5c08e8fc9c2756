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

from image_pipeline.audit import guest
from image_pipeline.disk import files
from image_pipeline.testing.disks import MemoryFiles


def tree(**content: str) -> files.FileTree:
    return files.FileTree(MemoryFiles(content))


def test_fstab_gives_its_mounts_with_lines():
    found = guest.fstab(
        tree(
            **{
                '/etc/fstab': '# comment\n\nUUID=1 / ext4 rw,discard 0 1\n'
                'LABEL="x" /data/ \nonlyone\n'
            }
        )
    )
    assert [(m.spec, m.point, m.type, m.options) for m in found] == [
        ('UUID=1', '/', 'ext4', ('rw', 'discard')),
        ('LABEL=x', '/data', 'auto', ('defaults',)),
    ]
    assert [m.line.number for m in found] == [3, 4]
    assert not found[0].optional


def test_missing_files_are_empty():
    assert guest.fstab(tree()) == []
    assert guest.os_release(tree()) == {}
    assert guest.boot_files(tree()) == []


@pytest.mark.parametrize(
    ('path', 'text'),
    [
        ('/etc/kernel/cmdline', 'root=A b=1'),
        ('/etc/default/grub', 'GRUB_CMDLINE_LINUX="root=A b=1"'),
        ('/etc/default/grub', "GRUB_CMDLINE_LINUX_DEFAULT='root=A b=1'"),
        ('/etc/default/grub.d/50-x.cfg', 'GRUB_CMDLINE_LINUX="root=A b=1"'),
        ('/boot/grub/grub.cfg', '\tlinux /boot/vmlinuz root=A b=1'),
        ('/boot/grub2/grub.cfg', '  linuxefi /vmlinuz root=A b=1'),
        ('/boot/grub2/grubenv', 'kernelopts=root=A b=1'),
        ('/boot/loader/entries/x.conf', 'options root=A b=1'),
    ],
)
def test_command_line_is_found_wherever_boot_loaders_keep_it(path, text):
    ((line, command),) = guest.command_lines(tree(**{path: f'#\n{text}\n'}))
    assert (line.path, line.number) == (path, 2)
    assert guest.arguments(command, 'root') == ['A']
    assert guest.arguments(command, 'b') == ['1']


def test_os_release_is_read_without_its_quotes():
    found = guest.os_release(
        tree(**{'/usr/lib/os-release': 'ID=debian\nVERSION_ID="12"\n'})
    )
    assert found == {'ID': 'debian', 'VERSION_ID': '12'}


def test_versions_are_those_of_installed_packages():
    status = (
        'Package: a\nStatus: install ok installed\nVersion: 1:2.06-13\n\n'
        'Package: b\nStatus: deinstall ok config-files\nVersion: 1\n\n'
        'Package: c\nStatus: install ok installed\nVersion: 3\n'
    )
    found = guest.dpkg_versions(
        tree(**{'/var/lib/dpkg/status': status}), frozenset({'a', 'b'})
    )
    assert found == {'a': '1:2.06-13'}


@pytest.mark.parametrize(
    ('text', 'numbers'),
    [
        ('1:2.06-13+deb12u1', (2, 6)),
        ('2.12~rc1', (2, 12)),
        ('1.47.0', (1, 47, 0)),
        ('unknown', ()),
        ('', ()),
    ],
)
def test_version_is_compared_by_its_numbers(text, numbers):
    assert guest.version(text) == numbers
