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

"""Read rpm's old database, a Berkeley DB hash, as EL 8 and before have it.

No library of ours reads it, and rpm itself has but a small reader since
4.16, ``lib/backend/bdb_ro.c``, whose layout this follows.  Buckets are not
looked up: each page of the file is read once, in order.
"""

import struct
from collections.abc import Callable, Iterator

from image_pipeline.audit.guest import rpm_header

_MAGIC = 0x00061561
_VERSIONS = range(8, 11)
_PAGE_SIZES = frozenset(1 << bits for bits in range(9, 17))
_HASH_UNSORTED, _OVERFLOW, _HASH = 2, 7, 13
_ON_PAGE, _OFF_PAGE = 1, 3
_HEADER = 26

Read = Callable[[int, int], bytes]


def headers(read: Read, size: int) -> Iterator[bytes]:
    """Give the header of each package.

    :param read: returns bytes of the file: offset, length.
    :param size: its length in bytes.
    :raises Damaged: it is not such a file, or not whole.
    """
    meta = read(0, 512)
    if len(meta) < 512:
        raise rpm_header.Damaged('it is cut short')
    order = '<' if struct.unpack_from('<I', meta, 12)[0] == _MAGIC else '>'
    magic, version, page_size = struct.unpack_from(f'{order}III', meta, 12)
    if magic != _MAGIC:
        raise rpm_header.Damaged('it is no hash of Berkeley DB')
    if version not in _VERSIONS or page_size not in _PAGE_SIZES:
        raise rpm_header.Damaged(f'its version {version} is not known')
    (last,) = struct.unpack_from(f'{order}I', meta, 32)
    if (last + 1) * page_size > size:
        raise rpm_header.Damaged('it is cut short')
    pages = _Pages(read, order, page_size, last)
    for number in range(1, last + 1):
        page = pages.get(number)
        if page[25] in (_HASH, _HASH_UNSORTED):
            yield from pages.values(page)


class _Pages:
    """The pages of one file."""

    def __init__(
        self, read: Read, order: str, page_size: int, last: int
    ) -> None:
        self._read = read
        self._order = order
        self._size = page_size
        self._last = last
        # Each page of overflow belongs to one value only.
        self._left = last + 1

    def get(self, number: int) -> bytes:
        """Return a page."""
        if not 0 < number <= self._last:
            raise rpm_header.Damaged(f'it names page {number}')
        page = self._read(number * self._size, self._size)
        if len(page) < self._size:
            raise rpm_header.Damaged('it is cut short')
        return page

    def values(self, page: bytes) -> Iterator[bytes]:
        """Give the values of a page that are headers."""
        (count,) = struct.unpack_from(f'{self._order}H', page, 20)
        if _HEADER + 2 * count > self._size:
            raise rpm_header.Damaged('a page has too many entries')
        places = struct.unpack_from(f'{self._order}{count}H', page, _HEADER)
        for key, value in zip(places[::2], places[1::2], strict=False):
            if not _HEADER <= value < key < self._size:
                raise rpm_header.Damaged('an entry lies outside of its page')
            if page[value] == _OFF_PAGE and key - value >= 12:
                start, length = struct.unpack_from(
                    f'{self._order}II', page, value + 4
                )
                yield self._overflow(start, length)
            elif page[value] == _ON_PAGE and key - value > 16:
                # Four bytes are the count of all packages, no header.
                yield page[value + 1 : key]

    def _overflow(self, number: int, length: int) -> bytes:
        parts = []
        while length:
            self._left -= 1
            if self._left < 0:
                raise rpm_header.Damaged('its pages go in a circle')
            page = self.get(number)
            (used,) = struct.unpack_from(f'{self._order}H', page, 22)
            if (
                page[25] != _OVERFLOW
                or not used
                or used > min(length, self._size - _HEADER)
            ):
                raise rpm_header.Damaged(f'page {number} is not what it was')
            parts.append(page[_HEADER : _HEADER + used])
            length -= used
            (number,) = struct.unpack_from(f'{self._order}I', page, 16)
        return b''.join(parts)
