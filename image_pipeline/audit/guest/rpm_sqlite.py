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

"""Read rpm's SQLite database, which Fedora and EL 9 and later have.

SQLite itself reads it, from a copy: what was written last may lie in a log
beside the database, which only SQLite can put in.  The copy is a file, so
that memory does not grow with it, and the schema is not trusted: it may come
from a stranger.
"""

import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from image_pipeline.audit.guest import rpm_header

NAME = 'rpmdb.sqlite'
#: Files beside it that hold what is not in it yet.
LOGS = ('-wal', '-journal')
_PIECE = 4 << 20
#: rpm's own limit of a header is 256 MiB; real ones have up to 4 MiB.
_MOST_BLOB = 64 << 20
#: SQLite calls back every so many steps of its machine; a database of
#: 100 000 packages takes a million.
_STEPS, _MOST_CALLS = 10_000, 5_000

Read = Callable[[int, int], bytes]


def headers(database: Read, logs: dict[str, Read]) -> Iterator[bytes]:
    """Give the header of each package.

    :param database: returns bytes of the file: offset, length.
    :param logs: of the files beside it that have content, by the end of
        their names, see :data:`LOGS`.
    :raises Damaged: it is not such a file, or not whole.
    """
    with tempfile.TemporaryDirectory(prefix='image-pipeline-') as folder:
        path = Path(folder) / NAME
        _copy(database, path)
        for suffix, read in logs.items():
            _copy(read, path.with_name(NAME + suffix))
        try:
            yield from _select(path)
        except (sqlite3.Error, ValueError, OverflowError, MemoryError) as exc:
            raise rpm_header.Damaged(f'SQLite says: {exc}') from exc


def _select(path: Path) -> Iterator[bytes]:
    calls = 0

    def too_long() -> bool:
        nonlocal calls
        calls += 1
        return calls > _MOST_CALLS

    connection = sqlite3.connect(path, isolation_level=None)
    try:
        connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _MOST_BLOB)
        connection.set_progress_handler(too_long, _STEPS)
        for pragma in (
            'trusted_schema = OFF',
            'cell_size_check = ON',
            'query_only = ON',
            'mmap_size = 0',
        ):
            connection.execute(f'PRAGMA {pragma}')
        kinds = connection.execute(
            'SELECT type FROM sqlite_schema WHERE name = ? COLLATE NOCASE',
            ('Packages',),
        ).fetchall()
        if kinds != [('table',)]:
            # A view could compute for ever, and is not what rpm makes.
            raise rpm_header.Damaged('it has no table of packages')
        for (blob,) in connection.execute('SELECT blob FROM Packages'):
            if not isinstance(blob, bytes):
                raise rpm_header.Damaged('a package is no header')
            yield blob
    finally:
        connection.close()


def _copy(read: Read, path: Path) -> None:
    offset = 0
    with path.open('wb') as file:
        while piece := read(offset, _PIECE):
            file.write(piece)
            offset += len(piece)
