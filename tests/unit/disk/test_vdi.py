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
import uuid
from pathlib import Path

import pytest

from image_pipeline import exceptions
from image_pipeline.disk import reader

BLOCK = 4096
NEVER, DISCARDED = 0xFFFFFFFF, 0xFFFFFFFE
FIRST, SECOND = b'a' * BLOCK, b'b' * BLOCK


def vdi(
    path: Path,
    entries: tuple[int, ...] = (1, NEVER, 0, DISCARDED),
    *,
    kind: int = 1,
    version: int = 0x10001,
    size: int = 3 * BLOCK + 100,
    block: int = BLOCK,
    count: int | None = None,
    link: bytes = bytes(16),
    data: bytes = FIRST + SECOND,
) -> Path:
    head = bytearray(1024)
    struct.pack_into('<III', head, 0x40, 0xBEDA107F, version, 0x190)
    struct.pack_into('<I', head, 0x4C, kind)
    struct.pack_into('<II', head, 0x154, 512, 1024)
    struct.pack_into('<I', head, 0x168, 512)
    struct.pack_into(
        '<QIII', head, 0x170, size, block, 0,
        len(entries) if count is None else count,
    )  # fmt: skip
    head[0x1A8:0x1B8] = link
    struct.pack_into(f'<{len(entries)}I', head, 512, *entries)
    path.write_bytes(head + data)
    return path


def test_blocks_are_read_where_the_map_says(tmp_path):
    with reader.open_disk(vdi(tmp_path / 'x.vdi')) as disk:
        assert disk.format == 'vdi'
        assert disk.size == 3 * BLOCK + 100
        whole = SECOND + bytes(BLOCK) + FIRST + bytes(100)
        assert disk.read(0, 1 << 20) == whole
        assert disk.read(BLOCK - 3, 6) == b'bbb\0\0\0'
        assert disk.read(disk.size, 1) == disk.read(-1, 1) == b''


def test_what_was_never_written_is_known_without_reading(tmp_path):
    with reader.open_disk(vdi(tmp_path / 'x.vdi')) as disk:
        assert list(disk.filled(0, disk.size)) == [
            (0, BLOCK),
            (2 * BLOCK, 3 * BLOCK),
        ]
        assert list(disk.filled(10, 20)) == [(10, 20)]


def test_what_is_missing_of_the_last_block_is_zeros(tmp_path):
    path = vdi(tmp_path / 'x.vdi', data=FIRST + SECOND[:10])
    with reader.open_disk(path) as disk:
        assert disk.read(0, 20) == b'b' * 10 + bytes(10)


@pytest.mark.parametrize(
    ('fields', 'why'),
    [
        ({'kind': 4}, 'needs a parent'),
        ({'kind': 3}, 'needs a parent'),
        ({'link': uuid.UUID(int=7).bytes}, 'needs a parent'),
        ({'version': 2}, 'version 0x2 is not known'),
        ({'block': 0}, 'blocks make no sense'),
        ({'block': 4097}, 'blocks make no sense'),
        ({'block': 1 << 31}, 'blocks make no sense'),
        ({'size': 0}, 'does not fit its size'),
        ({'size': 5 * BLOCK}, 'does not fit its size'),
        ({'count': 1 << 31}, 'does not fit its size'),
        ({'count': 1 << 20, 'size': 1}, 'cut short'),
        ({'entries': (2, 0, 0, 0)}, 'cut short'),
        ({'data': b''}, 'cut short'),
    ],
)
def test_what_cannot_be_is_told(tmp_path, fields, why):
    path = vdi(tmp_path / 'x.vdi', **fields)
    with pytest.raises(exceptions.ImageUnreadable, match=why):
        reader.open_disk(path)
