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

from image_pipeline.audit import esp, firmware, rule
from image_pipeline.testing import disks, images


def test_architecture_is_that_of_programs_or_else_of_kernels():
    assert firmware.architecture(images.in_memory()) == 'x86_64'
    without = ('/usr/lib/systemd/systemd',)
    assert firmware.architecture(images.in_memory({}, without)) == 'x86_64'
    view = disks.MemoryView(disks.MemoryDisk(bytes(512)), None)
    assert firmware.architecture(view) is None


def test_image_without_a_table_starts_on_no_firmware_and_is_not_judged():
    view = disks.MemoryView(disks.MemoryDisk(bytes(1 << 20)), {})
    for judge in (firmware.bios, firmware.uefi):
        with pytest.raises(rule.NotApplicable):
            list(judge(view))


def test_image_without_an_esp_has_none():
    assert esp.esps(images.in_memory()) == ()


def test_path_is_shown_where_the_guest_mounts_it():
    view = images.in_memory()
    mounted = esp.Esp(device=view.whole, tree=view.files, point='/boot/efi')
    assert mounted.shown('/a') == '/boot/efi/a'
    other = esp.Esp(device=view.whole, tree=view.files, point=None)
    assert other.shown('/a') == 'the disk:/a'
