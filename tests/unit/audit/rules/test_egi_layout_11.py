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

from image_pipeline.audit import registry, view
from image_pipeline.disk import reader
from image_pipeline.testing import disks
from image_pipeline.testing.disks import MIB, Slot

RULE = registry.get('EGI-LAYOUT-11')


def xfs(flags: int | None, in_progress: bool = False) -> bytes:
    """Return an XFS whose log ends with a record of these flags."""
    data = bytearray(32768)
    struct.pack_into('>4sI', data, 0, b'XFSB', 4096)
    struct.pack_into('>Q', data, 48, 4)
    struct.pack_into('>IIIIH', data, 84, 256, 1, 0, 2, 0xB4A5)
    data[120], data[124], data[126] = 12, 8, in_progress
    if flags is not None:
        struct.pack_into('>I', data, 16384, 0xFEEDBABE)
        struct.pack_into('>II', data, 16384 + 16, 1, 0)
        struct.pack_into('>I', data, 16384 + 40, 1)
        data[16384 + 512 + 9] = flags
    return bytes(data)


def btrfs(log_root: int) -> bytes:
    data = bytearray(0x10400)
    data[0x10040:0x10048] = b'_BHRfS_M'
    struct.pack_into('<Q', data, 0x10060, log_root)
    return bytes(data)


@pytest.mark.parametrize(
    ('content', 'outcome'),
    [
        (xfs(0x20), 'pass'),
        (xfs(0x01), 'fail'),
        (xfs(None), 'unknown'),
        (xfs(0x20, in_progress=True), 'fail'),
        (btrfs(0), 'pass'),
        (btrfs(4096), 'fail'),
    ],
    ids=[
        'xfs unmounted', 'xfs in use', 'xfs without a log', 'xfs half made',
        'btrfs', 'btrfs with a log',
    ],
)  # fmt: skip
def test_file_systems_are_judged_by_their_own_marks(content, outcome):
    slot = Slot(start=MIB, size=MIB, content=content)
    disk = disks.MemoryDisk(disks.gpt_disk([slot]))
    assert RULE.check(view.ImageView(disk)).outcome == outcome


@pytest.mark.parametrize(('bits', 'word'), [(1, 'not closed'), (2, 'damaged')])
def test_marks_of_a_qcow2_file_are_told(tmp_path, bits, word):
    header = struct.pack(
        '>4sIQIIQIIQQIIQQQQII', b'QFI\xfb', 3, 0, 0, 12, 8 * 4096, 0, 1, 4096,
        0, 0, 0, 0, bits, 0, 0, 4, 104,
    )  # fmt: skip
    path = tmp_path / 'x.qcow2'
    path.write_bytes(header.ljust(8192, b'\0'))
    with reader.open_disk(path) as disk:
        verdict = RULE.check(view.ImageView(disk))
    assert verdict.outcome == 'fail'
    assert word in verdict.evidence[0].message
