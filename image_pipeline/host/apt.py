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

"""The sources of packages of the host's own apt, and whose they are.

The formats are those of sources.list(5) and apt-transport-mirror(1).  Nothing
is run, so a host without apt has simply none.
"""

import dataclasses
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from urllib import parse

FOLDER = Path('/etc/apt')
LISTS = Path('/var/lib/apt/lists')
_OS_RELEASE = Path('/etc/os-release')
#: What a suite's name may end with; the rest names the release.
_POCKETS = ('-security', '/updates', '-proposed-updates', '-updates')
#: The components that the archives have themselves.
_COMPONENTS = {
    'debian': {'main', 'contrib', 'non-free', 'non-free-firmware'},
    'ubuntu': {'main', 'restricted', 'universe', 'multiverse'},
}
#: Names of releases, where neither the lists nor the host say whose they are.
_RELEASES = {
    'debian': frozenset(
        {
            *('stable', 'oldstable', 'oldoldstable', 'testing', 'unstable'),
            *('sid', 'buster', 'bullseye', 'bookworm', 'trixie', 'forky'),
            'duke',
        }
    ),
    'ubuntu': frozenset(
        {
            *('devel', 'xenial', 'bionic', 'focal', 'jammy', 'noble'),
            *('oracular', 'plucky', 'questing', 'resolute'),
        }
    ),
}
#: What apt quotes in the names of its lists: URItoFileName and QuoteString
#: of apt-pkg/contrib/strutl.cc.
_QUOTED = '\\|{}[]<>"^~_=!@#$%^&*'
#: What apt takes for false (StringToBool of apt-pkg/contrib/strutl.cc).
_NO = frozenset({'no', 'false', 'without', 'off', 'disable', '0'})
#: What a mirror without a type has.
_ALL = frozenset({'index', 'deb'})
#: ``deb [options] uri suite components``; a cdrom's URI has brackets.
_LINE = re.compile(
    r'deb\s+(?:\[(?P<options>[^\]]*)\]\s+)?'
    r'(?P<uri>(?:\[[^\]]*\]|\S)+)\s+(?P<suite>\S+)\s*(?P<components>.*)'
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Source:
    """One suite of one archive.

    :param uri: the archive's, as the host's apt has it, without a slash at
        the end.
    :param suite: such as ``bookworm-security``.
    :param components: such as ``main``; none for a flat archive.
    :param signed_by: files with the keys that it must be signed with; none:
        any that apt trusts.
    """

    uri: str
    suite: str
    components: tuple[str, ...] = ()
    signed_by: tuple[Path, ...] = ()


def sources(folder: Path = FOLDER) -> list[Source]:
    """Return the sources of binary packages, in apt's order.

    :param folder: apt's configuration.
    """
    files = [folder / 'sources.list']
    files += sorted((folder / 'sources.list.d').glob('*'))
    found: list[Source] = []
    for file in files:
        try:
            text = file.read_text(encoding='utf-8', errors='replace')
        except OSError:
            continue
        if file.suffix == '.list':
            found += _of_lines(text)
        elif file.suffix == '.sources':
            found += _of_paragraphs(text)
    return found


def _of_lines(text: str) -> Iterator[Source]:
    for line in text.splitlines():
        # A hash inside of brackets is no comment.
        plain = re.sub(r'(\[[^\]]*\])|#.*', lambda found: found[1] or '', line)
        if not (parts := _LINE.fullmatch(plain.strip())):
            continue
        options = dict(
            word.partition('=')[::2]
            for word in (parts['options'] or '').split()
        )
        yield Source(
            uri=parts['uri'].rstrip('/'),
            suite=parts['suite'],
            components=tuple(parts['components'].split()),
            signed_by=_key_files(options.get('signed-by', '').split(',')),
        )


def _of_paragraphs(text: str) -> Iterator[Source]:
    lines = [line for line in text.splitlines() if not line.startswith('#')]
    for paragraph in re.split(r'\n[ \t]*\n', '\n'.join(lines)):
        fields: dict[str, str] = {}
        name = ''
        for line in paragraph.splitlines():
            if line[:1] in (' ', '\t'):
                fields[name] = f'{fields.get(name, "")} {line.strip()}'
            else:
                name, _, value = line.partition(':')
                name = name.strip().lower()
                fields[name] = value.strip()
        if fields.get('enabled', 'yes').lower() in _NO:
            continue
        if 'deb' not in fields.get('types', '').split():
            continue
        for uri in fields.get('uris', '').split():
            for suite in fields.get('suites', '').split():
                yield Source(
                    uri=uri.rstrip('/'),
                    suite=suite,
                    components=tuple(fields.get('components', '').split()),
                    signed_by=_key_files(fields.get('signed-by', '').split()),
                )


def _key_files(words: Iterable[str]) -> tuple[Path, ...]:
    # It may be fingerprints or a key itself, too.
    return tuple(Path(word) for word in words if word.startswith('/'))


def release(source: Source, lists: Path = LISTS) -> Mapping[str, str]:
    """Return what the suite's Release file says of itself.

    :param source: of :func:`sources`.
    :param lists: where apt keeps what it fetched.
    :returns: ``Origin``, ``Label``, ``Suite``, ``Codename``, …; nothing if
        apt has not fetched it, or images of containers took it away.
    """
    stem = _file_name(f'{source.uri}/dists/{source.suite}/')
    for name in ('InRelease', 'Release'):
        try:
            with (lists / f'{stem}{name}').open(
                encoding='utf-8', errors='replace'
            ) as file:
                head = file.read(4096)
        except OSError:
            continue
        return dict(
            re.findall(r'^([A-Z][\w-]*): *(\S.*)$', head, re.MULTILINE)
        )
    return {}


def _file_name(uri: str) -> str:
    # Without the way of access and the password, as apt does it.
    rest = uri.partition(':')[2]
    if rest.startswith('//'):
        host, slash, path = rest[2:].partition('/')
        rest = host.rpartition('@')[2] + slash + path
    quoted = ''.join(
        f'%{ord(char):02x}' if char in _QUOTED or ord(char) <= 0x20 else char
        for char in rest
    )
    return quoted.replace('/', '_')


def archive(
    source: Source,
    *,
    lists: Path = LISTS,
    host: Mapping[str, str] | None = None,
) -> str | None:
    """Return which archive of a distribution a source is.

    Its Release file says so.  Where there is none, a suite's name does, if
    components and key are those of a distribution: others have suites of the
    same names.

    :param source: of :func:`sources`.
    :param lists: where apt keeps what it fetched.
    :param host: the host's ``/etc/os-release``; None: read it.
    :returns: ``debian``, ``debian-security``, ``ubuntu`` or
        ``ubuntu-security``; None for anything else.
    """
    told = release(source, lists)
    if told:
        return _by_release(source, told)
    base, security = _split(source.suite)
    given = os_release() if host is None else host
    for name, releases in _RELEASES.items():
        own = given.get('ID') == name and given.get('VERSION_CODENAME')
        if base not in releases and base != own:
            continue
        if not source.components or set(source.components) - _COMPONENTS[name]:
            return None
        if source.signed_by and not any(
            f'{name}-archive' in file.name for file in source.signed_by
        ):
            return None
        return f'{name}-security' if security else name
    return None


def _by_release(source: Source, told: Mapping[str, str]) -> str | None:
    name = {'Debian': 'debian', 'Ubuntu': 'ubuntu'}.get(told.get('Origin', ''))
    label = told.get('Label', '')
    if name is None or label not in ('Debian', 'Debian-Security', 'Ubuntu'):
        return None
    security = label == 'Debian-Security' or (
        name == 'ubuntu' and _split(source.suite)[1]
    )
    return f'{name}-security' if security else name


def _split(suite: str) -> tuple[str, bool]:
    """Return the release that a suite is of, and whether it has fixes."""
    for pocket in _POCKETS:
        if suite.endswith(pocket):
            # Debian's security suites were called `buster/updates` once.
            return suite.removesuffix(pocket), pocket in _POCKETS[:2]
    return suite, False


def os_release(file: Path = _OS_RELEASE) -> Mapping[str, str]:
    """Return what the host says it is.

    :param file: os-release(5).
    """
    try:
        text = file.read_text(encoding='utf-8', errors='replace')
    except OSError:
        return {}
    found = re.findall(r'^([A-Z_]+)=["\']?(.*?)["\']?$', text, re.MULTILINE)
    return dict(found)


def archives(
    folder: Path = FOLDER,
    *,
    lists: Path = LISTS,
    host: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """Return where the archives of the distributions are, for this host.

    Only what other programs can use, too: http and https.  A URL with a
    password is none of them: it would end up in images and manifests.

    :param folder: apt's configuration.
    :param lists: where apt keeps what it fetched.
    :param host: the host's ``/etc/os-release``; None: read it.
    :returns: the base URL by the name that :func:`archive` gives.
    """
    found: dict[str, str] = {}
    for source in sources(folder):
        name = archive(source, lists=lists, host=host)
        if name is None or name in found:
            continue
        if url := next(iter(_urls(source.uri)), None):
            found[name] = url
    return found


def _urls(uri: str) -> Iterator[str]:
    """Give the plain URLs that a source stands for, the best first."""
    if uri.startswith('mirror+file:'):
        uris = _mirror_list(Path('/' + uri.partition(':')[2].lstrip('/')))
    else:
        uris = [uri]
    for one in uris:
        parts = parse.urlsplit(one)
        if parts.scheme in ('http', 'https') and '@' not in parts.netloc:
            yield one.rstrip('/')


def _mirror_list(file: Path) -> list[str]:
    """Return the URIs of a list of mirrors, by their priority."""
    try:
        text = file.read_text(encoding='utf-8', errors='replace')
    except OSError:
        return []
    found: list[tuple[int, str]] = []
    for line in text.splitlines():
        uri, *facts = line.partition('#')[0].split() or ['']
        given: dict[str, set[str]] = {}
        for fact in facts:
            key, _, value = fact.partition(':')
            given.setdefault(key, set()).add(value)
        # Some have only indexes, or only packages.
        if not uri or not {'index', 'deb'} <= given.get('type', _ALL):
            continue
        priority = min(given.get('priority', ()), default='')
        # One without a priority comes last.
        number = int(priority) if priority.isdigit() else 1 << 31
        found.append((number, uri))
    return [uri for _, uri in sorted(found, key=lambda one: one[0])]


def keyrings(url: str, folder: Path = FOLDER) -> tuple[Path, ...]:
    """Return the files of keys that the host's apt wants for an archive.

    :param url: its base URL.
    :param folder: apt's configuration.
    """
    found = [
        file
        for source in sources(folder)
        if url.rstrip('/') in _urls(source.uri)
        for file in source.signed_by
    ]
    return tuple(dict.fromkeys(found))
