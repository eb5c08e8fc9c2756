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

"""Whatever bytes a disk has, its table is read or refused, never more."""

import struct

from hypothesis import given, settings
from hypothesis import strategies as st

from image_pipeline.disk import partitions, superblocks, tables
from image_pipeline.testing import disks
from image_pipeline.testing.disks import MIB, Slot

_MORE = settings(max_examples=150, deadline=None)


@st.composite
def layouts(draw: st.DrawFn) -> list[Slot]:
    """Partitions in whole MiB that do not overlap, in any order."""
    edges = sorted(draw(st.sets(st.integers(1, 15), min_size=2, max_size=12)))
    slots = [
        Slot(start=first * MIB, size=(last - first) * MIB)
        for first, last in zip(edges[::2], edges[1::2], strict=False)
    ]
    return draw(st.permutations(slots))


@given(layouts(), st.sampled_from([512, 4096]))
@_MORE
def test_gpt_is_read_as_it_was_written(slots, sector):
    table = tables.read(disks.MemoryDisk(disks.gpt_disk(slots, sector=sector)))
    assert table is not None
    assert [(p.start, p.size) for p in table.partitions] == [
        (slot.start, slot.size) for slot in slots
    ]
    assert table.problems == ()


@given(layouts())
@_MORE
def test_mbr_is_read_as_it_was_written(slots):
    slots = [Slot(start=s.start, size=s.size, type='0x83') for s in slots[:4]]
    table = tables.read(disks.MemoryDisk(disks.mbr_disk(slots)))
    assert table is not None
    assert [(p.start, p.size) for p in table.partitions] == [
        (slot.start, slot.size) for slot in slots
    ]
    assert table.problems == ()


@given(
    layouts(),
    st.lists(
        st.tuples(st.integers(440, 3000), st.integers(0, 255)),
        min_size=1,
        max_size=20,
    ),
)
@_MORE
def test_spoilt_table_is_read_or_told(slots, changes):
    disk = disks.gpt_disk(slots)
    for offset, value in changes:
        disk[offset] = value
    opened = disks.MemoryDisk(disk)
    table = tables.read(opened)
    if table is None:
        return
    for part in table.partitions:
        assert part.size > 0
        superblocks.identify(opened, part.start, part.size)
    told = {problem.code for problem in table.problems}
    if any(part.end > opened.size for part in table.partitions):
        assert 'past-end' in told


@given(st.binary(max_size=4096))
@_MORE
def test_any_bytes_are_a_disk(data):
    opened = disks.MemoryDisk(data)
    tables.read(opened)
    superblocks.identify(opened)


@given(
    st.lists(
        st.tuples(
            st.integers(0, 255), st.integers(0, 2**32 - 1),
            st.integers(0, 2**32 - 1),
        ),
        min_size=4, max_size=4,
    )
)  # fmt: skip
@_MORE
def test_any_boot_record_is_read_or_told(entries):
    disk = bytearray(MIB)
    for index, (kind, start, sectors) in enumerate(entries):
        struct.pack_into(
            '<B3sB3sII', disk, 446 + 16 * index, 0, b'', kind, b'', start,
            sectors,
        )  # fmt: skip
    disk[510:512] = b'\x55\xaa'
    table = tables.read(disks.MemoryDisk(disk))
    for part in table.partitions if table else ():
        assert isinstance(part, partitions.Partition)
        assert part.end <= MIB or table.problems
