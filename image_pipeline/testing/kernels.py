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

"""Kernels and initramfs images that say what real ones say, for tests."""

import struct
from collections.abc import Mapping


def bz_image(version: str) -> bytes:
    """Return the beginning of a kernel of x86_64, with its setup header.

    :param version: what it says of itself.
    """
    data = bytearray(2048)
    data[:2] = b'MZ'
    data[0x1F1] = 3
    data[0x1FE:0x206] = b'\x55\xaa\xebjHdrS'
    struct.pack_into('<H', data, 0x206, 0x20F)
    struct.pack_into('<H', data, 0x20E, 0x200)
    struct.pack_into('<H', data, 0x236, 1)
    said = f'{version} (builder@example.org) #1 SMP\0'.encode()
    data[0x400 : 0x400 + len(said)] = said
    return bytes(data)


def cpio(files: Mapping[str, bytes | str | None]) -> bytes:
    """Return a cpio archive as the kernel reads it ("newc").

    :param files: by name, without a slash before it; None for a folder.
    """
    found = bytearray()
    for inode, (name, content) in enumerate(files.items(), 1):
        data = content.encode() if isinstance(content, str) else content
        mode = 0o40755 if data is None else 0o100644
        found += _entry(name, data or b'', mode, inode)
    found += _entry('TRAILER!!!', b'', 0, 0)
    return bytes(found) + bytes(-len(found) % 512)


def _entry(name: str, data: bytes, mode: int, inode: int) -> bytes:
    raw = name.encode('utf-8', 'surrogateescape') + b'\0'
    fields = (inode, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(raw), 0)
    head = b'070701' + b''.join(b'%08x' % field for field in fields) + raw
    head += bytes(-len(head) % 4)
    return head + data + bytes(-len(data) % 4)
