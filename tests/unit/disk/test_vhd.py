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
from image_pipeline.disk import checksums, reader, vhd


def footer(size: int, kind: int = 2) -> bytes:
    data = bytearray(512)
    data[:8] = b'conectix'
    struct.pack_into('>IIQ', data, 8, 2, 0x10000, (1 << 64) - 1)
    struct.pack_into('>QQ', data, 40, size, size)
    struct.pack_into('>I', data, 60, kind)
    struct.pack_into('>I', data, 64, ~sum(data) & 0xFFFFFFFF)
    return bytes(data)


def test_plain_disk_with_a_footer_is_a_vhd(tmp_path):
    path = tmp_path / 'x.vhd'
    path.write_bytes(b'begin'.ljust(8192, b'.') + footer(8192))
    with reader.open_disk(path) as disk:
        assert (disk.format, disk.size) == ('vhd', 8192)
        assert disk.read(0, 5) == b'begin'
        assert disk.read(8190, 100) == b'..'


@pytest.mark.parametrize(
    ('data', 'size'),
    [
        (footer(8192)[:511], 8704),
        (footer(8192), 8705),
        (footer(8192, kind=3), 8704),
        (b'x' + footer(8192)[1:], 8704),
        (footer(8192)[:-1] + b'x', 8704),
    ],
    ids=['short', 'size', 'dynamic', 'cookie', 'checksum'],
)
def test_other_ends_of_files_are_no_footer(data, size):
    assert not vhd.is_fixed(data, size)
    assert vhd.is_fixed(footer(8192), 8704)


def vhdx_header(sequence: int, log: bytes) -> bytes:
    data = bytearray(4096)
    struct.pack_into('<4sIQ', data, 0, b'head', 0, sequence)
    data[48:64] = log
    total = checksums.crc32c(0xFFFFFFFF, data) ^ 0xFFFFFFFF
    struct.pack_into('<I', data, 4, total)
    return bytes(data)


@pytest.mark.parametrize(
    ('headers', 'why'),
    [
        ((vhdx_header(1, bytes(16)), vhdx_header(2, b'l' * 16)), 'log is not'),
        ((b'', b''), 'none of its headers is whole'),
        # The older header's log does not count: libvhdi looks further.
        ((vhdx_header(2, bytes(16)), vhdx_header(1, b'l' * 16)), 'damaged'),
    ],
    ids=['log', 'no header', 'older log'],
)
def test_newest_header_of_a_vhdx_tells_of_its_log(tmp_path, headers, why):
    path = tmp_path / 'x.vhdx'
    data = bytearray(1 << 20)
    data[:8] = b'vhdxfile'
    for place, header in zip((64 << 10, 128 << 10), headers, strict=True):
        data[place : place + len(header)] = header
    path.write_bytes(data)
    disk = reader.Inspection(format='vhdx', detected='vhdx')
    with pytest.raises(exceptions.ImageUnreadable, match=why):
        vhd.VhdDisk(path, disk)
