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

"""Collect what a rule changes, each file once.

Lines are named as rules found them, whatever was changed in their file
before; what is not touched keeps its bytes.
"""

from collections.abc import Iterable, Iterator

from image_pipeline.audit.guest import text
from image_pipeline.disk import edits, files

#: GRUB writes over its environment in place, and so never changes its size
#: (GRUB manual, "Environment block").
_GRUB_ENVIRONMENT = 1024
_MOST = 4 << 20


class Draft:
    """Changes of an image's files, before they are made.

    :param tree: the image's files.
    """

    def __init__(self, tree: files.FileTree) -> None:
        self.tree = tree
        self._lines: dict[str, dict[int, str | None]] = {}
        self._first: dict[str, list[str]] = {}
        self._last: dict[str, list[str]] = {}
        self._modes: dict[str, int] = {}
        self._others: dict[str, edits.Edit] = {}

    def said(self, line: text.Line) -> str | None:
        """Return what a line says by now; None: it is gone.

        :param line: as it was found.
        """
        return self._lines.get(line.path, {}).get(line.number, line.text)

    def replace(self, line: text.Line, said: str) -> None:
        """Let a line say something else.

        :param line: as it was found.
        :param said: without its end.
        """
        self._lines.setdefault(line.path, {})[line.number] = said

    def drop(self, line: text.Line) -> None:
        """Take a line away, as one with a secret must be.

        :param line: as it was found.
        """
        self._lines.setdefault(line.path, {})[line.number] = None

    def comment(self, line: text.Line) -> None:
        """Let a line say nothing, but leave it to be read.

        :param line: as it was found.
        """
        if not line.is_comment:
            self.replace(line, f'# {line.text}')

    def prepend(self, path: str, *lines: str, mode: int | None = None) -> None:
        """Put lines before all others of a file, which may be new.

        :param path: the file.
        :param lines: without their ends.
        :param mode: of a file that is made.
        """
        self._first.setdefault(path, []).extend(lines)
        self._make(path, mode)

    def append(self, path: str, *lines: str, mode: int | None = None) -> None:
        """Put lines after all others of a file, which may be new.

        :param path: the file.
        :param lines: without their ends.
        :param mode: of a file that is made.
        """
        self._last.setdefault(path, []).extend(lines)
        self._make(path, mode)

    def write(self, path: str, said: str) -> None:
        """Give a file another content, whatever it says; it may be new.

        :param path: the file.
        :param said: what it says from now on.
        """
        for line in text.lines(self.tree, path):
            self.drop(line)
        self._last[path] = said.splitlines()

    def remove(self, path: str) -> None:
        """Remove a file, a link or a folder.

        :param path: a link is not followed at its end.
        """
        place = self._place(path)
        self._others[place] = edits.Remove(path=place)

    def link(self, path: str, target: str) -> None:
        """Make a symbolic link in the place of what is there.

        :param path: a link is not followed at its end.
        :param target: where it points.
        """
        place = self._place(path)
        self._others[place] = edits.Link(path=place, target=target)

    def mode(self, path: str, mode: int) -> None:
        """Set the permission bits of what is there.

        :param path: links are followed.
        :param mode: the bits.
        """
        place = self.tree.resolve(path)
        self._others[place] = edits.Mode(path=place, mode=mode)

    def edits(self) -> Iterator[edits.Edit]:
        """Give what changes, each file once; not what was so before."""
        for path in dict.fromkeys((*self._lines, *self._first, *self._last)):
            before = self._read(path)
            content = self._content(path, before)
            if content != before:
                yield edits.Write(
                    path=self._resolved(path),
                    content=content,
                    mode=self._modes.get(path),
                )
        yield from self._others.values()

    def _make(self, path: str, mode: int | None) -> None:
        if mode is not None and not self.tree.exists(path):
            self._modes[path] = mode

    def _content(self, path: str, before: bytes) -> bytes:
        changed = self._lines.get(path, {})
        said = []
        # The same boundaries of lines as rules see.
        whole = before.decode('utf-8', 'surrogateescape')
        for number, line in enumerate(whole.splitlines(keepends=True), 1):
            new = changed.get(number, '')
            if number not in changed:
                said.append(line)
            elif new is not None:
                said.append(new + line[len(line.rstrip('\r\n')) :])
        first = self._first.get(path, [])
        last = self._last.get(path, [])
        if last and said and not said[-1].endswith('\n'):
            said.append('\n')
        made = ''.join((*_ended(first), *said, *_ended(last)))
        content = made.encode('utf-8', 'surrogateescape')
        if path.endswith('/grubenv'):
            content = content.rstrip(b'#').ljust(_GRUB_ENVIRONMENT, b'#')
        return content

    def _read(self, path: str) -> bytes:
        try:
            return self.tree.read_bytes(path, _MOST)
        except OSError:
            return b''

    def _resolved(self, path: str) -> str:
        try:
            return self.tree.resolve(path)
        except OSError:
            return self._place(path)

    def _place(self, path: str) -> str:
        """Return a path whose folders are no links, as far as they exist."""
        parent, _, name = path.rstrip('/').rpartition('/')
        if not parent:
            return f'/{name}'
        return f'{self._resolved(parent).rstrip("/")}/{name}'


def _ended(lines: Iterable[str]) -> Iterator[str]:
    for line in lines:
        yield f'{line}\n'
