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

"""Look into an OVA: a tar of a description, a disk and a manifest.

DMTF DSP0243 (OVF 2.1), sections 5.1 and 5.3: the description comes first, the
manifest and then the certificate after it, and disks follow.
"""

import dataclasses
import hashlib
import re
import tarfile
from collections.abc import Iterator, Mapping
from pathlib import Path

_MAGIC = (257, b'ustar')
_MOST_MEMBERS = 200
_MOST_MANIFEST = 1 << 20
_PIECE = 4 << 20
_HEAD = 128 << 10
_KINDS = ('SHA1', 'SHA256', 'SHA384', 'SHA512')
_LINE = re.compile(r'(\w+) ?\((.+)\) ?= ?([0-9a-fA-F]+)')
_CREATE_TYPE = re.compile(rb'createtype="([^"\n]{1,60})"', re.IGNORECASE)


class Damaged(Exception):
    """It is no OVA that could be read.

    :param reason: why not, one line.
    """


@dataclasses.dataclass(frozen=True, kw_only=True)
class Member:
    """A file in an OVA.

    :param name: its name.
    :param head: its first bytes.
    :param digests: hexadecimal digits by kind; those that the manifest says.
    """

    name: str
    head: bytes
    digests: Mapping[str, str]

    @property
    def create_type(self) -> str | None:
        """What a VMDK's descriptor says of its kind, or None."""
        if not self.head.startswith(b'KDMV'):
            return None
        match = _CREATE_TYPE.search(self.head)
        return match[1].decode('ascii', 'replace') if match else None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Ova:
    """What is in an OVA.

    :param members: its files, in their order.
    :param manifest: kind and digits by the name of the file; None without
        one.
    """

    members: tuple[Member, ...]
    manifest: Mapping[str, tuple[str, str]] | None


def is_ova(path: Path) -> bool:
    """Tell whether a file is called an OVA, or is a tar.

    :param path: the file.
    :raises OSError: it cannot be read.
    """
    if path.suffix.lower() == '.ova':
        return True
    place, magic = _MAGIC
    with path.open('rb') as file:
        return file.read(512)[place : place + len(magic)] == magic


def read(path: Path) -> Ova:
    """Return what is in an OVA; each file is read once.

    :param path: the file.
    :raises Damaged: it is no tar, or cut short.
    :raises OSError: it cannot be read.
    """
    try:
        with tarfile.open(path, 'r:') as tar:
            entries = list(_entries(tar))
            manifest = _manifest(tar, entries)
            kinds = {kind for kind, _ in (manifest or {}).values()}
            members = tuple(_member(tar, one, kinds) for one in entries)
    except (tarfile.TarError, EOFError, ValueError, OverflowError) as exc:
        raise Damaged(f'it is no tar that can be read: {exc}') from exc
    return Ova(members=members, manifest=manifest)


def _entries(tar: tarfile.TarFile) -> Iterator[tarfile.TarInfo]:
    for count, entry in enumerate(tar):
        if count >= _MOST_MEMBERS:
            raise Damaged(f'it has more than {_MOST_MEMBERS} files')
        if not entry.isreg() or entry.sparse is not None:
            raise Damaged(f'{entry.name!r} in it is no plain file')
        yield entry


def _manifest(
    tar: tarfile.TarFile, entries: list[tarfile.TarInfo]
) -> dict[str, tuple[str, str]] | None:
    for entry in entries:
        if not entry.name.lower().endswith('.mf'):
            continue
        file = tar.extractfile(entry)
        data = file.read(_MOST_MANIFEST) if file else b''
        found = {}
        for line in data.decode('utf-8', 'replace').splitlines():
            match = _LINE.fullmatch(line.strip())
            if match and match[1].upper() in _KINDS:
                found[match[2]] = match[1].upper(), match[3].lower()
        return found
    return None


def _member(
    tar: tarfile.TarFile, entry: tarfile.TarInfo, kinds: set[str]
) -> Member:
    file = tar.extractfile(entry)
    if file is None:
        raise Damaged(f'{entry.name!r} in it cannot be read')
    hashes = {kind: hashlib.new(kind.lower()) for kind in kinds}
    head = b''
    left = entry.size
    while left:
        piece = file.read(min(left, _PIECE))
        if not piece:
            raise Damaged('it is cut short')
        left -= len(piece)
        head = head or piece[:_HEAD]
        for one in hashes.values():
            one.update(piece)
    return Member(
        name=entry.name,
        head=head,
        digests={kind: one.hexdigest() for kind, one in hashes.items()},
    )
