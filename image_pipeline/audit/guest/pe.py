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

"""Tell whether a program of the firmware is signed.

Microsoft's "PE Format": the fifth of the data directories is the table of
certificates, by its place in the file and its length.
"""

import struct

from image_pipeline.disk import files

_HEADER = 4096
_CERTIFICATES = 4
#: Where the data directories begin in the optional header, by its magic.
_DIRECTORIES = {0x10B: 96, 0x20B: 112}


def is_signed(tree: files.FileTree, path: str) -> bool | None:
    """Tell whether a PE program has signatures; whose is not looked at.

    :param tree: the image's files.
    :param path: absolute.
    :returns: None if it is no PE program.
    :raises OSError: there is no such file.
    """
    data = tree.read_bytes(path, _HEADER)
    if data[:2] != b'MZ' or len(data) < 64:
        return None
    (start,) = struct.unpack_from('<I', data, 60)
    if data[start : start + 4] != b'PE\0\0' or start + 26 > len(data):
        return None
    (magic,) = struct.unpack_from('<H', data, start + 24)
    directories = start + 24 + _DIRECTORIES.get(magic, _HEADER)
    place = directories + 8 * _CERTIFICATES
    if place + 8 > len(data):
        return None
    (count,) = struct.unpack_from('<I', data, directories - 4)
    offset, length = struct.unpack_from('<II', data, place)
    size = tree.stat(path).size
    return bool(
        count > _CERTIFICATES and length and 0 < offset <= size - length
    )
