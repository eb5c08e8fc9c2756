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

from image_pipeline.audit import registry
from image_pipeline.disk import xfs
from image_pipeline.testing import disks
from image_pipeline.testing.disks import MIB, Slot

RULE = registry.get('EGI-LAYOUT-10')


def xfs_root(incompat: int) -> Slot:
    head = bytearray(512)
    struct.pack_into('>4sI', head, 0, b'XFSB', 4096)
    struct.pack_into('>IIIIH', head, 84, 256, 1, 0, 0, 0xB4A5)
    struct.pack_into('>III', head, 0xD0, 0, 5, incompat)
    head[120] = 12
    return Slot(start=MIB, size=MIB, content=bytes(head))


def ext_root(compat: int, incompat: int) -> Slot:
    data = bytearray(2048)
    data[1024 + 56 : 1024 + 58] = b'\x53\xef'
    struct.pack_into('<III', data, 1024 + 92, compat, incompat | 0x40, 0)
    return Slot(start=MIB, size=MIB, content=bytes(data))


def check(slot, files):
    disk = disks.MemoryDisk(disks.gpt_disk([slot]))
    return RULE.check(disks.MemoryView(disk, files))


@pytest.mark.parametrize(
    ('incompat', 'kernel', 'outcome'),
    [
        (xfs.INCOMPAT_FTYPE, '4.18.0-553.el8', 'pass'),
        (xfs.INCOMPAT_BIGTIME, '4.18.0-553.el8', 'fail'),
        (xfs.INCOMPAT_BIGTIME, '5.14.0-427.el9', 'pass'),
        (xfs.INCOMPAT_NREXT64, '5.14.0-427.el9', 'fail'),
        (xfs.INCOMPAT_NREXT64, '6.12.0-55.el10', 'pass'),
        (xfs.INCOMPAT_PARENT, '6.1.0-1-amd64', 'fail'),
    ],
)
def test_xfs_features_are_held_against_the_newest_kernel(
    incompat, kernel, outcome
):
    files = {f'/lib/modules/{kernel}': None, '/lib/modules/3.10.0-1': None}
    assert check(xfs_root(incompat), files).outcome == outcome


def test_xfs_features_warn_where_the_kernel_is_not_known():
    verdict = check(xfs_root(xfs.INCOMPAT_NREXT64), None)
    assert (verdict.outcome, verdict.severity) == ('fail', 'warning')


def test_xfs_features_that_nobody_knows_warn():
    verdict = check(xfs_root(1 << 30), {'/lib/modules/6.12.0-1': None})
    assert (verdict.outcome, verdict.severity) == ('fail', 'warning')


@pytest.mark.parametrize(
    ('release', 'outcome'),
    [
        ('ID=rocky\nID_LIKE="rhel centos fedora"\nVERSION_ID=9.4\n', 'fail'),
        ('ID=rocky\nID_LIKE="rhel centos fedora"\nVERSION_ID=10.0\n', 'pass'),
        ('ID=strange\n', 'fail'),
    ],
)
def test_versions_of_a_release_or_unknown_ones_warn_only(release, outcome):
    verdict = check(ext_root(0, 0x2000), {'/etc/os-release': release})
    assert verdict.outcome == outcome
    assert verdict.severity == ('warning' if outcome == 'fail' else None)


def test_new_features_pass_in_a_guest_that_knows_them():
    status = ''.join(
        f'Package: {name}\nStatus: install ok installed\nVersion: {v}\n\n'
        for name, v in (('grub-common', '2.12-9'), ('e2fsprogs', '1.47.2-3'))
    )
    files = {'/var/lib/dpkg/status': status}
    assert check(ext_root(0x1000, 0x2000), files).outcome == 'pass'
