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

"""Find what an image carries of the system that it was made from.

One table says what a generalised image must not have, and how each is
mended: rules judge by it, and what cleans an image acts by it, so that they
agree.  It is modelled on the operations of virt-sysprep (guestfs-tools,
sysprep/), and covers what those leave out of cloud images.
"""

import contextlib
import dataclasses
import fnmatch
import functools
import re
from collections.abc import Callable, Iterable, Iterator, Sequence

from image_pipeline.audit.guest import (
    accounts,
    release,
    residue_databases,
    residue_identity,
    residue_kind,
    residue_network,
    residue_traces,
)
from image_pipeline.disk import files

Kind = residue_kind.Kind
Mend = residue_kind.Mend

#: Every kind.
KINDS: tuple[Kind, ...] = (
    *residue_identity.KINDS,
    *residue_network.KINDS,
    *residue_traces.KINDS,
    *residue_databases.KINDS,
)
#: What virt-sysprep does, and this table does not, and why.
NOT_HERE = {
    'customize': 'what is put into an image is the work of elements',
    'script': 'what is put into an image is the work of elements',
    'firewall-rules': 'off in virt-sysprep, too: it may lay a guest open',
    'flag-reconfiguration': 'it asks a person at the console (BOOT-07)',
    'fs-uuids': 'off in virt-sysprep, too: fstab and boot loader name them',
    'lvm-uuids': 'there is no LVM in an image (EGI-LAYOUT-02)',
    'user-account': 'who may stay is a decision (HYG-16)',
}
#: Bytes of a file in which lines are looked for.
_MOST_TEXT = 1 << 20
#: Names below a folder that are looked at without a census.
_MOST_BELOW = 100_000

#: Gives what lies below a folder, however deep: path and stat of each.
Below = Callable[[str], Sequence[tuple[str, files.Stat]]]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Residue:
    """Something that was found.

    :param path: absolute, without links on the way to it: who mends it may
        act on it as it is.
    :param kind: what it is.
    :param stat: what is known of it; of a link itself.
    :param lines: the numbers of the lines that say it, from 1, where
        :attr:`Kind.line` is asked for.
    """

    path: str
    kind: Kind
    stat: files.Stat
    lines: tuple[int, ...] = ()


def kinds_of(rule: str) -> tuple[Kind, ...]:
    """Return the kinds of residue that a rule objects to.

    :param rule: its id.
    """
    return tuple(kind for kind in KINDS if kind.rule == rule)


def found(
    tree: files.FileTree,
    kinds: Iterable[Kind] = KINDS,
    below: Below | None = None,
) -> Iterator[Residue]:
    """Give everything of some kinds that is in an image, each path once.

    In a pattern, ``*``, ``?`` and ``[…]`` fit within one component, names
    that begin with a dot included; a last component ``**`` fits every file
    below, and ``**/`` before the last one fits any folders between; ``~/``
    is each home folder.  Links on the way are followed inside the image;
    the last component may be a link, which is then what was found.

    :param tree: the image's files.
    :param kinds: what is looked for.
    :param below: gives what lies below a folder; None: it is walked.
    """
    homes: list[str] | None = None
    family: str | None = None
    seen: set[str] = set()
    # A folder is looked at for several patterns, one after another.
    walk = functools.lru_cache(maxsize=1)(below or _walker(tree))
    for kind in kinds:
        if kind.families:
            family = family or release.family(release.os_release(tree)) or '-'
            if family not in kind.families:
                continue
        if any(_paths(tree, pattern, walk) for pattern in kind.unless):
            continue
        for pattern in kind.paths:
            if pattern.startswith('~/'):
                if homes is None:
                    homes = accounts.homes(tree)
                patterns = [f'{home}/{pattern[2:]}' for home in homes]
            else:
                patterns = [pattern]
            for one in patterns:
                for path in _paths(tree, one, walk):
                    if path in seen:
                        continue
                    residue = _judge(tree, path, kind)
                    if residue is not None:
                        seen.add(path)
                        yield residue


def _judge(tree: files.FileTree, path: str, kind: Kind) -> Residue | None:
    """Return what lies at a path, if it is residue of a kind."""
    if any(_fits(path, pattern) for pattern in kind.but):
        return None
    try:
        stat = tree.lstat(path)
        if stat.type is files.FileType.FILE:
            if stat.size == 0 and not kind.empty:
                return None
            return _judge_file(tree, path, stat, kind)
        if kind.line or kind.mend is not Mend.REMOVE:
            return None
        if stat.type is files.FileType.LINK and not kind.links:
            return None
        if stat.type is files.FileType.FOLDER and (
            kind.files or not (kind.empty or tree.listdir(path))
        ):
            return None
    except OSError:
        return None
    return Residue(path=path, kind=kind, stat=stat)


def _judge_file(
    tree: files.FileTree, path: str, stat: files.Stat, kind: Kind
) -> Residue | None:
    longest = max(map(len, kind.fine), default=0)
    if stat.size <= longest and tree.read_bytes(path) in kind.fine:
        return None
    if kind.line is None:
        return Residue(path=path, kind=kind, stat=stat)
    said = tree.read_text(path, _MOST_TEXT).splitlines()
    lines = tuple(
        number for number, text in enumerate(said, 1) if kind.line.match(text)
    )
    if not lines:
        return None
    return Residue(path=path, kind=kind, stat=stat, lines=lines)


def _walker(tree: files.FileTree) -> Below:
    def below(folder: str) -> list[tuple[str, files.Stat]]:
        found = []
        for path in tree.walk(folder, _MOST_BELOW):
            with contextlib.suppress(OSError):
                found.append((path, tree.lstat(path)))
        return found

    return below


def _paths(tree: files.FileTree, pattern: str, below: Below) -> list[str]:
    """Return the paths that a pattern fits, without links on the way."""
    base, deep, rest = pattern.partition('/**')
    if deep:
        fits = _name_pattern(rest[1:]).match
        return [
            path
            for folder in _paths(tree, base, below)
            for path, stat in below(_resolved(tree, folder))
            if (not rest or fits(path[path.rfind('/') + 1 :]))
            and stat.type is not files.FileType.FOLDER
        ]
    parent, _, name = pattern.rpartition('/')
    folders = (
        _paths(tree, parent, below) if _is_pattern(parent) else [parent or '/']
    )
    return [path for folder in folders for path in _in(tree, folder, name)]


def _in(tree: files.FileTree, folder: str, name: str) -> list[str]:
    """Return what fits a name in a folder."""
    try:
        folder = tree.resolve(folder).rstrip('/')
        if _is_pattern(name):
            return [
                f'{folder}/{one}'
                for one in tree.listdir(folder or '/')
                if fnmatch.fnmatchcase(one, name)
            ]
        tree.lstat(f'{folder}/{name}')
    except OSError:
        return []
    return [f'{folder}/{name}']


def _resolved(tree: files.FileTree, folder: str) -> str:
    try:
        return tree.resolve(folder)
    except OSError:
        return folder


@functools.cache
def _name_pattern(name: str) -> re.Pattern[str]:
    # For a hundred thousand names: fnmatchcase() looks its pattern up anew.
    return re.compile(fnmatch.translate(name))


def _is_pattern(text: str) -> bool:
    return any(char in text for char in '*?[')


def _fits(path: str, pattern: str) -> bool:
    """Tell whether a path, or a folder above it, fits a pattern."""
    wanted = pattern.split('/')
    given = path.split('/')
    return len(given) >= len(wanted) and all(
        fnmatch.fnmatchcase(name, part)
        for name, part in zip(given, wanted, strict=False)
    )
