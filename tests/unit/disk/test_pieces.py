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

from image_pipeline.disk import pieces, signatures
from image_pipeline.testing.disks import MemoryDisk

DATA = bytes(range(251)) * 800


class CountingDisk(MemoryDisk):
    """A disk that counts what is read of it."""

    reads = 0

    def read(self, offset, length):
        self.reads += 1
        return super().read(offset, length)


def test_neighbours_are_read_at_once():
    disk = CountingDisk(DATA)
    small = pieces.Pieces(signatures.Part(disk, 100, len(DATA) - 100))
    for place in range(0, 65000, 256):
        assert small.read(place, 256) == DATA[100 + place : 356 + place]
    assert disk.reads == 1


def test_what_lies_over_the_end_of_a_piece_is_whole():
    small = pieces.Pieces(signatures.Part(MemoryDisk(DATA), 0, len(DATA)))
    assert small.read(65500, 100) == DATA[65500:65600]


def test_nothing_is_read_past_the_end():
    small = pieces.Pieces(signatures.Part(MemoryDisk(DATA), 0, 1000))
    assert small.read(990, 100) == DATA[990:1000]
    assert small.read(5000, 100) == b''
    assert small.read(1 << 60, 100) == b''
