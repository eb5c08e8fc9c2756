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

from typing import ClassVar

from image_pipeline import artifact
from image_pipeline.probes import base, layout, protocol, registry
from image_pipeline.testing import guest_answers
from image_pipeline.testing.conformance import probe as conformance

EXPECTED = conformance.EXPECTED
GOOD = guest_answers.recorded()
changed = guest_answers.changed


def judge(name: str, text: str) -> base.ProbeResult:
    answer = protocol.Answer(text=text)
    return base.judge(registry.load(name), answer, EXPECTED)


class TestProbes(conformance.ProbeConformance):
    probes = layout.PROBES
    good = GOOD
    defects: ClassVar = [
        (
            'EGI-GROW-01',
            f'device=vda3\npartition={1 << 30}\ndisk={3 << 30}\n',
            'fail',
            'vda3 has 1024 MiB of 3072 MiB',
        ),
        ('EGI-GROW-01', 'device=dm-0\nwhole=1\n', 'not-applicable', 'dm-0'),
        (
            'EGI-LAYOUT-01',
            'device=vda\nwhole=1\n',
            'fail',
            'vda is no partition',
        ),
        ('EGI-LAYOUT-01', 'device=dm-0\nwhole=1\n', 'not-applicable', 'dm-0'),
        (
            'EGI-LAYOUT-06',
            changed(
                'EGI-LAYOUT-06', '/vda2/start=133120', '/vda2/start=999999'
            ),
            'fail',
            'vda2 lies behind the root vda3',
        ),
        ('EGI-LAYOUT-06', 'device=vda\nwhole=1\n', 'not-applicable', 'vda'),
        (
            'EGI-LAYOUT-05',
            changed(
                'EGI-LAYOUT-05', '== arrays', '/dev/vda5 /home ext4\n== arrays'
            ),
            'fail',
            '/home is a file system of its own, on /dev/vda5',
        ),
        ('EGI-LAYOUT-05', '== mounts\n', 'unknown', 'understood'),
        (
            'EGI-LAYOUT-07',
            changed(
                'EGI-LAYOUT-07',
                '== verified',
                'md0 : active raid1 vda3[0]\n== verified',
            ),
            'fail',
            'md0 is an array',
        ),
        (
            'EGI-LAYOUT-08',
            changed(
                'EGI-LAYOUT-08',
                'No errors detected.',
                'Partition 2: overlaps partition 3.\n1 error detected.',
            ),
            'fail',
            'overlaps partition 3',
        ),
        (
            'EGI-LAYOUT-08',
            'sh: 1: sfdisk: not found\n',
            'not-applicable',
            'could be verified',
        ),
        (
            'EGI-LAYOUT-09',
            changed('EGI-LAYOUT-09', 'root=UUID=4a0f78a0', 'root=/dev/vda3 x'),
            'fail',
            'root=/dev/vda3',
        ),
        (
            'EGI-LAYOUT-09',
            changed(
                'EGI-LAYOUT-09',
                'Success, no errors or warnings detected',
                '0 parse errors, 1 error, 2 warnings',
            ),
            'fail',
            '1 error',
        ),
        (
            'EGI-LAYOUT-09',
            changed('EGI-LAYOUT-09', 'Success, no errors or warnings', 'sh:'),
            'unknown',
            'findmnt',
        ),
        ('EGI-GROW-02', f'size={1 << 20}\nfree=1\n', 'fail', '1024 MiB'),
        ('EGI-LAYOUT-02', 'vg-root=LVM-abc\n', 'fail', 'vg-root'),
        ('EGI-LAYOUT-04', 'root=CRYPT-LUKS2-abc\n', 'fail', 'encrypted'),
        (
            'EGI-LAYOUT-03',
            'Filename\n/swapfile file 1 0 -2\n',
            'fail',
            '/swap',
        ),
        ('EGI-LAYOUT-03', '', 'not-applicable', 'no swap'),
    ]


def test_zram_is_no_swap_on_a_disk() -> None:
    text = 'Filename\n/dev/zram0 partition 1 0 100\n'
    assert judge('EGI-LAYOUT-03', text).outcome is artifact.Outcome.PASS
