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

"""Stand in for mmdebstrap: one run instead of several, and a cache of trees.

diskimage-builder bootstraps from the release's own suite, then upgrades from
the others, then installs a few packages more.  Here mmdebstrap gets all suites
and packages at once, so that nothing is installed twice, and the tree that it
makes is the whole base.  It is kept as a tarball, whose name is a digest of
everything that went into it: the suites' package indexes, the packages, the
keyrings, the program.
"""

import hashlib
import os
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from image_pipeline import exceptions
from image_pipeline.host import apt_conf, process
from image_pipeline.store import cache as store_cache

#: Folder of the cached trees; empty: there is no cache.
CACHE_VARIABLE = 'IMAGE_PIPELINE_BASE_CACHE'
#: Packages to install beside the essential ones, with commas between.
PACKAGES_VARIABLE = 'IMAGE_PIPELINE_BASE_PACKAGES'
#: DIB's sources, one a line, each with a name and a colon before it.
SOURCES_VARIABLE = 'DIB_APT_SOURCES_CONF'
#: Change it whenever the same inputs give another tree.
_VERSION = 1
_TIMEOUT = 20.0
#: What ``bin/mmdebstrap`` runs, and how far into a file that is looked for.
_MODULE = b'image_pipeline.dib.base_tree'
_WRAPPER_MOST = 1024
#: `deb [options] URI suite component…` (sources.list(5)).
_SOURCE = re.compile(r'deb\s+(?:\[[^\]]*\]\s+)?(\S+)\s+(\S+)\s+(.+)')
#: A line of a Release file: digest, size, name (Debian's repository format).
_INDEX = re.compile(r'^ ([0-9a-f]{64}) +\d+ (\S+)$', re.MULTILINE)

Fetch = Callable[[str], bytes]


def command(
    argv: Sequence[str], *, sources: str, packages: str
) -> tuple[list[str], Path, list[str]]:
    """Return mmdebstrap's arguments with every suite and package.

    :param argv: the arguments that DIB gives.
    :param sources: DIB's sources, see :data:`SOURCES_VARIABLE`.
    :param packages: see :data:`PACKAGES_VARIABLE`.
    :returns: the arguments, the target folder, and the sources.
    :raises ValueError: DIB gives other arguments than we know.
    """
    options = [word for word in argv if word.startswith('-')]
    words = [word for word in argv if not word.startswith('-')]
    if len(words) != 3:
        raise ValueError(f'not suite, target and mirror: {words}')
    suite, target, mirror = words
    if packages:
        options.append(f'--include={packages}')
    lines = [
        line.partition(':')[2].strip()
        for line in sources.splitlines()
        if line.partition(':')[2].strip().startswith('deb ')
    ]
    if not any(f' {suite} ' in line for line in lines):
        lines = []
    return [*options, suite, target, *(lines or [mirror])], Path(target), lines


def index_digests(
    sources: Sequence[str], architecture: str, fetch: Fetch
) -> dict[str, str]:
    """Return the digests of the package indexes of sources.

    They are read from the suites' Release files, whose signature is checked
    by apt when it uses them: a wrong one finds no tree, or an older one,
    which apt then upgrades.

    :param sources: lines of sources.list.
    :param architecture: Debian's name of it.
    :param fetch: returns what is at a URL.
    :raises OSError: a Release file cannot be had.
    :raises ValueError: a line or a file is not what it should be.
    """
    found: dict[str, str] = {}
    for line in sources:
        parts = _SOURCE.fullmatch(line.strip())
        if not parts:
            raise ValueError(f'not a source: {line}')
        url, suite, components = parts[1].rstrip('/'), parts[2], parts[3]
        text = fetch(f'{url}/dists/{suite}/InRelease').decode()
        digests = {name: digest for digest, name in _INDEX.findall(text)}
        for component in components.split():
            name = f'{component}/binary-{architecture}/Packages'
            # An archive lists the uncompressed index even if it has it only
            # compressed.
            if name not in digests:
                raise ValueError(f'{url} {suite} does not list {name}')
            found[f'{url} {suite} {name}'] = digests[name]
    return found


def key(
    argv: Sequence[str],
    target: Path,
    indexes: dict[str, str],
    files: Sequence[Path],
) -> str:
    """Return the name of a tree: a digest of what goes into it.

    :param argv: mmdebstrap's arguments.
    :param target: the folder among them, which does not matter.
    :param indexes: see :func:`index_digests`.
    :param files: the program, keyrings and apt's configuration.
    """
    total = hashlib.sha256(f'{_VERSION}\n'.encode())
    for word in argv:
        if word != str(target):
            total.update(f'{word}\n'.encode())
    for name, digest in sorted(indexes.items()):
        total.update(f'{name} {digest}\n'.encode())
    for file in sorted(files):
        content = hashlib.sha256(file.read_bytes()).hexdigest()
        total.update(f'{file} {content}\n'.encode())
    return total.hexdigest()


def main(argv: Sequence[str]) -> int:
    """Make a base tree, or take it from the cache.

    :param argv: mmdebstrap's arguments.
    :returns: the exit status.
    """
    host = process.Host(run_id=os.environ.get(process.RUN_VARIABLE, ''))
    program = real_program()
    try:
        words, target, sources = command(
            argv,
            sources=os.environ.get(SOURCES_VARIABLE, ''),
            packages=os.environ.get(PACKAGES_VARIABLE, ''),
        )
    except ValueError as exc:
        _say(f'not cached: {exc}')
        os.execv(program, [str(program), *argv])  # noqa: S606 - as we were
    folder = os.environ.get(CACHE_VARIABLE)
    tarball = None
    if folder and sources:
        tarball = _tarball(Path(folder), words, target, sources, program)
    try:
        if tarball and _unpack(tarball, target, host):
            return 0
        # HOME is the run's own folder: what a kill leaves there goes with it.
        temporary = {'TMPDIR': os.environ['HOME']}
        host.run([program, *words], env=temporary, on_line=_say)
        if tarball:
            _keep(tarball, target, host)
    except exceptions.CommandFailed as exc:
        _say(exc.message)
        return max(exc.returncode or 1, 1)
    return 0


def _tarball(
    folder: Path,
    words: Sequence[str],
    target: Path,
    sources: Sequence[str],
    program: Path,
) -> Path | None:
    architecture = next(
        (
            word.partition('=')[2]
            for word in words
            if word.startswith('--arch')
        ),
        '',
    )
    files = [program]
    for place in ('/etc/apt/trusted.gpg.d', '/usr/share/keyrings'):
        files += [path for path in Path(place).glob('*') if path.is_file()]
    files += [
        path
        for path in Path('/etc/apt/apt.conf.d').glob('*')
        if path.is_file()
    ]
    try:
        indexes = index_digests(sources, architecture, fetch)
    except (OSError, ValueError) as exc:
        _say(f'not cached: {exc}')
        return None
    return folder / f'{key(words, target, indexes, files)}.tar.zst'


def _unpack(tarball: Path, target: Path, host: process.Host) -> bool:
    if not tarball.is_file():
        return False
    _say(f'base tree {tarball.name} is cached')
    # The cache drops what was not used for long.
    os.utime(tarball)
    try:
        host.run([
            'tar', '--extract', '--zstd', '--numeric-owner', '--xattrs',
            '--xattrs-include=*', '--preserve-permissions',
            f'--directory={target}', f'--file={tarball}',
        ])  # fmt: skip
    except exceptions.CommandFailed as exc:
        _say(f'it is damaged, and made anew: {exc.message}')
        tarball.unlink(missing_ok=True)
        for path in target.iterdir():
            host.run(['rm', '--recursive', '--force', path])
        return False
    return True


def _keep(tarball: Path, target: Path, host: process.Host) -> None:
    cache = store_cache.Cache(tarball.parent)
    try:
        with cache.write(tarball) as partial:
            host.run([
                'tar', '--create', '--use-compress-program=zstd -1 -T0 -q',
                '--numeric-owner', '--xattrs', '--xattrs-include=*',
                '--one-file-system', f'--directory={target}',
                f'--file={partial}', '.',
            ])  # fmt: skip
    except (exceptions.CommandFailed, OSError) as exc:
        _say(f'the base tree was not cached: {exc}')


def real_program() -> Path:
    """Return the real mmdebstrap: the next one on PATH.

    What calls this module is known by its text: by its folder it would not
    be, where PATH goes through a link or to another installation, and the
    two would call each other for ever.
    """
    for folder in os.environ.get('PATH', os.defpath).split(os.pathsep):
        path = Path(folder, 'mmdebstrap')
        if os.access(path, os.X_OK) and not _calls_us(path):
            return path
    return Path('/usr/bin/mmdebstrap')


def _calls_us(path: Path) -> bool:
    with path.open('rb') as file:
        return _MODULE in file.read(_WRAPPER_MOST)


def fetch(url: str) -> bytes:
    """Return what is at a URL, by apt's proxy if the environment names none.

    :param url: http or https.
    :raises OSError: it cannot be had.
    :raises ValueError: it is a URL of another kind.
    """
    if not url.startswith(('http://', 'https://')):
        raise ValueError(f'{url} is not fetched')
    # Slow to import, and the plan looks at this module, too.
    import urllib.request

    known = apt_conf.proxies() | urllib.request.getproxies()
    opener = urllib.request.build_opener(urllib.request.ProxyHandler(known))
    with opener.open(url, timeout=_TIMEOUT) as answer:
        content: bytes = answer.read()
    return content


def _say(line: str) -> None:
    sys.stdout.write(f'{line}\n')
    sys.stdout.flush()


if __name__ == '__main__':
    raise SystemExit(main(sys.argv[1:]))
