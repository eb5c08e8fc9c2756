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

from image_pipeline.disk import ext_folders


def entry(inode: int, name: bytes, step: int) -> bytes:
    head = struct.pack('<IHBB', inode, step, len(name), 1)
    return (head + name).ljust(step, b'\0')


def names(block: bytes) -> dict[str, int]:
    found: dict[str, int] = {}
    ext_folders.add_names(block, found)
    return found


def test_names_are_read_without_the_folder_itself():
    block = (
        entry(2, b'.', 12)
        + entry(2, b'..', 12)
        + entry(11, b'etc', 12)
        + entry(12, b'\xff', 92)
    )
    assert names(block) == {'etc': 11, '\udcff': 12}


def test_deleted_name_is_not_there():
    assert names(entry(0, b'gone', 16) + entry(7, b'here', 16)) == {'here': 7}


def test_rest_of_zeros_is_no_damage():
    assert names(entry(7, b'here', 16) + bytes(16)) == {'here': 7}


@pytest.mark.parametrize('step', [1, 9, 4, 65532])
def test_step_that_cannot_be_is_damage(step):
    block = struct.pack('<IHBB', 7, step, 1, 1) + b'x' * 56
    with pytest.raises(ValueError, match='entry'):
        names(block)


@pytest.mark.parametrize('name', [b'a/b', b'a\0b'])
def test_name_that_no_path_can_have_is_damage(name):
    with pytest.raises(ValueError, match='name'):
        names(entry(7, name, 16))
