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

RULE = registry.get('VIRT-04')
GRUB, CHRONY = '/boot/grub/grub.cfg', '/etc/chrony/chrony.conf'


@pytest.mark.parametrize(
    ('files', 'outcome'),
    [
        ({GRUB: 'linux /vmlinuz root=LABEL=x ro\n'}, 'pass'),
        ({GRUB: 'linux /vmlinuz clocksource=hpet\n'}, 'fail'),
        ({GRUB: 'linux /vmlinuz no-kvmclock\n'}, 'fail'),
        ({GRUB: '# linux /vmlinuz clocksource=hpet\n'}, 'pass'),
        ({GRUB: 'linux /vmlinuz myclocksource=hpet\n'}, 'pass'),
        ({'/etc/default/grub': 'GRUB_CMDLINE_LINUX="notsc"\n'}, 'fail'),
        ({CHRONY: 'pool a\n'}, 'fail'),
        ({CHRONY: 'pool a\nmakestep 1 3\n'}, 'pass'),
        ({CHRONY: 'pool a\n#makestep 1 3\n'}, 'fail'),
        ({'/etc/chrony.conf': 'pool a\n',
          '/etc/chrony.d/x.conf': 'makestep 1 3\n'}, 'pass'),
        ({}, 'pass'),
    ],
)  # fmt: skip
def test_clock_is_left_to_the_hypervisor_and_may_be_stepped(files, outcome):
    image = disks.MemoryView(disks.MemoryDisk(), files)
    assert RULE.check(image).outcome == outcome
