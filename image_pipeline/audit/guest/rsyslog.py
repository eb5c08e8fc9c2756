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
"""Read what rsyslog does with a message.

Its configuration is one list of statements, in the order in which the files
include each other; a message passes them one by one until one stops it.
Both of its languages are read as far as rules need it: which files are
written, which programs are filtered, and what is discarded.
"""

import dataclasses
import re
from collections.abc import Iterator

from image_pipeline import exceptions
from image_pipeline.audit.guest import text
from image_pipeline.disk import files

PROGRAMS = ('/usr/sbin/rsyslogd', '/sbin/rsyslogd')
MAIN = '/etc/rsyslog.conf'
#: Where distributions keep what comes from everybody.
MAIN_LOGS = frozenset({'/var/log/syslog', '/var/log/messages'})
_MOST_DEEP, _MOST_FILES, _MOST_LINES = 5, 200, 50_000
_INCLUDE = re.compile(
    r'^\s*(?:\$IncludeConfig\s+(\S+)'
    r'|include\s*\(.*?\bfile\s*=\s*"([^"]+)".*)',
    re.IGNORECASE,
)
_FILE = re.compile(r'\bfile\s*=\s*"([^"]+)"', re.IGNORECASE)
_OMFILE = re.compile(r'\btype\s*=\s*"omfile"', re.IGNORECASE)
#: The action of the old language: ``selector -/path;template``.
_PATH = re.compile(r'(?:^|\s|&)-?(/[^\s;"\'{}()]+)(?:;\S+)?(?:\s*})?$')
_DISCARD = re.compile(r'\bstop\b|(?:^|[\s&"])~\s*$')
#: What is no statement about messages.
_SETTING = re.compile(
    r'^\s*(\$|(module|global|input|template|ruleset|main_queue|parser'
    r'|timezone|lookup_table)\s*\()',
    re.IGNORECASE,
)
_EVERYTHING = re.compile(r'^\s*\S*\*\.(\*|info|=?info)\b|^\s*\*\.\*')
#: Quoted words; what is not closed goes to the line's end.
_QUOTED = re.compile(r'"(?:[^"\\]|\\.?)*(?:"|$)|\'(?:[^\'\\]|\\.?)*(?:\'|$)')


@dataclasses.dataclass(frozen=True, kw_only=True)
class Statement:
    """One statement, with the actions that belong to it.

    :param lines: as they stand in a file.
    """

    lines: tuple[text.Line, ...]

    @property
    def first(self) -> text.Line:
        """Its first line."""
        return self.lines[0]

    @property
    def discards(self) -> bool:
        """Whether it takes a message off the list."""
        return any(_DISCARD.search(line.text) for line in self.lines)

    @property
    def targets(self) -> list[tuple[text.Line, str]]:
        """The files that it writes; not those whose name is made up."""
        if _SETTING.match(self.first.text):
            return []
        whole = '\n'.join(line.text for line in self.lines)
        pattern = _FILE if _OMFILE.search(whole) else _PATH
        return [
            (line, match[1])
            for line in self.lines
            for match in pattern.finditer(line.text.rstrip())
            if not match[1].startswith('/dev/')
        ]

    @property
    def is_main(self) -> bool:
        """Whether it writes what comes from everybody."""
        return bool(_EVERYTHING.match(self.first.text)) and any(
            path in MAIN_LOGS for _, path in self.targets
        )

    def filters(self, program: str) -> bool:
        """Tell whether it asks for messages of a program.

        :param program: such as ``dhclient``.
        """
        asked = re.compile(rf'["\']{re.escape(program)}\b')
        return bool(
            re.match(r'\s*(if\b|:)', self.first.text)
            and any(asked.search(line.text) for line in self.lines)
        )


def is_installed(tree: files.FileTree) -> bool:
    """Tell whether there is rsyslog.

    :param tree: the image's files.
    """
    return any(tree.is_file(path) for path in PROGRAMS)


def statements(tree: files.FileTree) -> list[Statement]:
    """Return rsyslog's statements, in the order of their effect.

    :param tree: the image's files.
    """
    found: list[list[text.Line]] = []
    depth, open_ = 0, False
    for line in lines(tree):
        bare = _QUOTED.sub('', line.text).strip()
        goes_on = bool(found) and (
            depth > 0 or open_ or bare.startswith(('&', '{', 'else'))
        )
        if goes_on:
            found[-1].append(line)
        else:
            found.append([line])
        depth += sum(bare.count(char) for char in '{(')
        depth = max(0, depth - sum(bare.count(char) for char in '})'))
        open_ = bare.endswith(('\\', 'then'))
    return [Statement(lines=tuple(one)) for one in found]


def lines(tree: files.FileTree) -> list[text.Line]:
    """Return the lines that say something, files included where they are.

    :param tree: the image's files.
    """
    found = []
    for line in _lines(tree, MAIN, _MOST_DEEP):
        found.append(line)
        if len(found) >= _MOST_LINES:
            break
    return found


def _lines(tree: files.FileTree, path: str, deep: int) -> Iterator[text.Line]:
    for line in text.said(tree, path):
        include = _INCLUDE.match(line.text)
        if include is None:
            yield line
            continue
        pattern = include[1] or include[2]
        if tree.is_folder(pattern):
            pattern = f'{pattern.rstrip("/")}/*'
        paths = tree.glob(pattern)
        if len(paths) > _MOST_FILES:
            raise exceptions.ImageUnreadable(
                f'{pattern} are more than {_MOST_FILES} files'
            )
        for included in paths if deep else ():
            yield from _lines(tree, included, deep - 1)
