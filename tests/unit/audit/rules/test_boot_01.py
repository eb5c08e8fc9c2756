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
from image_pipeline.disk import partitions
from image_pipeline.testing import disks, images, sound_boot
from image_pipeline.testing.disks import MIB, Slot

RULE = registry.get('BOOT-01')
BIOS = Slot(
    start=9 * MIB,
    size=MIB,
    type=partitions.BIOS_BOOT,
    content=sound_boot.CORE,
)


def check(code=None, slot=BIOS, files=images.FILES, mbr=False, **options):
    make = disks.mbr_disk if mbr else disks.gpt_disk
    data = make([slot])
    data[:440] = sound_boot.boot_record() if code is None else code
    return RULE.check(disks.MemoryView(disks.MemoryDisk(data), files), options)


def test_boot_record_of_grub_that_leads_to_its_core_passes():
    assert check().outcome == 'pass'


def test_boot_record_without_code_fails():
    verdict = check(bytes(440))
    assert (verdict.outcome, verdict.severity) == ('fail', None)
    assert verdict.evidence[0].offset == 0


def test_core_that_is_not_there_fails():
    verdict = check(slot=Slot(start=9 * MIB, size=MIB))
    assert verdict.evidence[0].offset == 9 * MIB


@pytest.mark.parametrize('sector', [0, 1 << 40, (1 << 64) - 1])
def test_core_outside_of_the_disk_fails(sector):
    code = bytearray(sound_boot.boot_record())
    struct.pack_into('<Q', code, 0x5C, sector)
    assert check(bytes(code)).evidence[0].offset == 0x5C


def test_core_without_its_modules_fails():
    files = dict(images.FILES)
    del files['/boot/grub/i386-pc/normal.mod']
    assert check(files=files).outcome == 'fail'


@pytest.mark.parametrize(('flags', 'outcome'), [(0, 'fail'), (0x80, 'pass')])
def test_other_boot_records_need_an_active_partition(flags, outcome):
    slot = Slot(start=MIB, size=MIB, type='0x83')
    data = disks.mbr_disk([slot])
    data[:440] = b'Missing operating system'.ljust(440, b'\1')
    data[446] = flags
    view = disks.MemoryView(disks.MemoryDisk(data), images.FILES)
    assert RULE.check(view).outcome == outcome


def test_image_for_uefi_only_is_not_judged():
    verdict = check(bytes(440), firmware='uefi')
    assert verdict.outcome == 'not-applicable'


def test_machines_without_a_bios_are_not_judged():
    elf = bytearray(b'\x7fELF\2\1\1'.ljust(20, b'\0'))
    elf[18] = 183
    files = {'/usr/lib/systemd/systemd': bytes(elf)}
    assert check(bytes(440), files=files).outcome == 'not-applicable'


def test_boot_record_is_judged_though_files_cannot_be_read():
    assert check(bytes(440), files=None).outcome == 'fail'
    assert check(files=None).outcome == 'unknown'


def test_image_without_a_table_is_not_judged():
    view = disks.MemoryView(disks.MemoryDisk(bytes(MIB)), images.FILES)
    assert RULE.check(view).outcome == 'not-applicable'
