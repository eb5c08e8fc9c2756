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

"""Find rpm's database, whichever of its three kinds it is, and read it."""

from collections.abc import Callable, Iterator

from image_pipeline.audit import rule
from image_pipeline.audit.guest import (
    package_record,
    rpm_hash,
    rpm_header,
    rpm_ndb,
    rpm_sqlite,
)
from image_pipeline.disk import files

#: Fedora and openSUSE keep it below /usr, so that a snapshot of /usr has it;
#: on image-based systems it is in /usr/share.
FOLDERS = ('/usr/lib/sysimage/rpm', '/var/lib/rpm', '/usr/share/rpm')
_SQLITE, _NDB, _HASH = rpm_sqlite.NAME, 'Packages.db', 'Packages'
_MOST_BYTES = 1 << 30
_MOST_PACKAGES = 200_000
#: What rpm keeps of a key that it trusts.
_KEY = 'gpg-pubkey'


def packages(
    tree: files.FileTree,
) -> list[package_record.Package] | None:
    """Return the packages that rpm has installed, or None without rpm.

    :param tree: the image's files.
    :raises CannotTell: its database is damaged.
    """
    for folder in FOLDERS:
        for name in (_SQLITE, _NDB, _HASH):
            path = f'{folder}/{name}'
            if tree.is_file(path):
                return _read(tree, path, name)
    return None


def _read(
    tree: files.FileTree, path: str, kind: str
) -> list[package_record.Package]:
    size = tree.stat(path).size
    if size > _MOST_BYTES:
        raise rule.CannotTell(f'{path} has {size} bytes')
    found = []
    try:
        for blob in _headers(tree, path, kind, size):
            package = rpm_header.parse(blob)
            if package.name != _KEY:
                found.append(package)
            if len(found) > _MOST_PACKAGES:
                raise rpm_header.Damaged('it has too many packages')
    except rpm_header.Damaged as exc:
        raise rule.CannotTell(f'{path} is damaged: {exc}') from exc
    return found


def _headers(
    tree: files.FileTree, path: str, kind: str, size: int
) -> Iterator[bytes]:
    read = _reader(tree, path)
    if kind == _NDB:
        return rpm_ndb.headers(read, size)
    if kind == _HASH:
        return rpm_hash.headers(read, size)
    logs = {}
    for suffix in rpm_sqlite.LOGS:
        log = path + suffix
        if tree.is_file(log) and 0 < tree.stat(log).size <= _MOST_BYTES:
            logs[suffix] = _reader(tree, log)
    return rpm_sqlite.headers(read, logs)


def _reader(tree: files.FileTree, path: str) -> Callable[[int, int], bytes]:
    def read(offset: int, length: int) -> bytes:
        return tree.read_bytes(path, length, offset)

    return read
