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

from image_pipeline import exceptions
from image_pipeline.disk import inspection, reader, safety
from image_pipeline.testing import disks


class Bytes:
    """Bytes that lie elsewhere."""

    def __init__(self, data):
        self.data = data
        self.size = len(data)
        self.expected = []

    def read(self, offset, length):
        return self.data[offset : offset + length]

    def expect(self, ranges):
        self.expected += ranges


class Broken(Bytes):
    def read(self, offset, length):
        raise exceptions.ImageUnreadable('the cloud does not answer')


def qcow2(**fields):
    values = {
        'version': 3, 'backing': 0, 'backing_size': 0, 'bits': 16,
        'size': 1 << 20, 'crypt': 0, 'l1_entries': 1, 'l1': 1 << 16,
        'refs': 0, 'ref_clusters': 0, 'snapshots': 0, 'snapshot_table': 0,
        'incompatible': 0, 'compatible': 0, 'autoclear': 0, 'ref_order': 4,
        'length': 112, 'compression': 0,
    } | fields  # fmt: skip
    head = struct.pack('>4sIQIIQIIQQIIQQQQIIB7x', b'QFI\xfb', *values.values())
    return head.ljust(1 << 18, b'\0')


RAW = disks.gpt_disk([disks.Slot(start=disks.MIB, size=disks.MIB)])


@pytest.mark.parametrize(
    ('data', 'expected'), [(RAW, 'raw'), (qcow2(), 'qcow2')]
)
def test_tells_the_same_of_a_file_and_of_a_source(data, expected, tmp_path):
    path = tmp_path / 'x'
    path.write_bytes(data)
    here = inspection.inspect(path)
    assert inspection.inspect(path, Bytes(data)) == here
    assert here.format == expected


def test_a_source_needs_no_file_of_that_name(tmp_path):
    missing = tmp_path / 'missing'
    with reader.open_disk(missing, Bytes(RAW)) as disk:
        assert disk.read(510, 2) == b'\x55\xaa'
        assert disk.file_size == disk.size == len(RAW)
        assert list(disk.filled(0, 10)) == [(0, 10)]


def test_qcow2_of_a_source_is_read():
    with reader.open_disk('x', Bytes(qcow2())) as disk:
        assert disk.size == 1 << 20
        assert disk.read(0, 4) == bytes(4)


def test_raw_disk_tells_its_source_what_comes_next():
    source = Bytes(RAW)
    with reader.open_disk('x', source) as disk:
        disk.expect([5, 4096])
    assert source.expected == [(5, 6), (4096, 4097)]


def test_source_that_is_not_safe_is_refused():
    data = qcow2(backing=1024, backing_size=11)
    with pytest.raises(exceptions.ImageUnreadable, match='a backing file'):
        reader.open_disk('x', Bytes(data))


def test_source_of_another_format_says_that_it_needs_a_file():
    data = b'# Disk DescriptorFile\nversion=1\n'.ljust(4096, b'\n')
    with pytest.raises(reader.NotRemote, match='from files only'):
        reader.open_disk('x', Bytes(data))


def test_source_that_is_too_short_is_refused():
    with pytest.raises(exceptions.ImageUnreadable, match='too short'):
        inspection.inspect('x', Bytes(b'x' * 100))


def test_source_that_cannot_be_read_says_why():
    with pytest.raises(exceptions.ImageUnreadable, match='does not answer'):
        reader.open_disk('x', Broken(RAW))
    with pytest.raises(exceptions.ImageUnreadable, match='does not answer'):
        safety.judge('x', Broken(RAW))


def test_glance_would_say_the_same_of_a_source(tmp_path):
    path = tmp_path / 'x'
    for data in (RAW, qcow2(), qcow2(snapshots=2), qcow2(crypt=2)):
        path.write_bytes(data)
        assert safety.judge(path, Bytes(data)) == safety.judge(path)
