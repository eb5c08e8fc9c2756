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

from image_pipeline.audit.guest import kernels
from image_pipeline.disk import files
from image_pipeline.testing import disks
from image_pipeline.testing.kernels import bz_image

V = '6.1.0-1-amd64'


def tree(content) -> files.FileTree:
    return files.FileTree(disks.MemoryFiles(content))


@pytest.mark.parametrize(
    ('image', 'initramfs'),
    [
        (f'/boot/vmlinuz-{V}', f'/boot/initrd.img-{V}'),
        (f'/boot/vmlinuz-{V}', f'/boot/initramfs-{V}.img'),
        (f'/boot/vmlinuz-{V}', f'/boot/initrd-{V}'),
        (f'/boot/0123abcd/{V}/linux', f'/boot/0123abcd/{V}/initrd'),
        (f'/efi/debian/{V}/linux', f'/efi/debian/{V}/initrd'),
        (f'/usr/lib/modules/{V}/vmlinuz', f'/boot/initramfs-{V}.img'),
    ],
)
def test_kernel_modules_and_initramfs_are_joined(image, initramfs):
    (kernel,) = kernels.kernels(
        tree(
            {
                image: bz_image(V),
                initramfs: 'x',
                f'/usr/lib/modules/{V}/modules.dep': '',
            }
        )
    )
    assert kernel.version == V
    assert kernel.image is not None and kernel.image.path == image
    assert kernel.initramfs == initramfs
    assert kernel.modules == f'/usr/lib/modules/{V}'


def test_image_called_after_its_package_has_the_version_of_its_header():
    (kernel,) = kernels.kernels(
        tree(
            {
                '/boot/vmlinuz-linux': bz_image('6.9.1-arch1-1'),
                '/boot/initramfs-linux.img': 'x',
                '/usr/lib/modules/6.9.1-arch1-1/modules.dep': '',
            }
        )
    )
    assert kernel.version == '6.9.1-arch1-1'
    assert kernel.initramfs == '/boot/initramfs-linux.img'
    assert kernel.modules


def test_kernels_are_sorted_by_version_and_rescue_is_told():
    found = kernels.kernels(
        tree(
            {
                '/boot/vmlinuz-6.10.0': bz_image('6.10.0'),
                '/boot/vmlinuz-6.9.0': bz_image('6.9.0'),
                '/boot/vmlinuz-6.9.0.old': bz_image('6.9.0'),
                '/boot/vmlinuz-0-rescue-0123': bz_image('6.9.0'),
                '/boot/.vmlinuz-6.9.0.hmac': 'x',
            }
        )
    )
    assert [kernel.version for kernel in found] == [
        '0-rescue-0123',
        '6.9.0',
        '6.10.0',
    ]
    assert [kernel.rescue for kernel in found] == [True, False, False]


def test_modules_without_an_image_are_a_kernel_without_one():
    (kernel,) = kernels.kernels(tree({'/lib/modules/5.10/modules.dep': ''}))
    assert (kernel.version, kernel.image) == ('5.10', None)
    assert kernel.modules == '/lib/modules/5.10'


def test_image_for_another_kernel_than_its_name_says_shows_both():
    (kernel,) = kernels.kernels(
        tree(
            {
                f'/boot/vmlinuz-{V}': bz_image('5.10.0'),
                f'/usr/lib/modules/{V}/modules.dep': '',
            }
        )
    )
    assert kernel.version == V
    assert kernel.image is not None and kernel.image.version == '5.10.0'


def test_image_without_any_kernel_has_none():
    assert kernels.kernels(tree({'/etc': None})) == ()


DEP = (
    'kernel/drivers/block/virtio_blk.ko.xz: kernel/drivers/virtio/virtio.ko\n'
    'kernel/drivers/net/xen-netfront.ko.zst:\n'
    'kernel/fs/isofs/isofs.ko:\n'
)


@pytest.fixture
def drivers():
    found = kernels.drivers(
        tree(
            {
                f'/usr/lib/modules/{V}/modules.dep': DEP,
                f'/usr/lib/modules/{V}/modules.builtin': 'kernel/ext4.ko\n',
                f'/boot/config-{V}': '# CONFIG_XFS_FS is not set\n'
                'CONFIG_SATA_AHCI=y\nCONFIG_VIRTIO_NET=y\nCONFIG_A="x"\n'
                'CONFIG_BTRFS_FS=m\n',
            }
        ),
        V,
    )
    assert found is not None
    return found


@pytest.mark.parametrize(
    ('name', 'has', 'is_builtin'),
    [
        ('virtio_blk', True, False),
        ('virtio-blk', True, False),
        ('xen_netfront', True, False),
        ('ext4', True, True),
        ('ahci', True, True),
        ('virtio_net', True, True),
        ('virtio', False, False),
        ('xfs', False, False),
        ('btrfs', False, False),
    ],
)
def test_driver_is_a_module_or_built_in(drivers, name, has, is_builtin):
    assert drivers.has(name) is has
    assert drivers.is_builtin(name) is is_builtin


def test_file_system_is_found_by_the_name_that_mount_knows(drivers):
    assert drivers.has_file_system('iso9660')
    assert drivers.has_file_system('ext4')
    assert not drivers.has_file_system('vfat')


def test_configuration_is_read_without_quotes(drivers):
    assert drivers.config['A'] == 'x'
    assert 'XFS_FS' not in drivers.config


def test_kernel_without_modules_has_no_drivers():
    assert kernels.drivers(tree({'/etc': None}), V) is None
