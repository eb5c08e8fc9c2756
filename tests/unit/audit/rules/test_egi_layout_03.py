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
from image_pipeline.testing.disks import MIB, Link, Slot

RULE = registry.get('EGI-LAYOUT-03')


def check(files, data=None):
    disk = disks.MemoryDisk(disks.gpt_disk([]) if data is None else data)
    return RULE.check(disks.MemoryView(disk, files))


@pytest.mark.parametrize(
    'files',
    [
        {'/etc/systemd/zram-generator.conf': '[zram0]\n'},
        {'/etc/fstab': '/dev/zram0 none swap defaults 0 0\n'},
        {'/etc/fstab': '/dev/vdc none swap sw,nofail 0 0\n'},
        {'/usr/lib/systemd/system/dev-zram0.swap': '[Swap]\n'},
        {'/etc/systemd/system/a.swap': Link('/dev/null')},
        {'/var/swap.d': None},
        {'/etc/kernel/cmdline': 'resume=none\n'},
    ],
    ids=str,
)
def test_what_is_no_swap_in_the_image_passes(files):
    assert check(files).outcome == 'pass'


def test_swap_file_in_fstab_fails_even_if_a_boot_goes_on_without():
    files = {'/etc/fstab': '/s none swap nofail 0 0\n', '/s': 'x'}
    assert check(files).outcome == 'fail'


def test_type_of_solaris_with_a_file_system_in_it_passes():
    slot = Slot(start=MIB, size=MIB, type='0x82', content=b'hsqs')
    assert check({}, disks.mbr_disk([slot])).outcome == 'pass'
    empty = Slot(start=MIB, size=MIB, type='0x82')
    assert check({}, disks.mbr_disk([empty])).outcome == 'fail'


def test_swap_is_found_though_files_cannot_be_read():
    slot = Slot(start=MIB, size=MIB, content=bytes(4086) + b'SWAPSPACE2')
    assert check(None, disks.gpt_disk([slot])).outcome == 'fail'
    assert check(None).outcome == 'unknown'
