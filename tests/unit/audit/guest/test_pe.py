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

from image_pipeline.audit.guest import pe
from image_pipeline.disk import files
from image_pipeline.testing.disks import MemoryFiles


def program(
    magic: int = 0x20B, place: int = 512, length: int = 64, count: int = 16
) -> bytes:
    head = bytearray(512)
    head[:2] = b'MZ'
    struct.pack_into('<I', head, 60, 128)
    head[128:132] = b'PE\0\0'
    struct.pack_into('<H', head, 128 + 24, magic)
    directories = 128 + 24 + (112 if magic == 0x20B else 96)
    struct.pack_into('<I', head, directories - 4, count)
    struct.pack_into('<II', head, directories + 32, place, length)
    return bytes(head) + bytes(64)


@pytest.mark.parametrize(
    ('data', 'signed'),
    [
        (program(), True),
        (program(magic=0x10B), True),
        (program(place=0, length=0), False),
        (program(count=4), False),
        # The signature was cut off.
        (program(place=513), False),
        (program(magic=0x107), None),
        (b'MZ', None),
        (b'MZ' + bytes(58) + b'\xff\xff\xff\xff', None),
        (b'\x7fELF' + bytes(600), None),
        (b'', None),
    ],
)
def test_signature_is_seen_by_the_table_of_certificates(data, signed):
    tree = files.FileTree(MemoryFiles({'/x.efi': data}))
    assert pe.is_signed(tree, '/x.efi') is signed
