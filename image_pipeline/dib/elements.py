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

"""Which elements diskimage-builder would use, where they are, what they are.

Dependencies are expanded by diskimage-builder itself, so that its rules
(an earlier folder wins, virtual elements) need not be known here.
"""

import contextlib
import dataclasses
import hashlib
import logging
import os
import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from image_pipeline import elements as own_elements
from image_pipeline import exceptions

#: The virtual element that a disk's layout provides.
BLOCK_DEVICE = 'block-device'


@dataclasses.dataclass(frozen=True, kw_only=True)
class Missing:
    """An element that is not there.

    :param name: its name.
    :param needed_by: the elements that depend on it; none: the recipe.
    :param hint: a name that looks like it, or None.
    """

    name: str
    needed_by: tuple[str, ...]
    hint: str | None


def search_path(*folders: Iterable[Path]) -> tuple[Path, ...]:
    """Return the folders of elements, the first one winning.

    :param folders: folders before ours and diskimage-builder's own.
    """
    from diskimage_builder import paths  # type: ignore[import-untyped]

    given = [folder for some in folders for folder in some]
    return (
        *given,
        own_elements.path(),
        Path(paths.get_path('elements')),
    )


def available(path: Sequence[Path]) -> dict[str, own_elements.Element]:
    """Return the elements that are there, by name.

    :param path: folders of elements, the first one winning.
    """
    return {found.name: found for found in own_elements.find(path)}


def reached(
    names: Iterable[str], known: Mapping[str, own_elements.Element]
) -> dict[str, own_elements.Element]:
    """Return elements and what they depend on, as far as it is there.

    :param names: the elements.
    :param known: those that are there.
    """
    found: dict[str, own_elements.Element] = {}
    waiting = list(names)
    while waiting:
        name = waiting.pop(0)
        if name in known and name not in found:
            found[name] = known[name]
            waiting.extend(known[name].deps)
    return found


def provided(names: Iterable[str], path: Sequence[Path]) -> set[str]:
    """Return the virtual elements that elements and what they need provide.

    :param names: the elements.
    :param path: folders of elements.
    """
    found = reached(names, available(path))
    return {word for one in found.values() for word in one.provides}


def expand(names: Sequence[str], path: Sequence[Path]) -> dict[str, Path]:
    """Return the elements that are used for a list of elements.

    :param names: the elements.
    :param path: folders of elements, the first one winning.
    :returns: an element's folder, by its name, sorted.
    :raises InvalidInput: one of them, or a dependency, is not there, or
        they do not go together.
    """
    from diskimage_builder import element_dependencies as dependencies

    with _quiet():
        try:
            found = dependencies.get_elements(
                list(names), ':'.join(map(str, path))
            )
        except dependencies.MissingOSException as exc:
            raise exceptions.InvalidInput(
                'no element brings an operating system',
                hint='add one, such as `debian-minimal`',
            ) from exc
        except dependencies.AlreadyProvidedException as exc:
            raise exceptions.InvalidInput(
                f'two elements bring the same thing: {exc}'
                if str(exc)
                else 'an element is listed that another one stands for',
                hint='take one of them out',
            ) from exc
        except (
            dependencies.MissingElementException,
            dependencies.InvalidElementDir,
        ) as exc:
            raise exceptions.InvalidInput(str(exc).strip()) from exc
    return {name: Path(folder) for name, folder in sorted(found)}


def missing(names: Sequence[str], path: Sequence[Path]) -> list[Missing]:
    """Return the elements that are not there.

    :param names: the elements; what they depend on is looked for, too.
    :param path: folders of elements, the first one winning.
    """
    known = available(path)
    virtual = {word for one in known.values() for word in one.provides}
    needed: dict[str, tuple[str, ...]] = dict.fromkeys(names, ())
    for name, one in reached(names, known).items():
        for word in one.deps:
            needed[word] = (*needed.get(word, ()), name)
    return [
        Missing(
            name=name,
            needed_by=by,
            hint=exceptions.did_you_mean(name, known),
        )
        for name, by in needed.items()
        # What something could provide, and nothing does, is DIB's to tell.
        if name not in known and not (by and name in virtual)
    ]


def digest(folder: Path) -> str:
    """Return a digest of an element: its files, their modes, their names.

    :param folder: the element's folder.
    :returns: ``sha256:`` and 64 hexadecimal digits.
    """
    total = hashlib.sha256()
    for path in sorted(_files(folder)):
        status = path.lstat()
        if stat.S_ISLNK(status.st_mode):
            kind, content = 'link', os.fsencode(path.readlink())
        else:
            kind = 'script' if status.st_mode & 0o111 else 'file'
            content = path.read_bytes()
        inside = path.relative_to(folder).as_posix()
        line = f'{kind} {len(content)} {inside}\n'
        total.update(line.encode(errors='surrogateescape'))
        total.update(content)
    return f'sha256:{total.hexdigest()}'


def _files(folder: Path) -> Iterator[Path]:
    for root, folders, files in os.walk(folder):
        folders[:] = [
            name
            for name in folders
            if name not in {'__pycache__', 'tests', 'test-elements'}
        ]
        for name in files:
            if not name.endswith(('.pyc', '~')):
                yield Path(root, name)
        for name in folders:
            if Path(root, name).is_symlink():
                yield Path(root, name)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep DIB from logging what is raised as an error here anyway."""
    logger = logging.getLogger('diskimage_builder')
    before = logger.disabled, logger.level, logger.propagate
    logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        logger.level = before[1]
