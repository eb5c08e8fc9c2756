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

from image_pipeline.audit import registry, view
from image_pipeline.testing import disks
from image_pipeline.testing.disks import MIB, Slot

RULE = registry.get('EGI-LAYOUT-01')


def check(data, **options):
    return RULE.check(view.ImageView(disks.MemoryDisk(data)), options)


def test_disk_with_either_table_passes():
    assert check(disks.gpt_disk([])).outcome == 'pass'
    slot = Slot(start=MIB, size=MIB, type='0x83')
    assert check(disks.mbr_disk([slot])).outcome == 'pass'


def test_fat_without_a_table_is_no_disk_though_it_ends_in_55_aa():
    data = disks.mbr_disk([])
    data[11:24] = bytes.fromhex('00020201000200020000f81000')
    data[0x10], data[0x15] = 2, 0xF8
    verdict = check(data)
    assert verdict.outcome == 'fail'


def test_boot_record_without_partitions_fails():
    (evidence,) = check(disks.mbr_disk([])).evidence
    assert evidence.offset == 446


def test_partition_images_are_meant_where_the_profile_says_so():
    verdict = check(bytes(MIB), partition_images=True)
    assert verdict.outcome == 'not-applicable'
