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

RULE = registry.get('EGI-LAYOUT-09')


def check(path, line):
    disk = disks.MemoryDisk(disks.gpt_disk([]))
    return RULE.check(disks.MemoryView(disk, {path: line + '\n'}))


@pytest.mark.parametrize(
    ('path', 'line'),
    [
        ('/etc/fstab', '# /dev/sda1 was / during installation'),
        ('/etc/fstab', '/dev/sr0 /media/cdrom udf,iso9660 noauto'),
        ('/etc/fstab', '/dev/disk/by-id/virtio-1 /data ext4'),
        ('/etc/fstab', 'LABEL=data /data ext4 nofail'),
        ('/boot/grub/grub.cfg', "set root='hd0,gpt1'"),
        ('/boot/grub/grub.cfg', 'search --fs-uuid --set=root $uuid'),
        ('/etc/default/grub', '#GRUB_CMDLINE_LINUX="root=/dev/vda1"'),
        ('/boot/grub/device.map', '(hd0) /dev/sda'),
    ],
)
def test_what_names_no_device_of_a_hypervisor_passes(path, line):
    assert check(path, line).outcome == 'pass'


@pytest.mark.parametrize(
    ('path', 'line', 'data'),
    [
        ('/etc/fstab', '/dev/xvda1 / ext4', '/dev/xvda1'),
        ('/etc/kernel/cmdline', 'root=/dev/nvme0n1p1', '/dev/nvme0n1p1'),
        (
            '/etc/default/grub',
            'GRUB_CMDLINE_LINUX="root=/dev/vda1"',
            '/dev/vda1',
        ),
        ('/boot/grub2/grubenv', 'kernelopts=root=/dev/sda2 ro', '/dev/sda2'),
        ('/boot/efi/EFI/debian/grub.cfg', 'search.fs_uuid 12 root', 'UUID=12'),
        ('/etc/fstab', 'PARTUUID=12 / ext4', 'PARTUUID=12'),
        ('/etc/fstab', '/dev/disk/by-uuid/12 / ext4', '/dev/disk/by-uuid/12'),
    ],
)
def test_what_does_fails_with_its_place(path, line, data):
    (evidence,) = check(path, line).evidence
    assert (evidence.path, evidence.line, evidence.data) == (path, 1, data)
