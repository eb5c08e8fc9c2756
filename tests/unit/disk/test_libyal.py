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
from pathlib import Path
from typing import Any

import pytest

from image_pipeline import exceptions
from image_pipeline.disk import libyal, reader

RAW = reader.Inspection(format='vhd', detected='vhd')


class Handle:
    """A library's handle of a disk that is the file."""

    def __init__(self, file: libyal.File, size: int) -> None:
        self.file = file
        self.media_size = size

    def read_buffer_at_offset(self, length: int, offset: int) -> bytes:
        self.file.seek(offset)
        return self.file.read(min(length, 7))


class FileDisk(libyal.LibraryDisk):
    """A disk of which the library gives seven bytes at once."""

    bytes_told = 20

    def _open(self) -> Any:
        return Handle(self._file(), self.bytes_told)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / 'x'
    path.write_bytes(bytes(range(20)))
    return path


def test_positions_of_files_on_one_descriptor_are_their_own(path):
    with path.open('rb') as file:
        one, two = libyal.File(file.fileno()), libyal.File(file.fileno())
        assert one.read(3) == b'\0\1\2'
        assert two.seek(-2, os.SEEK_END) == 18
        assert two.read(100) == b'\x12\x13'
        assert one.seek(1, os.SEEK_CUR) == 4
        assert one.read(1) == b'\4'
        assert (one.tell(), two.tell(), two.get_size()) == (5, 20, 20)
        assert two.read(1) == b''
        one.seek(1 << 80)
        assert one.read(1) == b''


def test_all_that_is_asked_for_is_given(path):
    with FileDisk(path, RAW) as disk:
        assert disk.read(0, 100) == bytes(range(20))
        assert disk.read(5, 10) == bytes(range(5, 15))
        assert disk.read(20, 1) == b''


def test_disk_that_ends_too_early_is_damaged(path):
    class Longer(FileDisk):
        bytes_told = 40

    with (
        Longer(path, RAW) as disk,
        pytest.raises(exceptions.ImageUnreadable, match='byte 20'),
    ):
        disk.read(10, 20)


def test_size_that_cannot_be_is_damage(path):
    class Endless(FileDisk):
        bytes_told = 1 << 60

    with pytest.raises(exceptions.ImageUnreadable, match='not possible'):
        Endless(path, RAW)


def test_what_the_library_raises_is_told_in_its_innermost_words(path):
    class Broken(FileDisk):
        def _open(self) -> Any:
            raise OSError('handle_open: cannot open. io_read: no footer.')

    with pytest.raises(exceptions.ImageUnreadable, match=r': no footer$'):
        Broken(path, RAW)
