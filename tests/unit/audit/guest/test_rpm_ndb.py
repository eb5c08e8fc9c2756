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

from image_pipeline.audit.guest import rpm_header, rpm_ndb
from image_pipeline.testing import packages

HEADERS = [packages.rpm_header('a'), packages.rpm_header('b' * 99)]
MADE = packages.ndb_database(HEADERS)


def read(data: bytes):
    return list(
        rpm_ndb.headers(
            lambda offset, length: data[offset : offset + length], len(data)
        )
    )


def test_blobs_of_all_slots_are_given():
    assert read(MADE) == HEADERS


def damaged(place: int, data: bytes) -> bytes:
    return MADE[:place] + data + MADE[place + len(data) :]


@pytest.mark.parametrize(
    ('data', 'why'),
    [
        (damaged(0, b'x'), 'no database'),
        (damaged(4, b'\1'), 'no database'),
        (damaged(12, struct.pack('<I', 0)), '0 pages'),
        (damaged(12, struct.pack('<I', 1 << 31)), 'pages of slots'),
        (damaged(32, b'x'), 'a slot is damaged'),
        (damaged(48 + 4, struct.pack('<I', 1)), 'slot of package 1 is wrong'),
        (damaged(32 + 8, struct.pack('<I', 9)), 'slot of package 1 is wrong'),
        (damaged(32 + 8, struct.pack('<I', 1 << 30)), 'lies outside'),
        (damaged(32 + 12, struct.pack('<I', 1 << 30)), 'lies outside'),
        (damaged(32 + 12, struct.pack('<I', 1)), 'lies outside'),
        (damaged(4096, b'x'), 'package 1 is damaged'),
        (damaged(4096 + 40, b'\xff'), 'checksum of package 1'),
    ],
)
def test_damage_is_told(data, why):
    with pytest.raises(rpm_header.Damaged, match=why):
        read(data)
