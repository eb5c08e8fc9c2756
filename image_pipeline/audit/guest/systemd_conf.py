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
"""Read configuration that is spread over folders, as systemd does.

Of a main file (``/etc/systemd/logind.conf``) the first one found is read, of
drop-ins (``logind.conf.d/*.conf``) every one: in the order of their names,
whatever folder they are in, and where two have one name, that of the earlier
folder.  A drop-in that is empty or a link to ``/dev/null`` hides its
namesakes.  See CONFIGURATION DIRECTORIES AND PRECEDENCE in logind.conf(5).
"""

import dataclasses
from collections.abc import Iterable, Iterator, Mapping

from image_pipeline import exceptions
from image_pipeline.audit.guest import text
from image_pipeline.disk import files

#: Where configuration is, the folder that wins first (CONF_PATHS of
#: systemd's constants.h; ``/lib`` is another one before the merge of
#: ``/usr``).
FOLDERS = ('/etc', '/run', '/usr/local/lib', '/usr/lib', '/lib')
#: Files of one folder that are read; with more of them nothing is known.
_MOST_FILES = 1_000


@dataclasses.dataclass(frozen=True, kw_only=True)
class Setting:
    """One assignment.

    :param line: where it is.
    :param value: what is assigned; empty resets what was said before.
    """

    line: text.Line
    value: str


class Ini:
    """Files of sections and assignments, read one after the other.

    :param settings: by section and key, in the order of reading.
    :param paths: the files that were read.
    """

    def __init__(
        self,
        settings: Mapping[tuple[str, str], list[Setting]],
        paths: Iterable[str] = (),
    ) -> None:
        self._settings = settings
        self.paths = tuple(paths)

    @property
    def sections(self) -> tuple[str, ...]:
        """The sections in which anything is said, in the order of reading."""
        return tuple(dict.fromkeys(section for section, _ in self._settings))

    def get(self, section: str, key: str) -> Setting | None:
        """Return the assignment that holds, or None: systemd's default.

        :param section: such as ``Login``.
        :param key: such as ``NAutoVTs``.
        """
        found = self.all(section, key)
        return found[-1] if found else None

    def all(self, section: str, key: str) -> list[Setting]:
        """Return the assignments of a list since it was last reset.

        :param section: such as ``Unit``.
        :param key: such as ``Wants``.
        """
        found: list[Setting] = []
        for setting in self._settings.get((section, key), ()):
            found = [*found, setting] if setting.value else []
        return found

    def words(self, section: str, key: str) -> list[str]:
        """Return the words of all assignments of a list.

        :param section: such as ``Unit``.
        :param key: such as ``Wants``.
        """
        return [
            word
            for setting in self.all(section, key)
            for word in setting.value.split()
        ]

    def __bool__(self) -> bool:
        """Whether anything is said."""
        return bool(self._settings)


def read(tree: files.FileTree, name: str, within: str = 'systemd') -> Ini:
    """Return a program's configuration, with its drop-ins.

    :param tree: the image's files.
    :param name: of the main file, such as ``journald.conf``.
    :param within: the folder below ``/etc`` and the others.
    """
    found = []
    for folder in FOLDERS:
        path = f'{folder}/{within}/{name}'
        if tree.is_file(path):
            found = [path]
            break
    return parse(tree, [*found, *paths(tree, f'{within}/{name}.d')])


def paths(
    tree: files.FileTree, folder: str, suffix: str = '.conf'
) -> list[str]:
    """Return the files of a folder that count, in the order of reading.

    :param tree: the image's files.
    :param folder: below ``/etc`` and the others, such as ``sysctl.d``.
    :param suffix: of the files that are read.
    """
    return merged(tree, [f'{root}/{folder}' for root in FOLDERS], suffix)


def merged(
    tree: files.FileTree, folders: Iterable[str], suffix: str = '.conf'
) -> list[str]:
    """Return the files of several folders that count, sorted by name.

    :param tree: the image's files.
    :param folders: absolute, the one that wins first.
    :param suffix: of the files that are read.
    :raises ImageUnreadable: there are too many of them.
    """
    found: dict[str, str] = {}
    for folder in folders:
        for name in names(tree, folder):
            if name.endswith(suffix):
                found.setdefault(name, f'{folder}/{name}')
    if len(found) > _MOST_FILES:
        raise exceptions.ImageUnreadable(
            f'more than {_MOST_FILES} files of configuration in one folder'
        )
    return [
        path for _, path in sorted(found.items()) if not is_mask(tree, path)
    ]


def names(tree: files.FileTree, folder: str) -> list[str]:
    """Return the names in a folder, none if there is no such folder.

    :param tree: the image's files.
    :param folder: absolute.
    """
    try:
        return tree.listdir(folder)
    except OSError:
        return []


def is_mask(tree: files.FileTree, path: str) -> bool:
    """Tell whether a path hides what has its name: empty, or /dev/null.

    :param tree: the image's files.
    :param path: absolute.
    """
    try:
        stat = tree.lstat(path)
        if stat.type is files.FileType.LINK:
            if stat.link == '/dev/null':
                return True
            stat = tree.stat(path)
    except OSError:
        return False
    if stat.type is files.FileType.FILE:
        return stat.size == 0
    return tree.resolve(path) == '/dev/null'


def parse(tree: files.FileTree, found: Iterable[str]) -> Ini:
    """Read files one after the other.

    :param tree: the image's files.
    :param found: their paths.
    """
    settings: dict[tuple[str, str], list[Setting]] = {}
    read_paths = tuple(found)
    for path in read_paths:
        section = ''
        for line in _joined(text.lines(tree, path)):
            said = line.text.strip()
            if said.startswith('['):
                section = said.strip('[]')
                continue
            key, equals, value = said.partition('=')
            if equals:
                settings.setdefault((section, key.rstrip()), []).append(
                    Setting(line=line, value=value.lstrip())
                )
    return Ini(settings, read_paths)


def _joined(lines: Iterable[text.Line]) -> Iterator[text.Line]:
    """Give lines without comments, continued ones as one."""
    first: text.Line | None = None
    parts: list[str] = []
    for line in lines:
        bare = line.text.strip()
        if bare.startswith(('#', ';')) or (not bare and first is None):
            # A comment between continued lines is left out, too.
            continue
        first = first or line
        if bare.endswith('\\'):
            parts.append(bare[:-1].rstrip())
            continue
        parts.append(bare)
        yield dataclasses.replace(first, text=' '.join(parts).strip())
        first, parts = None, []
    if first is not None:
        yield dataclasses.replace(first, text=' '.join(parts).strip())
