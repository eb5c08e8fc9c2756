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

"""Read rpm's "ndb" database, which openSUSE and SLE have.

The format is that of rpm's ``lib/backend/ndb/rpmpkg.c``: a header of two
slots, more slots that name blobs, and the blobs in blocks of 16 bytes, each
with a checksum at its end.
"""

import struct
import zlib
from collections.abc import Callable, Iterator

from image_pipeline.audit.guest import rpm_header

_BLOCK, _PAGE, _FIRST_SLOT = 16, 4096, 2
_HEADER = struct.Struct('<4sIII')
_SLOT = struct.Struct('<4sIII')
_BLOB = struct.Struct('<4sIII')
_TAIL = struct.Struct('<II4s')
#: 255 packages to a page; the largest distributions have 100 000.
_MOST_PAGES = 1024

Read = Callable[[int, int], bytes]


def headers(read: Read, size: int) -> Iterator[bytes]:
    """Give the header of each package.

    :param read: returns bytes of the file: offset, length.
    :param size: its length in bytes.
    :raises Damaged: it is not such a file, or not whole.
    """
    head = read(0, _HEADER.size)
    if len(head) < _HEADER.size:
        raise rpm_header.Damaged('it is cut short')
    magic, version, _, pages = _HEADER.unpack(head)
    if magic != b'RpmP' or version != 0:
        raise rpm_header.Damaged('it is no database of packages')
    if not 0 < pages <= _MOST_PAGES or pages * _PAGE > size:
        raise rpm_header.Damaged(f'it has {pages} pages of slots')
    table = read(0, pages * _PAGE)
    if len(table) < pages * _PAGE:
        raise rpm_header.Damaged('it is cut short')
    slots = list(_SLOT.iter_unpack(table))[_FIRST_SLOT:]
    seen: set[int] = set()
    for magic, package, start, count in slots:
        if magic != b'Slot':
            raise rpm_header.Damaged('a slot is damaged')
        if not start:
            continue
        if package in seen or start < pages * _PAGE // _BLOCK:
            raise rpm_header.Damaged(f'the slot of package {package} is wrong')
        seen.add(package)
        yield _blob(read, size, package, start * _BLOCK, count * _BLOCK)


def _blob(
    read: Read, size: int, package: int, start: int, length: int
) -> bytes:
    where = f'package {package}'
    if start + length > size or length < _BLOB.size + _TAIL.size:
        raise rpm_header.Damaged(f'{where} lies outside of it')
    data = read(start, length)
    if len(data) < length:
        raise rpm_header.Damaged('it is cut short')
    magic, owner, _, used = _BLOB.unpack_from(data)
    adler, again, end = _TAIL.unpack_from(data, length - _TAIL.size)
    if (
        (magic, end) != (b'BlbS', b'BlbE')
        or owner != package
        or used != again
        or used > length - _BLOB.size - _TAIL.size
    ):
        raise rpm_header.Damaged(f'{where} is damaged')
    if zlib.adler32(data[: length - _TAIL.size]) != adler:
        raise rpm_header.Damaged(f'the checksum of {where} is wrong')
    return data[_BLOB.size : _BLOB.size + used]
