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

"""Compare the packages of an image with what the repositories offer now.

A changed Release file alone is no reason to build an image again: most
changes of an archive are of packages that the image does not have.
"""

import functools
import hashlib
import io
import logging
import lzma
import re
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from image_pipeline import exceptions
from image_pipeline.conf import settings as conf_settings
from image_pipeline.dib import base_tree, packages
from image_pipeline.host import apt, process, signatures
from image_pipeline.store import cache as store_cache

LOG = logging.getLogger(__name__)

_FOLDER = 'repositories'
#: Suites that have neither updates nor a security archive.
_ROLLING = frozenset({'sid', 'unstable', 'experimental'})
#: How many differences a reason names.
_SHOWN = 5
#: Takes a signed text, and returns what was signed.
Verify = Callable[[bytes], bytes]
_PIECE = re.compile(r'(\D*)(\d*)')


def differences(
    installed: Iterable[Mapping[str, str]],
    *,
    release: str,
    components: Sequence[str],
    mirrors: conf_settings.Mirrors,
    architecture: str,
    cache: store_cache.Cache,
    max_age: int,
    fetch: base_tree.Fetch = base_tree.fetch,
    verify: Verify | None = None,
) -> str | None:
    """Say which packages of an image the repositories have newer ones of.

    A repository that cannot be reached, or whose Release file is not signed
    by a key that the host trusts, is a warning and no difference: it is no
    reason to build, and a build could not use it either.

    :param installed: name and version of each package in the image.
    :param release: Debian's code name or suite.
    :param components: of the archive, such as ``main``.
    :param mirrors: where the archives are.
    :param architecture: Debian's name of it.
    :param cache: remembers what was offered.
    :param max_age: seconds for which a look holds.
    :param fetch: returns what is at a URL.
    :param verify: checks a signed text; None: by gpgv and the host's keys.
    :returns: ``openssl 3.0.16 -> 3.0.17, …``; None if there are none.
    """
    sources = _sources(release, components, mirrors)
    if not sources:
        return None
    fetch = functools.partial(
        _fetch_signed, fetch=fetch, verify=verify or _verifier(mirrors)
    )
    try:
        offered = _offered(sources, architecture, cache, max_age, fetch)
    except (
        OSError,
        ValueError,
        EOFError,
        lzma.LZMAError,
        exceptions.CommandFailed,
    ) as exc:
        LOG.warning(
            'what the repositories of %s offer could not be looked up, so '
            'the last image stands: %s',
            release,
            exc,
        )
        return None
    newer = [
        f'{one["name"]} {one["version"]} -> {offered[one["name"]]}'
        for one in installed
        if one['name'] in offered
        and version_key(offered[one['name']]) > version_key(one['version'])
    ]
    if not newer:
        return None
    more = len(newer) - _SHOWN
    return ', '.join(newer[:_SHOWN]) + (f' and {more} more' * (more > 0))


def _verifier(mirrors: conf_settings.Mirrors) -> Verify:
    """Return a check by the host's own keys, those for its mirrors too."""
    keyrings = packages.keyring_files()
    for url in (mirrors.debian, mirrors.debian_security):
        keyrings += apt.keyrings(url) if url else ()
    return functools.partial(
        signatures.verify, keyrings=keyrings, host=process.Host()
    )


def _fetch_signed(
    url: str, *, fetch: base_tree.Fetch, verify: Verify
) -> bytes:
    content = fetch(url)
    return verify(content) if url.endswith('/InRelease') else content


@functools.lru_cache(maxsize=4096)
def version_key(version: str) -> tuple[Any, ...]:
    """Return what versions of Debian packages sort by.

    :param version: ``[epoch:]upstream[-revision]``, compared as Debian
        Policy, section 5.6.12 says: a tilde sorts before the end, letters
        before everything else; no revision is like the revision 0.
    """
    epoch, colon, rest = version.partition(':')
    if not colon:
        epoch, rest = '0', version
    upstream, _, revision = rest.rpartition('-')
    if not upstream:
        upstream, revision = rest, ''
    number = int(epoch) if epoch.isdigit() else 0
    return number, _part_key(upstream), _part_key(revision or '0')


def _part_key(part: str) -> tuple[tuple[tuple[int, ...], int], ...]:
    return tuple(
        ((*map(_order, text), 0), int(digits or 0))
        for text, digits in _PIECE.findall(part)
    )


def _order(char: str) -> int:
    if char == '~':
        return -1
    return ord(char) if char.isalpha() else ord(char) + 256


def _sources(
    release: str, components: Sequence[str], mirrors: conf_settings.Mirrors
) -> list[str]:
    names = ' '.join(components)
    found = []
    if mirrors.debian:
        found.append(f'deb {mirrors.debian} {release} {names}')
        if release not in _ROLLING:
            found.append(f'deb {mirrors.debian} {release}-updates {names}')
    if mirrors.debian_security and release not in _ROLLING:
        found.append(
            f'deb {mirrors.debian_security} {release}-security {names}'
        )
    return found


def _offered(
    sources: Sequence[str],
    architecture: str,
    cache: store_cache.Cache,
    max_age: int,
    fetch: base_tree.Fetch,
) -> dict[str, str]:
    """Return the newest version of each package, by name."""
    text = '\n'.join([*sources, architecture])
    key = hashlib.sha256(text.encode()).hexdigest()
    known = cache.load(_FOLDER, key)
    if not isinstance(known, dict):
        known = {'looked': 0, 'indexes': {}, 'versions': {}}
    now = time.time()
    if 0 <= now - known['looked'] <= max_age:
        return dict(known['versions'])
    indexes = base_tree.index_digests(sources, architecture, fetch)
    if indexes != known['indexes']:
        known['versions'] = _newest(indexes, fetch)
    cache.save(
        _FOLDER,
        key,
        {'looked': now, 'indexes': indexes, 'versions': known['versions']},
    )
    return dict(known['versions'])


def _newest(
    indexes: Mapping[str, str], fetch: base_tree.Fetch
) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, digest in indexes.items():
        url, suite, path = name.split()
        packed = fetch(f'{url}/dists/{suite}/{path}.xz')
        total = hashlib.sha256()
        package = ''
        # Line by line: an index is 50 MB.
        with lzma.open(io.BytesIO(packed)) as lines:
            for raw in lines:
                total.update(raw)
                if raw.startswith(b'Package: '):
                    package = raw[9:].decode().strip()
                elif raw.startswith(b'Version: '):
                    version = raw[9:].decode().strip()
                    former = found.get(package)
                    if former is None or version_key(version) > version_key(
                        former
                    ):
                        found[package] = version
        if total.hexdigest() != digest:
            raise ValueError(f'{url} {suite} is being updated: {path}')
    return found
