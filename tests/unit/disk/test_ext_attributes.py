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

from image_pipeline.disk import ext_attributes


def listed(base: int, *attributes: tuple[int, bytes, bytes]) -> bytes:
    """Return entries and values; offsets count from ``base``."""
    size = 256
    body = bytearray(size)
    place, end = 0, size
    for index, name, value in attributes:
        end -= len(value)
        body[end : end + len(value)] = value
        struct.pack_into(
            '<BBHII', body, place, len(name), index, end + base, 0, len(value)
        )
        body[place + 16 : place + 16 + len(name)] = name
        place += (16 + len(name) + 3) & ~3
    return bytes(body)


def block(*attributes: tuple[int, bytes, bytes]) -> bytes:
    return ext_attributes.MAGIC + bytes(28) + listed(32, *attributes)


def inode(*attributes: tuple[int, bytes, bytes]) -> bytes:
    head = bytes(128) + struct.pack('<H', 32) + bytes(30)
    return head + ext_attributes.MAGIC + listed(0, *attributes)


LABEL = (6, b'selinux', b'system_u:object_r:etc_t:s0\0')


@pytest.mark.parametrize(
    ('read', 'make'),
    [
        (ext_attributes.of_block, block),
        (ext_attributes.of_inode, inode),
    ],
)
def test_attributes_have_their_full_names(read, make):
    found = read(make(LABEL, (1, b'note', b''), (2, b'', b'acl')))
    assert [(one.name, one.value) for one in found] == [
        ('security.selinux', LABEL[2]),
        ('user.note', b''),
        ('system.posix_acl_access', b'acl'),
    ]


def test_inode_without_attributes_has_none():
    assert ext_attributes.of_inode(bytes(128)) == []
    assert ext_attributes.of_inode(bytes(256)) == []


def test_value_outside_of_the_block_is_damage():
    data = bytearray(block(LABEL))
    struct.pack_into('<I', data, 32 + 8, 5000)
    with pytest.raises(ValueError, match='outside'):
        ext_attributes.of_block(bytes(data))


def test_block_without_its_magic_number_is_damage():
    with pytest.raises(ValueError, match='magic'):
        ext_attributes.of_block(bytes(1024))
