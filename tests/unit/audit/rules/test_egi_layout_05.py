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
from image_pipeline.disk import partitions
from image_pipeline.testing import disks
from image_pipeline.testing.disks import MIB, Slot

RULE = registry.get('EGI-LAYOUT-05')


def btrfs(label: str) -> bytes:
    area = bytearray(0x10400)
    area[0x10040:0x10048] = b'_BHRfS_M'
    area[0x1012B : 0x1012B + len(label)] = label.encode()
    return bytes(area)


ESP = Slot(start=MIB, size=MIB, type=partitions.ESP)
BOOT = Slot(start=2 * MIB, size=MIB, content=btrfs('boot'))
ROOT = Slot(start=3 * MIB, size=MIB, content=btrfs('img-rootfs'))
MOUNTS = 'LABEL=img-rootfs / btrfs\nLABEL=boot /boot btrfs\n'


def check(files, *slots, **options):
    disk = disks.MemoryDisk(disks.gpt_disk(slots))
    return RULE.check(disks.MemoryView(disk, files), options)


def test_boot_of_its_own_is_a_hint_for_el_and_a_warning_elsewhere():
    for release, severity in (
        ('ID="rocky"\nID_LIKE="rhel centos fedora"\n', 'info'),
        ('ID=debian\n', None),
    ):
        files = {'/etc/fstab': MOUNTS, '/etc/os-release': release}
        verdict = check(files, ESP, BOOT, ROOT)
        assert verdict.outcome == 'fail'
        assert verdict.severity == severity


@pytest.mark.parametrize(
    'line',
    [
        'LABEL=img-rootfs /var btrfs subvol=@/var',
        'tmpfs /run tmpfs',
        'server:/share /data nfs4',
        'LABEL=data /data ext4 nofail',
        '/srv /mnt none bind',
    ],
)
def test_mounts_that_take_no_partition_of_the_image_pass(line):
    files = {'/etc/fstab': f'LABEL=img-rootfs / btrfs\n{line}\n'}
    assert check(files, ESP, ROOT).outcome == 'pass'


def test_profile_may_allow_more_mounts():
    files = {'/etc/fstab': '/dev/disk/by-label/log /var/log ext4\n'}
    assert check(files, ROOT).outcome == 'fail'
    allowed = ['/', '/var/log']
    assert check(files, ROOT, allowed_mounts=allowed).outcome == 'pass'


def test_disk_without_a_root_fails():
    assert check({}, ESP).outcome == 'fail'
