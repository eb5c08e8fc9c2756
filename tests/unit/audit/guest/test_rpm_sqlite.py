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

import sqlite3

import pytest

from image_pipeline.audit.guest import rpm_header, rpm_sqlite
from image_pipeline.testing import packages

HEADERS = [packages.rpm_header('a'), packages.rpm_header('b' * 9000)]
MADE = packages.sqlite_database(HEADERS)


def reader(data: bytes):
    return lambda offset, length: data[offset : offset + length]


def read(data: bytes, **logs: bytes):
    return list(
        rpm_sqlite.headers(
            reader(data),
            {f'-{name}': reader(log) for name, log in logs.items()},
        )
    )


def database(schema: str) -> bytes:
    connection = sqlite3.connect(':memory:')
    connection.executescript(schema)
    data = connection.serialize()
    connection.close()
    return data


def test_headers_are_given():
    assert read(MADE) == HEADERS


def test_what_is_still_in_the_log_counts(tmp_path):
    path = tmp_path / 'rpmdb.sqlite'
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute('PRAGMA journal_mode = WAL')
    connection.execute('CREATE TABLE Packages (hnum INTEGER, blob BLOB)')
    connection.execute('PRAGMA wal_checkpoint = TRUNCATE')
    connection.execute('INSERT INTO Packages VALUES (1, ?)', (HEADERS[0],))
    data = path.read_bytes()
    log = path.with_name('rpmdb.sqlite-wal').read_bytes()
    connection.close()
    assert read(data) == []
    assert read(data, wal=log) == [HEADERS[0]]


def test_view_that_computes_for_ever_is_not_asked():
    data = database(
        'CREATE VIEW Packages AS WITH RECURSIVE n(blob) AS '
        "(SELECT x'00' UNION ALL SELECT blob FROM n) SELECT blob FROM n;"
    )
    with pytest.raises(rpm_header.Damaged, match='no table of packages'):
        read(data)


def test_reading_that_takes_too_long_is_stopped(monkeypatch):
    monkeypatch.setattr(rpm_sqlite, '_MOST_CALLS', 3)
    monkeypatch.setattr(rpm_sqlite, '_STEPS', 10)
    with pytest.raises(rpm_header.Damaged, match='interrupted'):
        read(packages.sqlite_database(HEADERS * 100))


@pytest.mark.parametrize(
    'data',
    [
        b'',
        b'not a database' * 99,
        database('CREATE TABLE Other (blob BLOB);'),
        database(
            'CREATE TABLE Packages (hnum, blob);'
            "INSERT INTO Packages VALUES (1, 'text');"
        ),
        MADE[:4096] + b'\xff' * (len(MADE) - 4096),
        # SQLite's own message of it is no UTF-8.
        MADE.replace(b'AUTOINCREMENT', b'AUTO\xffNCREMENT'),
    ],
)
def test_damage_is_told(data):
    with pytest.raises(rpm_header.Damaged):
        read(data)


def test_nothing_is_left_behind(tmp_path, monkeypatch):
    monkeypatch.setattr('tempfile.tempdir', str(tmp_path))
    read(MADE)
    assert list(tmp_path.iterdir()) == []
