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

import gzip

import pytest

from image_pipeline import exceptions
from image_pipeline.audit.guest import initramfs
from image_pipeline.disk import files
from image_pipeline.testing import disks, kernels

V = '6.1.0-1-amd64'
MODULES = {
    f'usr/lib/modules/{V}/kernel/drivers/block/virtio_blk.ko': 'x',
    f'lib/modules/{V}/kernel/net/xen-netfront.ko.zst': 'x',
}


def tree(data: bytes) -> files.FileTree:
    return files.FileTree(disks.MemoryFiles({'/boot/initrd': data}))


def read(content) -> initramfs.Initramfs:
    data = gzip.compress(kernels.cpio(content))
    return initramfs.read(tree(data), '/boot/initrd')


def test_modules_and_the_kernels_they_are_for_are_told():
    found = read(MODULES)
    assert found.modules == {'virtio_blk', 'xen_netfront'}
    assert found.module_versions == {V}
    assert found.archives == ('gzip',)


@pytest.mark.parametrize(
    ('names', 'maker'),
    [
        (['conf/initramfs.conf'], 'initramfs-tools'),
        (['usr/lib/dracut/modules.txt'], 'dracut'),
        (['lib/dracut/modules.txt'], 'dracut'),
        (['buildconfig'], 'mkinitcpio'),
        (['init'], None),
    ],
)
def test_maker_is_known_by_what_it_leaves(names, maker):
    assert read(dict.fromkeys(names, 'x')).maker == maker


BUILT = 'usr/lib/dracut/build-parameter.txt'


@pytest.mark.parametrize(
    ('content', 'reason'),
    [
        ({'usr/lib/dracut/hostonly-files': 'x'}, 'hostonly-files'),
        ({'lib/dracut/hostonly-kernel-modules.txt': ''}, 'hostonly-kernel'),
        ({BUILT: "-f '--hostonly' --kver 6.1"}, '--hostonly'),
        ({BUILT: '-H'}, '-H'),
        ({'buildconfig': 'HOOKS=(base udev autodetect)'}, 'autodetect'),
        ({'conf/initramfs.conf': 'MODULES=dep\n'}, 'MODULES=dep'),
        (
            {
                'conf/conf.d/driver-policy': 'MODULES=dep',
                'conf/initramfs.conf': 'MODULES=most\n',
            },
            'conf.d/driver-policy: MODULES=dep',
        ),
    ],
)
def test_initramfs_for_one_host_is_told_by_its_signs(content, reason):
    assert reason in (read(content).host_only or '')


@pytest.mark.parametrize(
    'content',
    [
        MODULES,
        {BUILT: "-f '--no-hostonly' --no-host-only --hostonly-i18n"},
        {'buildconfig': '# HOOKS=(autodetect)\nHOOKS=(base udev)'},
        {'conf/initramfs.conf': '# MODULES=dep\nMODULES=most\n'},
        {
            'conf/conf.d/zz': 'MODULES=most',
            'conf/initramfs.conf': 'MODULES=dep\n',
        },
    ],
    ids=str,
)
def test_generic_initramfs_has_no_such_sign(content):
    assert read(content).host_only is None


def test_format_is_told_by_the_first_bytes():
    assert initramfs.format_of(tree(b'\x28\xb5\x2f\xfd'), '/boot/initrd') == (
        'zstd'
    )
    assert initramfs.format_of(tree(b'text'), '/boot/initrd') is None


def test_file_that_is_not_there_is_an_error_of_the_system():
    with pytest.raises(FileNotFoundError):
        initramfs.read(tree(b''), '/boot/other')


def test_damaged_file_is_unreadable():
    with pytest.raises(exceptions.ImageUnreadable, match='/boot/initrd'):
        initramfs.read(tree(b'070701 initramfs\n'), '/boot/initrd')
