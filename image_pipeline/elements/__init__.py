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

"""diskimage-builder elements, as package data.

An element is a folder beside this module; it works inside the image.  The
names of what is in it are its interface, see diskimage-builder's manual.
"""

import dataclasses
from collections.abc import Iterable
from pathlib import Path


@dataclasses.dataclass(frozen=True, kw_only=True, order=True)
class Element:
    """What a folder says about itself.

    :param name: the element's name, as a recipe spells it.
    :param path: its folder.
    :param summary: the first line of its README below the title, or ``''``.
    :param deps: the elements that it brings along, from ``element-deps``.
    :param provides: what it can stand for, from ``element-provides``.
    """

    name: str
    path: Path
    summary: str
    deps: tuple[str, ...]
    provides: tuple[str, ...]


def path() -> Path:
    """Return the folder that holds our elements, for ``ELEMENTS_PATH``."""
    return Path(__file__).resolve().parent


def names() -> tuple[str, ...]:
    """Return the names of our elements, sorted."""
    return tuple(element.name for element in find([path()]))


def find(folders: Iterable[Path]) -> tuple[Element, ...]:
    """Return the elements in folders, sorted by name.

    Of two with one name the first is taken, as diskimage-builder does.
    Folders that do not exist have none.

    :param folders: in the order of ``ELEMENTS_PATH``.
    """
    found: dict[str, Element] = {}
    for folder in folders:
        if not folder.is_dir():
            continue
        for candidate in folder.iterdir():
            if candidate.name not in found and _is_element(candidate):
                found[candidate.name] = read(candidate)
    return tuple(sorted(found.values()))


def read(folder: Path) -> Element:
    """Return what an element's folder says about itself.

    :param folder: the element.
    """
    return Element(
        name=folder.name,
        path=folder,
        summary=_summary(folder / 'README.rst'),
        deps=_words(folder / 'element-deps'),
        provides=_words(folder / 'element-provides'),
    )


def _is_element(folder: Path) -> bool:
    return folder.is_dir() and not folder.name.startswith(('.', '_'))


def _words(file: Path) -> tuple[str, ...]:
    if not file.is_file():
        return ()
    lines = file.read_text(encoding='utf-8', errors='replace').splitlines()
    words = (line.partition('#')[0].split() for line in lines)
    return tuple(word for line in words for word in line)


def _summary(readme: Path) -> str:
    """Return the first line that is neither empty, title nor adornment."""
    if not readme.is_file():
        return ''
    text = readme.read_text(encoding='utf-8', errors='replace')
    lines = [line.strip() for line in text.splitlines()]
    after_title = False
    for line in lines:
        if line and len(set(line)) == 1 and not line[0].isalnum():
            continue
        if line and after_title:
            return line
        after_title = after_title or bool(line)
    return ''
