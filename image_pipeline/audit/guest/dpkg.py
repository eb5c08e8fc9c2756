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

"""Read dpkg's database: one status file, or one file a package."""

import re
from collections.abc import Iterator

from image_pipeline.audit import rule
from image_pipeline.audit.guest import package_record
from image_pipeline.disk import files

STATUS = '/var/lib/dpkg/status'
#: Images without a package manager (distroless) have a file a package.
STATUS_D = '/var/lib/dpkg/status.d'
#: A desktop's status has some 6 MB.
_MOST_BYTES = 64 << 20
_MOST_FILES = 20_000
_FIELD = re.compile(r'([!-9;-~]+):[ \t]*(.*)')
_WANTED = frozenset(
    {'Package', 'Status', 'Version', 'Architecture', 'Installed-Size'}
)


def packages(
    tree: files.FileTree,
) -> list[package_record.Package] | None:
    """Return the packages that dpkg has installed, or None without dpkg.

    :param tree: the image's files.
    :raises CannotTell: its database is damaged.
    """
    found: list[package_record.Package] = []
    has_status = tree.is_file(STATUS)
    if has_status:
        found += _read(tree, STATUS, installed=False)
        if not found:
            # dpkg knows itself at least; there is no such Debian.
            raise rule.CannotTell(f'{STATUS} names no installed package')
    names = tree.listdir(STATUS_D) if tree.is_folder(STATUS_D) else []
    if len(names) > _MOST_FILES:
        raise rule.CannotTell(f'{STATUS_D} has {len(names)} files')
    for name in names:
        path = f'{STATUS_D}/{name}'
        if not name.endswith('.md5sums') and tree.is_file(path):
            found += _read(tree, path, installed=True)
    return found if has_status or names else None


def _read(
    tree: files.FileTree, path: str, *, installed: bool
) -> Iterator[package_record.Package]:
    size = tree.stat(path).size
    if size > _MOST_BYTES:
        raise rule.CannotTell(f'{path} has {size} bytes')
    fields: dict[str, str] = {}
    text = tree.read_text(path, _MOST_BYTES)
    for number, line in enumerate([*text.split('\n'), ''], 1):
        if line.startswith((' ', '\t')) and line.strip():
            continue
        if not line.strip():
            if fields:
                yield from _package(path, number, fields, installed)
                fields = {}
            continue
        match = _FIELD.fullmatch(line.rstrip('\r'))
        if match is None:
            raise rule.CannotTell(f'{path} is damaged in line {number}')
        if match[1] in _WANTED:
            fields[match[1]] = match[2].strip()
        else:
            fields.setdefault('', '')


def _package(
    path: str, number: int, fields: dict[str, str], installed: bool
) -> Iterator[package_record.Package]:
    """Give the package of one paragraph, if it is installed."""
    name, status = fields.get('Package'), fields.get('Status')
    if not name or (status is None and not installed):
        raise rule.CannotTell(
            f'{path} is damaged: the paragraph that ends in line {number} '
            'has no Package or no Status'
        )
    if status is not None and not status.endswith(' installed'):
        return
    version = fields.get('Version')
    if not version:
        raise rule.CannotTell(f'{path} is damaged: {name} has no Version')
    epoch, colon, rest = version.partition(':')
    if not colon or not epoch.isdecimal():
        epoch, rest = '0', version
    upstream, _, release = rest.rpartition('-')
    size = fields.get('Installed-Size', '')
    yield package_record.Package(
        manager='dpkg',
        name=name,
        version=upstream or release,
        release=release if upstream else '',
        epoch=int(epoch[:9]),
        arch=fields.get('Architecture', ''),
        size=int(size[:12]) << 10 if size.isdecimal() else 0,
    )
