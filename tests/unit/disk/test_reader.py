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

import os
import struct

import pytest

from image_pipeline import exceptions
from image_pipeline.disk import reader
from image_pipeline.testing import disks


def refused(path) -> exceptions.ImageUnreadable:
    with pytest.raises(exceptions.ImageUnreadable) as caught:
        reader.open_disk(path)
    return caught.value


def test_raw_file_is_read_byte_for_byte(tmp_path):
    path = tmp_path / 'disk.raw'
    path.write_bytes(b'a' * 512 + b'b' * 512)
    with reader.open_disk(path) as disk:
        assert (disk.format, disk.size) == ('raw', 1024)
        assert disk.read(510, 4) == b'aabb'


def test_reading_ends_at_the_end_of_the_disk(tmp_path):
    path = tmp_path / 'disk.raw'
    path.write_bytes(b'a' * 1024)
    with reader.open_disk(path) as disk:
        assert disk.read(1020, 100) == b'aaaa'
        assert disk.read(1024, 1) == b''
        assert disk.read(-1, 1) == b''
        assert disk.read(0, 0) == b''


def test_missing_file_is_named(tmp_path):
    assert 'there is no such file' in refused(tmp_path / 'x').message


def test_directory_is_refused(tmp_path):
    assert 'is a directory' in refused(tmp_path).message


def test_empty_file_is_refused(tmp_path):
    path = tmp_path / 'x'
    path.touch()
    assert 'is empty' in refused(path).message


def test_file_shorter_than_a_sector_is_refused(tmp_path):
    path = tmp_path / 'x'
    path.write_bytes(b'x' * 100)
    assert 'too short' in refused(path).message


def test_device_is_refused():
    assert 'device or a pipe' in refused('/dev/null').message


def test_pipe_is_refused_without_waiting_for_a_writer(tmp_path):
    os.mkfifo(tmp_path / 'pipe')
    assert 'device or a pipe' in refused(tmp_path / 'pipe').message


def test_name_with_a_zero_byte_is_refused():
    assert 'is not a path' in refused('a\0b').message


def test_link_in_a_circle_is_refused(tmp_path):
    (tmp_path / 'a').symlink_to('b')
    (tmp_path / 'b').symlink_to('a')
    assert 'cannot be opened' in refused(tmp_path / 'a').message


def test_format_that_is_not_read_says_how_to_convert(tmp_path):
    path = tmp_path / 'x.qed'
    path.write_bytes(b'QED\0' + bytes(2000))
    error = refused(path)
    assert 'qed' in error.message
    assert 'qemu-img convert' in (error.hint or '')


def test_two_formats_in_one_file_are_refused(tmp_path):
    disk = disks.gpt_disk([])
    disk[0:4] = b'KDMV'
    disk[4:8] = struct.pack('<I', 1)
    disk[0:4] = b'QFI\xfb'
    path = tmp_path / 'x'
    path.write_bytes(disk)
    error = refused(path)
    assert 'format cannot be told' in error.message


def test_hybrid_iso_is_a_raw_disk(tmp_path):
    disk = disks.mbr_disk([disks.Slot(start=0, size=1 << 20, type='0x17')])
    disk[0x8000:0x8007] = b'\1CD001\1'
    path = tmp_path / 'x.iso'
    path.write_bytes(disk)
    with reader.open_disk(path) as opened:
        assert opened.format == 'raw'
        assert opened.inspection.detected == 'iso'


def test_boot_record_that_glance_refuses_is_kept_for_the_rules(tmp_path):
    disk = disks.mbr_disk([disks.Slot(start=512, size=512, type='0x83')])
    disk[446] = 1
    path = tmp_path / 'x'
    path.write_bytes(disk)
    with reader.open_disk(path) as opened:
        assert [name for name, _ in opened.inspection.findings] == ['mbr']


def test_file_is_closed_after_its_context(tmp_path):
    path = tmp_path / 'x'
    path.write_bytes(bytes(512))
    before = len(os.listdir('/proc/self/fd'))
    with reader.open_disk(path):
        pass
    assert len(os.listdir('/proc/self/fd')) == before


def test_data_of_a_raw_file_has_no_holes_in_it(tmp_path):
    path = tmp_path / 'x.raw'
    size = 4 << 20
    with path.open('wb') as file:
        file.seek(size - 4096)
        file.write(b'x' * 4096)
    with reader.open_disk(path) as disk:
        found = list(disk.filled(0, 2 * size))
    # Where the hole ends depends on the file system; some have none.
    (first, last) = found[-1]
    assert first <= size - 4096
    assert last == size
