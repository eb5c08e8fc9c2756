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

from image_pipeline.audit import registry, subjects, view
from image_pipeline.testing import disks
from image_pipeline.testing.disks import MIB, Slot

RULE = registry.get('EGI-FMT-03')
QCOW2 = struct.pack('>4sIQIIQ', b'QFI\xfb', 3, 0, 0, 16, MIB).ljust(MIB, b'\0')
GPT = bytes(disks.gpt_disk([Slot(start=MIB, size=MIB)]))
ISO = (bytes(0x8001) + b'CD001').ljust(MIB, b'\0')
BOTH = QCOW2[:0x8001] + b'CD001' + QCOW2[0x8006:]
HYBRID = GPT[:0x8001] + b'CD001' + GPT[0x8006:]


@pytest.fixture
def check(tmp_path):
    def judge(name: str, data: bytes):
        path = tmp_path / name
        path.write_bytes(data)
        image = view.ImageView(disks.MemoryDisk(bytes(512)))
        return RULE.check(subjects.ArtifactView(path=path, image=image))

    return judge


@pytest.mark.parametrize(
    ('name', 'data', 'outcome', 'severity'),
    [
        ('x.qcow2', QCOW2, 'pass', None),
        ('x.QCOW2', QCOW2, 'pass', None),
        ('x.raw', GPT, 'pass', None),
        ('x.raw', bytes(MIB), 'pass', None),
        ('x.img', GPT, 'pass', None),
        ('x', QCOW2, 'pass', None),
        ('x.iso', ISO, 'pass', None),
        ('x.iso', HYBRID, 'pass', None),
        ('x.img', QCOW2, 'fail', 'info'),
        ('x.raw', QCOW2, 'fail', None),
        ('x.qcow2', GPT, 'fail', None),
        ('x.vmdk', QCOW2, 'fail', None),
        ('x.qcow2', BOTH, 'fail', None),
    ],
)
def test_name_says_what_the_file_is(check, name, data, outcome, severity):
    verdict = check(name, data)
    assert (verdict.outcome, verdict.severity) == (outcome, severity)
