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
import zlib

import pytest
import zstandard

from image_pipeline import exceptions
from image_pipeline.disk import qcow2, reader

BITS = 12
CLUSTER = 1 << BITS
SIZE = 8 * CLUSTER


def header(**changes: int) -> bytes:
    fields = {
        'version': 3, 'backing': 0, 'backing_size': 0, 'bits': BITS,
        'size': SIZE, 'crypt': 0, 'l1_entries': 1, 'l1': CLUSTER,
        'refs': 0, 'ref_clusters': 0, 'snapshots': 0, 'snapshot_table': 0,
        'incompatible': 0, 'compatible': 0, 'autoclear': 0, 'ref_order': 4,
        'length': 112, 'compression': 0,
    } | changes  # fmt: skip
    return struct.pack('>4sIQIIQIIQQIIQQQQIIB7x', b'QFI\xfb', *fields.values())


def image(entries: dict[int, int], *tail: bytes, **changes: int) -> bytes:
    """Return a file: header, L1 at cluster 1, L2 at 2, data from 3."""
    l2 = [0] * (CLUSTER // 8)
    for index, entry in entries.items():
        l2[index] = entry
    parts = [
        header(**changes),
        struct.pack('>Q', 2 * CLUSTER | 1 << 63),
        struct.pack(f'>{len(l2)}Q', *l2),
        *tail,
    ]
    return b''.join(part.ljust(CLUSTER, b'\0') for part in parts)


def compressed(start: int, length: int) -> int:
    shift = 62 - (BITS - 8)
    sectors = (start % 512 + length - 1) // 512
    return 1 << 62 | sectors << shift | start


@pytest.fixture
def opened(tmp_path):
    def open_it(data: bytes) -> reader.Disk:
        path = tmp_path / 'x.qcow2'
        path.write_bytes(data)
        return reader.open_disk(path)

    return open_it


def test_clusters_are_plain_absent_or_zero(opened):
    disk = opened(image({0: 3 * CLUSTER | 1 << 63, 2: 1}, b'a' * CLUSTER))
    assert disk.size == SIZE
    assert disk.read(CLUSTER - 2, 4) == b'aa\0\0'
    assert disk.read(2 * CLUSTER, 2) == b'\0\0'


def test_zero_flag_hides_what_lies_in_the_cluster(opened):
    disk = opened(image({0: 3 * CLUSTER | 1}, b'a' * CLUSTER))
    assert disk.read(0, 3) == bytes(3)


def test_version_2_has_no_zero_flag(opened):
    disk = opened(image({0: 3 * CLUSTER | 1 << 63}, b'a' * CLUSTER, version=2))
    assert disk.read(0, 1) == b'a'


def test_zlib_cluster_is_read(opened):
    packer = zlib.compressobj(wbits=-12)
    data = packer.compress(b'xy' * (CLUSTER // 2)) + packer.flush()
    disk = opened(image({1: compressed(3 * CLUSTER, len(data))}, data))
    assert disk.read(CLUSTER, CLUSTER) == b'xy' * (CLUSTER // 2)
    assert disk.read(CLUSTER - 1, 3) == b'\0xy'


def test_zstd_cluster_is_read(opened):
    data = zstandard.compress(b'xy' * (CLUSTER // 2))
    disk = opened(
        image(
            {1: compressed(3 * CLUSTER, len(data))},
            data,
            incompatible=8,
            compression=1,
        )
    )
    assert disk.read(CLUSTER, 4) == b'xyxy'


def test_damaged_cluster_is_told_where_it_is(opened):
    disk = opened(
        image(
            {1: compressed(3 * CLUSTER, 500)},
            b'no frame of zstd',
            incompatible=8,
            compression=1,
        )
    )
    with pytest.raises(exceptions.ImageUnreadable, match=str(3 * CLUSTER)):
        disk.read(CLUSTER, 1)


def test_cluster_that_unpacks_to_more_is_read_no_further(opened):
    # A bomb: one cluster of the file unpacks to 20 MB.
    data = zstandard.compress(bytes(20_000_000))
    disk = opened(
        image(
            {0: compressed(3 * CLUSTER, len(data))},
            data,
            bytes(2 * CLUSTER),
            incompatible=8,
            compression=1,
        )
    )
    try:
        assert disk.read(0, CLUSTER) == bytes(CLUSTER)
    except exceptions.ImageUnreadable as exc:
        assert 'cluster' in exc.message


@pytest.mark.parametrize(
    ('changes', 'reason'),
    [
        ({'backing': 512, 'backing_size': 10}, 'backing file'),
        ({'incompatible': 4}, 'another file'),
        ({'incompatible': 16}, 'features that are not known'),
        ({'incompatible': 1 << 40}, 'features that are not known'),
        ({'version': 4}, 'not known'),
        ({'bits': 8}, '2^8 bytes'),
        ({'bits': 22}, '2^22 bytes'),
        ({'bits': 0xFFFFFFFF}, 'not allowed'),
        ({'size': 1 << 60}, 'not possible'),
        ({'size': 1 << 50}, 'too large'),
        ({'l1_entries': 0}, 'smaller than its size'),
        ({'l1': 1 << 50}, 'cut short'),
        ({'l1': 1 << 63}, 'cut short'),
        ({'l1': 513}, 'not aligned'),
        ({'compression': 7, 'incompatible': 8}, 'compression type 7'),
    ],
    ids=str,
)
def test_header_that_must_not_be_followed_is_refused(opened, changes, reason):
    with pytest.raises(exceptions.ImageUnreadable) as caught:
        opened(image({}, **changes))
    assert reason in caught.value.message


@pytest.mark.parametrize(
    'entry',
    [
        1 << 40,
        1 << 40 | 1 << 63,
        compressed(1 << 40, 100),
    ],
    ids=hex,
)
def test_table_that_names_what_is_not_there_is_refused_at_once(opened, entry):
    with pytest.raises(exceptions.ImageUnreadable, match='cut short'):
        opened(image({3: entry}))


def test_file_cut_off_in_its_tables_is_refused(opened):
    whole = image({0: 3 * CLUSTER}, b'a' * CLUSTER)
    with pytest.raises(exceptions.ImageUnreadable, match='cut short'):
        opened(whole[: 2 * CLUSTER + 100])


def test_last_cluster_may_be_short(opened):
    whole = image({0: 3 * CLUSTER}, b'a' * CLUSTER)
    disk = opened(whole[:-100])
    assert disk.read(CLUSTER - 101, 3) == b'a\0\0'


def test_encrypted_file_opens_but_has_no_content(opened):
    disk = opened(image({}, crypt=2))
    assert isinstance(disk, qcow2.Qcow2Disk)
    assert disk.header.crypt_method == 2
    with pytest.raises(exceptions.ImageUnreadable, match='encrypted'):
        disk.read(0, 1)


def test_marks_of_the_header_are_kept(opened):
    disk = opened(image({}, incompatible=3))
    assert isinstance(disk, qcow2.Qcow2Disk)
    assert disk.header.dirty and disk.header.corrupt


def test_refused_file_is_closed(opened):
    before = len(os.listdir('/proc/self/fd'))
    with pytest.raises(exceptions.ImageUnreadable):
        opened(image({}, bits=8))
    assert len(os.listdir('/proc/self/fd')) == before


def test_file_that_ends_within_its_last_sector_is_unpacked_to_see(opened):
    packer = zlib.compressobj(wbits=-12)
    data = packer.compress(os.urandom(1000).ljust(CLUSTER)) + packer.flush()
    whole = image({1: compressed(3 * CLUSTER, len(data))})
    assert opened(whole + data).read(CLUSTER + 1000, 1) == b' '
    with pytest.raises(exceptions.ImageUnreadable, match='cut short'):
        opened(whole + data[:-10])


def test_data_is_what_is_neither_absent_nor_zero(opened):
    disk = opened(
        image(
            {0: 3 * CLUSTER, 1: 4 * CLUSTER, 2: 1, 5: 3 * CLUSTER},
            bytes(2 * CLUSTER),
        )
    )
    whole = [(0, 2 * CLUSTER), (5 * CLUSTER, 6 * CLUSTER)]
    assert list(disk.filled(0, SIZE)) == whole
    assert list(disk.filled(100, CLUSTER + 100)) == [(100, CLUSTER + 100)]
    assert list(disk.filled(2 * CLUSTER, 5 * CLUSTER)) == []
    assert list(disk.filled(0, 99 * SIZE)) == whole


def test_data_of_a_part_without_tables_is_none(opened):
    covered = CLUSTER // 8 * CLUSTER
    data = bytearray(
        image({0: 3 * CLUSTER}, b'a' * CLUSTER, size=3 * covered, l1_entries=3)
    )
    data[CLUSTER + 16 : CLUSTER + 24] = struct.pack('>Q', 2 * CLUSTER)
    disk = opened(bytes(data))
    assert list(disk.filled(CLUSTER, 3 * covered)) == [
        (2 * covered, 2 * covered + CLUSTER)
    ]


def test_clusters_are_counted_by_their_kind(opened):
    packer = zlib.compressobj(wbits=-12)
    data = packer.compress(b'xy' * (CLUSTER // 2)) + packer.flush()
    disk = opened(
        image(
            {0: 3 * CLUSTER, 1: compressed(4 * CLUSTER, len(data)), 2: 1},
            b'a' * CLUSTER,
            data,
        )
    )
    assert disk.allocation() == qcow2.Allocation(plain=1, compressed=1)


def test_what_is_expected_reads_as_it_does_unexpected(opened):
    data = [bytes([number]) * CLUSTER for number in range(8)]
    packer = zstandard.ZstdCompressor()
    packed = [packer.compress(one) for one in data]
    entries = {
        number: compressed((3 + number) * CLUSTER, len(one))
        for number, one in enumerate(packed)
    }
    file = image(entries, *packed, incompatible=8, compression=1)
    disk = opened(file)
    # Twice, out of order, and past the end: hints are no reads.
    disk.expect([0, 5 * CLUSTER, CLUSTER + 1, 0, -1, SIZE, SIZE * 9])
    disk.expect(range(0, SIZE, CLUSTER))
    assert [disk.read(n * CLUSTER, CLUSTER) for n in range(8)] == data


def test_damage_is_told_by_the_read_and_not_when_it_is_expected(opened):
    entries = {
        number: compressed((3 + number) * CLUSTER, 600) for number in range(8)
    }
    disk = opened(
        image(entries, *[b'\xff' * 600] * 8, incompatible=8, compression=1)
    )
    disk.expect(range(0, SIZE, CLUSTER))
    with pytest.raises(exceptions.ImageUnreadable, match='cannot be read'):
        disk.read(0, 1)
