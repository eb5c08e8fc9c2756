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

"""Read the files that list checksums: of GNU's sha256sum, and of BSD's."""

import dataclasses
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

#: Digits of each kind, by which a bare checksum is told.
KINDS: Mapping[int, str] = {
    32: 'md5', 40: 'sha1', 64: 'sha256', 96: 'sha384', 128: 'sha512',
}  # fmt: skip
_MOST_BYTES = 8 << 20
_GNU = re.compile(r'\\?([0-9a-fA-F]{32,128})(?: [ *]?(.*))?')
_BSD = re.compile(r'([A-Za-z0-9]+) ?\((.*)\) ?= ?([0-9a-fA-F]{32,128})')


@dataclasses.dataclass(frozen=True, kw_only=True)
class Checksum:
    """What a file says that another one's checksum is.

    :param file: the file that says it.
    :param line: where in it, from 1.
    :param kind: ``sha256`` and the like.
    :param digits: hexadecimal, in small letters.
    """

    file: Path
    line: int
    kind: str
    digits: str


def read(files: Iterable[Path], name: str) -> list[Checksum]:
    """Return what is said of a file.

    :param files: the files that list checksums.
    :param name: the file that it is about.
    :raises OSError: one of them cannot be read.
    """
    found = []
    for path in files:
        with path.open('rb') as file:
            data = file.read(_MOST_BYTES)
        own = path.name.startswith(f'{name}.')
        lines = data.decode('utf-8', 'replace').splitlines()
        for number, line in enumerate(lines, 1):
            said = _parse(line.strip())
            if said is None:
                continue
            kind, digits, about = said
            # A file of its own may have the digits alone.
            if about.rpartition('/')[2] == name or (own and not about):
                found.append(
                    Checksum(file=path, line=number, kind=kind, digits=digits)
                )
    return found


def _parse(line: str) -> tuple[str, str, str] | None:
    match = _GNU.fullmatch(line)
    if match:
        digits, about = match[1], match[2] or ''
    else:
        match = _BSD.fullmatch(line)
        if match is None:
            return None
        digits, about = match[3], match[2]
    kind = KINDS.get(len(digits))
    return None if kind is None else (kind, digits.lower(), about.strip())
