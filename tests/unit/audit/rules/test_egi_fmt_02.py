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

RULE = registry.get('EGI-FMT-02')


def qcow2(place: int = 0, form: str = '>I', value: int = 0) -> bytes:
    head = bytearray(65536)
    struct.pack_into('>4sIQIIQ', head, 0, b'QFI\xfb', 3, 0, 0, 16, MIB)
    struct.pack_into('>I', head, 100, 104)
    struct.pack_into(form, head, place or 104, value)
    return bytes(head)


@pytest.fixture
def check(tmp_path):
    def judge(data: bytes):
        path = tmp_path / 'x'
        path.write_bytes(data)
        image = view.ImageView(disks.MemoryDisk(bytes(512)))
        return RULE.check(subjects.ArtifactView(path=path, image=image))

    return judge


@pytest.mark.parametrize(
    ('data', 'outcome'),
    [
        (qcow2(), 'pass'),
        (qcow2(8, '>Q', 4096), 'fail'),
        (qcow2(32, '>I', 2), 'fail'),
        (qcow2(60, '>I', 1), 'fail'),
        (qcow2(72, '>Q', 0x4), 'fail'),
        (qcow2(72, '>Q', 0x10), 'fail'),
        (qcow2(72, '>Q', 0x8), 'pass'),
        (b'QED\0'.ljust(MIB, b'\0'), 'fail'),
        (bytes(MIB), 'pass'),
    ],
)
def test_file_that_needs_another_is_an_error(check, data, outcome):
    verdict = check(data)
    assert verdict.outcome == outcome
    assert verdict.severity is None


def test_what_is_wrong_with_a_boot_record_is_for_another_rule(check):
    data = disks.gpt_disk([Slot(start=MIB, size=MIB)])
    data[446] = 1
    assert check(bytes(data)).outcome == 'pass'


def test_file_that_is_not_there_is_no_pass(tmp_path):
    image = view.ImageView(disks.MemoryDisk(bytes(512)))
    verdict = RULE.check(
        subjects.ArtifactView(path=tmp_path / 'none', image=image)
    )
    assert verdict.outcome == 'unknown'
