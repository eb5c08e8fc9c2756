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

from image_pipeline.audit import derived
from image_pipeline.testing import disks, images, kernels
from image_pipeline.testing.disks import File

ELF = b'\x7fELF\2\1\1' + bytes(11) + struct.pack('<H', 62)
VERSION = '6.1.0-9-cloud-amd64'
MODULES = f'/usr/lib/modules/{VERSION}'


def system(*, early=(), late=(), **files):
    """Return what is derived of an image whose kernel has some modules."""
    names = [*early, *late]
    made = {
        f'/boot/vmlinuz-{VERSION}': kernels.bz_image(VERSION),
        f'/boot/initrd.img-{VERSION}': kernels.cpio(
            {
                f'usr/lib/modules/{VERSION}/kernel/{name}.ko': 'x'
                for name in early
            }
        ),
        f'{MODULES}/modules.dep': ''.join(
            f'kernel/{name}.ko:\n' for name in names
        ),
        **{f'{MODULES}/kernel/{name}.ko': 'x' for name in names},
        '/usr/bin/bash': ELF,
    }
    left = [
        path
        for path in images.FILES
        if path.startswith(('/boot/vmlinuz', '/boot/initrd', '/usr/lib/modul'))
    ]
    return derived.read(images.in_memory(made | files, without=left))


def test_system_is_told_by_its_own_files():
    found = system(
        **{'/usr/lib/os-release': 'ID=opensuse-leap\nVERSION_ID="15.6"\n'}
    ).properties
    assert found['architecture'] == 'x86_64'
    assert found['os_type'] == 'linux'
    assert found['os_distro'] == 'opensuse'
    assert found['os_version'] == '15.6'


def test_user_is_that_of_cloud_init():
    path = '/etc/cloud/cloud.cfg.d/50-user.cfg'
    found = system(**{path: 'system_info: {default_user: {name: alice}}\n'})
    assert found.properties['os_admin_user'] == 'alice'
    assert found.properties['image_original_user'] == 'alice'
    (one,) = (one for one in found.derived if one.key == 'os_admin_user')
    assert (one.evidence.path, one.evidence.line) == (path, 1)


@pytest.mark.parametrize(
    ('early', 'buses'),
    [
        (('virtio_pci', 'virtio_blk'), ('virtio',)),
        (('virtio_pci', 'virtio_scsi', 'sd_mod'), ('scsi',)),
        (('ahci', 'sd_mod', 'virtio_pci', 'virtio_blk'), ('virtio', 'sata')),
        (('virtio_blk',), ()),
        ((), ()),
    ],
)
def test_bus_is_one_whose_drivers_are_in_the_initramfs(early, buses):
    found = system(early=early)
    assert found.disk_buses == buses
    assert found.properties.get('hw_disk_bus') == (buses or (None,))[0]
    assert ('hw_scsi_model' in found.properties) == (buses == ('scsi',))


def test_driver_that_is_not_in_the_initramfs_is_too_late():
    assert system(late=('virtio_pci', 'virtio_blk')).disk_buses == ()


def test_image_without_a_kernel_has_no_known_buses():
    left = [
        path
        for path in images.FILES
        if path.startswith(('/boot/', '/usr/lib/modules'))
    ]
    found = derived.read(images.in_memory(without=left))
    assert found.disk_buses is None
    assert 'hw_disk_bus' not in found.properties


@pytest.mark.parametrize(
    ('late', 'model'),
    [
        (('virtio_net', 'e1000'), 'virtio'),
        (('e1000', 'e1000e'), 'e1000e'),
        ((), None),
    ],
)
def test_network_card_is_the_best_that_has_a_driver(late, model):
    assert system(late=late).properties.get('hw_vif_model') == model


def test_config_drive_is_on_scsi_where_there_is_no_ahci():
    late = ('virtio_scsi', 'sr_mod')
    assert system(late=late).properties['hw_cdrom_bus'] == 'scsi'
    assert 'hw_cdrom_bus' not in system(late=(*late, 'ahci')).properties


def test_guest_agent_that_starts_is_told():
    unit = '/usr/lib/systemd/system/qemu-guest-agent.service'
    files = {
        '/usr/sbin/qemu-ga': File('x', mode=0o755),
        unit: '[Service]\nExecStart=/usr/sbin/qemu-ga\n',
        '/usr/lib/udev/rules.d/60-qemu-guest-agent.rules': (
            'ENV{SYSTEMD_WANTS}="qemu-guest-agent.service"\n'
        ),
    }
    assert not system().guest_agent
    found = system(**files)
    assert found.guest_agent
    assert found.properties['hw_qemu_guest_agent'] == 'yes'


def test_date_is_that_of_the_stamp_or_of_the_last_package():
    status = '/var/lib/dpkg/status'
    seen = images.FILES[status]
    assert isinstance(seen, str)
    files = {status: File(seen, mtime=1_700_000_000), derived.STAMP: ''}
    assert system(**files).properties['image_build_date'] == '2023-11-14'
    stamp = {derived.STAMP: 'recipe=x\ndate=2026-11-21T10:00:00Z\n'}
    found = system(**(files | stamp)).properties
    assert found['image_build_date'] == '2026-11-21'


def test_disk_needs_whole_gibibytes():
    view = disks.MemoryView(disks.MemoryDisk(size=(2 << 30) + 512), {})
    assert derived.read(view).min_disk == 3
