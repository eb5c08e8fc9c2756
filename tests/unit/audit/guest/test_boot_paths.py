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

from image_pipeline.audit.guest import boot_paths
from image_pipeline.disk import files
from image_pipeline.testing import disks


def tree(content):
    return files.FileTree(disks.MemoryFiles(content))


@pytest.mark.parametrize(
    ('path', 'text'),
    [
        ('/boot/grub/grub.cfg', 'linux /k root=x\ninitrd /a /b\n'),
        ('/boot/grub2/grub.cfg', 'linuxefi /k\ninitrdefi ($root)/a /b\n'),
        ('/boot/loader/entries/x.conf', 'linux /k\ninitrd /a\ninitrd /b\n'),
        ('/boot/extlinux/extlinux.conf', 'KERNEL /k\nINITRD /a\ninitrd /b'),
    ],
)
def test_files_that_are_loaded_are_told(path, text):
    found = list(boot_paths.loads(tree({path: text})))
    assert [(one.path, one.is_kernel) for one in found] == [
        ('/k', True),
        ('/a', False),
        ('/b', False),
    ]
    assert {one.entry for one in found} == {0}


def test_entries_are_counted_and_variables_passed_over():
    text = 'linux /a\ninitrd /boot/${x}\nlinux /b\ninitrd relative\n'
    found = list(boot_paths.loads(tree({'/boot/grub/grub.cfg': text})))
    assert [(one.path, one.entry) for one in found] == [('/a', 0), ('/b', 1)]


@pytest.mark.parametrize('before', ['', '/boot', '/boot/efi', '/efi'])
def test_paths_begin_at_the_file_system_of_the_boot_loader(before):
    content = {'/boot/grub/grub.cfg': 'linux /k\n', f'{before}/k': 'x'}
    (load,) = boot_paths.loads(tree(content))
    assert boot_paths.find(tree(content), load) == f'{before}/k'
    assert boot_paths.find(tree({}), load) is None


def test_unified_images_are_found():
    path = '/efi/EFI/Linux/a.efi'
    assert boot_paths.unified(tree({path: 'MZ'})) == [path]
