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

from image_pipeline.audit.guest import boot
from image_pipeline.disk import files
from image_pipeline.testing.disks import MemoryFiles


def tree(**content: str) -> files.FileTree:
    return files.FileTree(MemoryFiles(content))


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
    ((line, command),) = boot.command_lines(tree(**{path: f'#\n{text}\n'}))
    assert (line.path, line.number) == (path, 2)
    assert boot.arguments(command, 'root') == ['A']
    assert boot.arguments(command, 'b') == ['1']


def test_there_may_be_no_boot_files():
    assert boot.boot_files(tree()) == []
