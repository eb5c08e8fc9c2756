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

from image_pipeline import exceptions
from image_pipeline.disk import free_space, signatures
from image_pipeline.testing.disks import MIB, MemoryDisk


class Watched(MemoryDisk):
    """A disk that knows where it is zero, and counts what is read."""

    def __init__(self, data, ranges):
        super().__init__(data)
        self.ranges = ranges
        self.was_read = 0

    def filled(self, start, end):
        for first, last in self.ranges:
            if max(first, start) < min(last, end):
                yield max(first, start), min(last, end)

    def read(self, offset, length):
        self.was_read += length
        return super().read(offset, length)


def test_free_space_that_is_known_to_be_zero_is_not_read():
    disk = Watched(bytes(4 * MIB), [])
    found = free_space.residue(disk, [(0, MIB), (2 * MIB, 3 * MIB)])
    assert found == free_space.Residue(
        free=2 * MIB, dirty=0, first=None, sampled=False
    )
    assert disk.was_read == 0


def test_residue_is_counted_in_steps_and_its_first_byte_told():
    data = bytearray(MIB)
    data[8192 + 7] = data[300_000] = 1
    found = free_space.residue(MemoryDisk(data), [(4096, MIB)])
    assert (found.dirty, found.first) == (8192, 8192 + 7)


def test_what_is_in_use_does_not_count():
    data = b'\1' * 8192 + bytes(8192)
    found = free_space.residue(MemoryDisk(data), [(8192, 16384)])
    assert found.dirty == 0


@pytest.mark.parametrize('share', [0, 1, 4])
def test_of_much_data_pieces_at_even_distances_are_read(share):
    size = 64 * MIB
    data = b''.join(
        (b'\1' if index % 4 < share else b'\0') * 65536
        for index in range(size // 65536)
    )
    halves = [(0, size // 2), (size // 2, size)]
    disk = Watched(data, halves)
    found = free_space.residue(disk, halves, sample=5 * MIB)
    assert found.sampled
    assert disk.was_read <= 5 * MIB
    assert abs(found.dirty - size * share // 4) <= size // 20


def test_superblock_of_another_kind_is_not_read():
    block = signatures.Superblock(kind='btrfs', offset=0, magic='')
    disk = MemoryDisk(bytes(MIB))
    assert free_space.usage(disk, block) is None
    with pytest.raises(exceptions.ImageUnreadable, match='btrfs'):
        free_space.free(disk, block, MIB)
