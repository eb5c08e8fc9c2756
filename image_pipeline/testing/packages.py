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

"""Package databases as dpkg and rpm write them, for tests.

The formats are written from their descriptions, not with the code that reads
them; see :mod:`image_pipeline.audit.guest` for where these are.
"""

import sqlite3
import struct
import zlib
from collections.abc import Sequence

_TEXT, _INT32, _INT64 = 6, 4, 5
_PAGE = 4096


def dpkg_status(*names: str, version: str = '1.0-1') -> str:
    """Return a status file in which packages are installed.

    :param names: the packages.
    :param version: of them all.
    """
    return '\n'.join(
        f'Package: {name}\nStatus: install ok installed\n'
        f'Architecture: amd64\nVersion: {version}\n'
        for name in names
    )


def rpm_header(
    name: str,
    version: str = '1.0',
    release: str = '1.el9',
    *,
    epoch: int | None = None,
    size: int = 0,
    arch: str = 'x86_64',
    vendor: str | None = None,
) -> bytes:
    """Return a package's header, as the database keeps it.

    :param name: tag 1000.
    :param version: tag 1001.
    :param release: tag 1002.
    :param epoch: tag 1003, if any.
    :param size: tag 1009, or 5009 if it does not fit.
    :param arch: tag 1022.
    :param vendor: tag 1011, if any.
    """
    tags: list[tuple[int, int, str | int | None]] = [
        (1000, _TEXT, name),
        (1001, _TEXT, version),
        (1002, _TEXT, release),
        (1003, _INT32, epoch),
        (5009, _INT64, size) if size >> 32 else (1009, _INT32, size),
        (1011, _TEXT, vendor),
        (1022, _TEXT, arch),
    ]
    index, data = b'', b''
    count = 0
    for tag, kind, value in tags:
        if value is None:
            continue
        if isinstance(value, str):
            packed = value.encode() + b'\0'
        else:
            width = 8 if kind == _INT64 else 4
            data += bytes(-len(data) % width)
            packed = value.to_bytes(width, 'big')
        index += struct.pack('>IIII', tag, kind, len(data), 1)
        data += packed
        count += 1
    return struct.pack('>II', count, len(data)) + index + data


def sqlite_database(headers: Sequence[bytes]) -> bytes:
    """Return a ``rpmdb.sqlite``, in the mode in which rpm leaves it.

    :param headers: of the packages.
    """
    connection = sqlite3.connect(':memory:')
    connection.execute(
        'CREATE TABLE Packages (hnum INTEGER PRIMARY KEY AUTOINCREMENT, '
        'blob BLOB NOT NULL)'
    )
    connection.executemany(
        'INSERT INTO Packages (blob) VALUES (?)', [(h,) for h in headers]
    )
    connection.commit()
    data = connection.serialize()
    connection.close()
    # Write-ahead logging, as a file cannot get it in memory.
    return data[:18] + b'\2\2' + data[20:]


def ndb_database(headers: Sequence[bytes]) -> bytes:
    """Return a ``Packages.db`` of the kind "ndb".

    :param headers: of the packages, 254 at most.
    """
    slots, blobs = [], b''
    for number, header in enumerate(headers, 1):
        blocks = -(-(16 + len(header) + 12) // 16)
        slots.append((number, (_PAGE + len(blobs)) // 16, blocks))
        blob = struct.pack('<4sIII', b'BlbS', number, 1, len(header)) + header
        blob += bytes(blocks * 16 - 12 - len(blob))
        blobs += blob + struct.pack(
            '<II4s', zlib.adler32(blob), len(header), b'BlbE'
        )
    slots += [(0, 0, 0)] * (254 - len(slots))
    head = struct.pack('<4sIII16x', b'RpmP', 0, 1, 1)
    table = b''.join(struct.pack('<4sIII', b'Slot', *slot) for slot in slots)
    return head + table + blobs


def hash_database(headers: Sequence[bytes], order: str = '<') -> bytes:
    """Return a ``Packages`` that is a Berkeley DB hash with one bucket.

    :param headers: of the packages; each goes into pages of its own.
    :param order: of bytes: ``<`` or ``>``.
    """
    pages = [b'']
    entries = [(struct.pack('=I', 0), struct.pack('=I', len(headers)))]
    overflow: list[bytes] = []
    for number, header in enumerate(headers, 1):
        start = 2 + len(overflow)
        room = _PAGE - 26
        pieces = [
            header[place : place + room]
            for place in range(0, len(header), room)
        ]
        for index, piece in enumerate(pieces):
            here = start + index
            following = here + 1 if index + 1 < len(pieces) else 0
            head = struct.pack(
                f'{order}8xIIIHHBB', here, 0, following, 1, len(piece), 0, 7
            )
            overflow.append((head + piece).ljust(_PAGE, b'\0'))
        entries.append(
            (
                struct.pack('=I', number),
                b'\3' + struct.pack(f'{order}3xII', start, len(header)),
            )
        )
    page, places = bytearray(_PAGE), []
    end = _PAGE
    for key, value in entries:
        stored = value if value[:1] == b'\3' else b'\1' + value
        for item in (b'\1' + key, stored):
            end -= len(item)
            page[end : end + len(item)] = item
            places.append(end)
    head = struct.pack(f'{order}8xIIIHHBB', 1, 0, 0, len(places), end, 0, 13)
    head += struct.pack(f'{order}{len(places)}H', *places)
    page[: len(head)] = head
    meta = bytearray(_PAGE)
    struct.pack_into(f'{order}III', meta, 12, 0x00061561, 9, _PAGE)
    struct.pack_into(f'{order}I', meta, 32, 1 + len(overflow))
    pages = [bytes(meta), bytes(page), *overflow]
    return b''.join(pages)
