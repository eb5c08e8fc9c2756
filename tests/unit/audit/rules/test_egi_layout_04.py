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

RULE = registry.get('EGI-LAYOUT-04')


def test_encrypted_disk_fails_though_nothing_in_it_can_be_read():
    slot = Slot(start=MIB, size=MIB, content=b'LUKS\xba\xbe\0\2')
    disk = disks.MemoryDisk(disks.gpt_disk([slot]))
    verdict = RULE.check(view.ImageView(disk))
    assert verdict.outcome == 'fail'
    assert verdict.evidence[0].offset == MIB
    assert verdict.evidence[0].data == '4c554b53babe0002'


def test_confidential_images_are_encrypted_on_purpose():
    disk = disks.MemoryDisk(b'LUKS\xba\xbe\0\2'.ljust(MIB, b'\0'))
    verdict = RULE.check(view.ImageView(disk), {'confidential': True})
    assert verdict.outcome == 'not-applicable'
