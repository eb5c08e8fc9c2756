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
from image_pipeline.testing import disks
from image_pipeline.testing.disks import MIB, Slot

RULE = registry.get('EGI-GROW-02')
CFG, FSTAB = '/etc/cloud/cloud.cfg', '/etc/fstab'
MODULES = 'cloud_init_modules: [growpart, resizefs]\n'
BASE = {'/usr/lib/systemd/systemd': 'ELF'}
SYSTEM = BASE | {
    '/usr/bin/cloud-init': '#!',
    '/usr/sbin/resize2fs': 'ELF',
    CFG: MODULES,
}
LIB = '/usr/lib/systemd/system'
GROWROOT = {
    f'{LIB}/growroot.service': '[Service]\n',
    '/etc/systemd/system/multi-user.target.wants/growroot.service': (
        disks.Link(f'{LIB}/growroot.service')
    ),
}


def ext(*, reserved=255, compat=0x10, incompat=0x42, blocks=16 * 32768):
    """Return an ext4 of 4 KiB blocks with descriptors of 32 bytes."""
    data = bytearray(2048)
    struct.pack_into('<II', data, 1024, 8192, blocks)
    struct.pack_into('<I', data, 1024 + 0x18, 2)
    struct.pack_into('<I', data, 1024 + 0x20, 32768)
    struct.pack_into('<I', data, 1024 + 0x28, 8192)
    data[1024 + 56 : 1024 + 58] = b'\x53\xef'
    struct.pack_into('<I', data, 1024 + 76, 1)
    struct.pack_into('<III', data, 1024 + 92, compat, incompat, 0)
    struct.pack_into('<H', data, 1024 + 0xCE, reserved)
    return Slot(start=MIB, size=MIB, content=bytes(data))


def xfs():
    head = bytearray(512)
    struct.pack_into('>4sI', head, 0, b'XFSB', 4096)
    struct.pack_into('>IIIIH', head, 84, 256, 1, 0, 0, 0xB4A5)
    head[120] = 12
    return Slot(start=MIB, size=MIB, content=bytes(head))


def check(content, slot=None, **options):
    disk = disks.MemoryDisk(disks.gpt_disk([slot or ext()]))
    return RULE.check(disks.MemoryView(disk, content), options)


def without(content, *paths):
    return {k: v for k, v in content.items() if k not in paths}


@pytest.mark.parametrize(
    ('content', 'slot'),
    [
        (SYSTEM, ext()),
        (SYSTEM | {CFG: f'{MODULES}resize_rootfs: noblock\n'}, ext()),
        (SYSTEM | {'/usr/sbin/xfs_growfs': '#!'}, xfs()),
        (BASE | {FSTAB: 'LABEL=x / ext4 defaults,x-systemd.growfs'}, ext()),
        (BASE | {FSTAB: 'LABEL=x / xfs x-systemd.growfs 0 1'}, xfs()),
        (BASE | GROWROOT | {'/sbin/resize2fs': 'ELF'}, ext()),
        (SYSTEM, ext(incompat=0x52, compat=0, reserved=0)),
    ],
)
def test_a_root_that_grows_passes(content, slot):
    assert check(content, slot).outcome == 'pass'


@pytest.mark.parametrize(
    ('content', 'slot', 'path', 'message'),
    [
        (BASE, ext(), None, 'nothing grows'),
        (
            SYSTEM | {CFG: 'cloud_init_modules: [growpart]\n'},
            ext(),
            CFG,
            'resizefs',
        ),
        (
            SYSTEM | {CFG: f'{MODULES}resize_rootfs: false\n'},
            ext(),
            CFG,
            'turned off',
        ),
        (SYSTEM | {CFG: f'{MODULES}resize_rootfs:\n'}, ext(), CFG, 'off'),
        (without(SYSTEM, '/usr/sbin/resize2fs'), ext(), None, 'resize2fs'),
        (SYSTEM, xfs(), None, 'xfs_growfs'),
        (
            BASE | GROWROOT | {'/usr/sbin/xfs_growfs': '#!'},
            xfs(),
            None,
            'nothing grows',
        ),
        (
            BASE | {FSTAB: 'LABEL=x /data ext4 x-systemd.growfs'},
            ext(),
            None,
            'no',
        ),
    ],
)
def test_a_root_that_stays_small_is_told(content, slot, path, message):
    verdict = check(content, slot)
    assert (verdict.outcome, verdict.severity) == ('fail', None)
    (evidence,) = verdict.evidence
    assert evidence.path == path
    assert message in evidence.message


@pytest.mark.parametrize(
    ('slot', 'least', 'outcome'),
    [
        # 16 groups and a block of 128 descriptors: 8 times.
        (ext(reserved=0), 9, 'fail'),
        (ext(reserved=0), 8, 'pass'),
        (ext(reserved=255), 2048, 'pass'),
        (ext(reserved=255), 2049, 'fail'),
        (ext(reserved=255, compat=0), 100, 'fail'),
    ],
)
def test_descriptors_that_do_not_last_are_a_warning(slot, least, outcome):
    verdict = check(SYSTEM, slot, least_growth=least)
    assert verdict.outcome == outcome
    assert verdict.severity == ('warning' if outcome == 'fail' else None)


@pytest.mark.parametrize('slot', [ext(blocks=0), Slot(start=MIB, size=MIB)])
def test_a_root_that_makes_no_sense_is_not_known(slot):
    assert check(SYSTEM, slot).outcome == 'unknown'
