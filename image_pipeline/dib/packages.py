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

"""Packages: in the image, on this host, and where they come from."""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from image_pipeline.conf import settings as conf_settings
from image_pipeline.host import apt

_KEYRINGS = (
    Path('/usr/share/keyrings'),
    Path('/etc/apt/trusted.gpg.d'),
)


def read_status(file: Path | None) -> list[dict[str, str]]:
    """Return the packages that a dpkg status file says are installed.

    :param file: a copy of ``/var/lib/dpkg/status``; None: no packages.
    :returns: name, version, architecture and source of each, and the
        version of that where it differs; sorted.
    """
    if file is None:
        return []
    found = []
    text = file.read_text(encoding='utf-8', errors='replace')
    for paragraph in text.split('\n\n'):
        fields = _fields(paragraph)
        if fields.get('Status', '').split()[-1:] != ['installed']:
            continue
        # `Source: name (version)`, where it differs.
        source, _, rest = fields.get('Source', fields['Package']).partition(
            ' '
        )
        one = {
            'name': fields['Package'],
            'version': fields['Version'],
            'architecture': fields['Architecture'],
            'source': source,
        }
        if version := rest.strip(' ()'):
            one['source_version'] = version
        found.append(one)
    return sorted(found, key=lambda one: (one['name'], one['architecture']))


def _fields(paragraph: str) -> dict[str, str]:
    found = {}
    for line in paragraph.splitlines():
        name, colon, value = line.partition(':')
        if colon and not line.startswith((' ', '\t')):
            found[name] = value.strip()
    return found


def tool_versions(
    programs: Iterable[str], which: Callable[[str], Path | None]
) -> dict[str, str]:
    """Return what tells one version of a program from another.

    :param programs: their names.
    :param which: where a program is.
    :returns: a digest of the program itself, by ``tool:NAME``; and DIB's
        version.
    """
    from importlib import metadata

    found = {'diskimage-builder': metadata.version('diskimage-builder')}
    for name in programs:
        path = which(name)
        if path is not None and path.is_file():
            found[f'tool:{name}'] = digest(path)
    return found


def keyrings(folders: Iterable[Path] = _KEYRINGS) -> dict[str, str]:
    """Return digests of the keys that archives are checked with.

    :param folders: where they are.
    """
    return {
        f'keyring:{file.name}': digest(file) for file in keyring_files(folders)
    }


def keyring_files(folders: Iterable[Path] = _KEYRINGS) -> list[Path]:
    """Return the files of keys that archives are checked with.

    :param folders: where they are.
    """
    return [
        file
        for folder in folders
        if folder.is_dir()
        for file in sorted(folder.glob('*archive*.gpg'))
    ]


def digest(file: Path) -> str:
    """Return a file's digest, ``sha256:`` and 64 hexadecimal digits.

    :param file: the file.
    """
    return f'sha256:{hashlib.sha256(file.read_bytes()).hexdigest()}'


def digest_text(text: str) -> str:
    """Return a text's digest, ``sha256:`` and 64 hexadecimal digits.

    :param text: the text.
    """
    return f'sha256:{hashlib.sha256(text.encode()).hexdigest()}'


def mirrors(
    given: conf_settings.Mirrors,
    archives: Callable[[], Mapping[str, str]] = apt.archives,
) -> conf_settings.Mirrors:
    """Return where packages come from: the site's word, or the host's apt.

    :param given: the site's settings.
    :param archives: what the host's apt uses.
    """
    own = archives()
    return conf_settings.Mirrors(
        debian=given.debian or own.get('debian'),
        debian_security=given.debian_security or own.get('debian-security'),
        ubuntu=given.ubuntu or own.get('ubuntu'),
    )
