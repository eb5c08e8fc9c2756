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

from image_pipeline.audit import registry, view
from image_pipeline.disk import mbr
from image_pipeline.testing import disks
from image_pipeline.testing.disks import MIB, Slot

RULE = registry.get('HYG-15')


def check(data):
    return RULE.check(view.ImageView(disks.MemoryDisk(data)))


@pytest.fixture
def slots():
    return [Slot(start=n * MIB, size=MIB) for n in (1, 2)]


def test_disk_and_partitions_with_identifiers_of_their_own_pass(slots):
    assert check(disks.gpt_disk(slots)).outcome == 'pass'
    assert check(disks.mbr_disk([Slot(start=MIB, size=MIB, type='0x83')])) == (
        check(disks.gpt_disk(slots))
    )


def test_disk_without_a_signature_is_told(slots):
    data = disks.mbr_disk([Slot(start=MIB, size=MIB, type='0x83')])
    data[440:444] = bytes(4)
    assert mbr.signed(bytes(data[:512]))
    verdict = check(data)
    assert verdict.outcome == 'fail'
    assert 'the disk has no identifier' in verdict.evidence[0].message


def test_file_systems_with_one_identifier_are_told():
    # A FAT with serial number 01020304, twice.
    fat = bytearray(512)
    fat[:3], fat[510:] = b'\xeb\x3c\x90', b'\x55\xaa'
    fat[11:36] = bytes.fromhex(
        '0002 01 0100 02 0002 0008 f8 0800 2000 0200 00000000 00000000'
        ' 80 00 29'.replace(' ', '')
    )[:25]
    fat[36:62] = b'\x80\0\x29\4\3\2\1' + b'NO NAME    ' + b'FAT16   '
    one, two = (
        Slot(start=n * MIB, size=MIB, content=bytes(fat)) for n in (1, 2)
    )
    verdict = check(disks.gpt_disk([one, two]))
    assert [
        device.file_system is not None
        for device in view.ImageView(
            disks.MemoryDisk(disks.gpt_disk([one, two]))
        ).parts
    ] == [True, True]
    assert verdict.outcome == 'fail'
    assert 'partition 2 and partition 1' in verdict.evidence[0].message


def test_image_without_a_table_is_not_judged():
    assert check(bytes(MIB)).outcome == 'not-applicable'
