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

"""Read text files of an image line by line."""

import dataclasses
import shlex

from image_pipeline import exceptions
from image_pipeline.disk import files

#: Of a file, in bytes.
_MOST = 4 << 20

#: Of a file.  No configuration comes near it, while two million empty lines
#: fit into 4 MiB, and each rule that reads them would take seconds.
_MOST_LINES = 200_000


@dataclasses.dataclass(frozen=True, kw_only=True)
class Line:
    """One line of a file of the image.

    :param path: the file.
    :param number: the line, from 1.
    :param text: without its end.
    """

    path: str
    number: int
    text: str

    @property
    def is_comment(self) -> bool:
        """Whether it says nothing: empty, or a comment."""
        bare = self.text.strip()
        return not bare or bare.startswith('#')


def lines(tree: files.FileTree, path: str) -> list[Line]:
    """Return a text file's lines; none if there is no such file.

    :param tree: the image's files.
    :param path: absolute.
    :raises ImageUnreadable: there are more than 200 000; what is not read to
        its end must not pass for what was.
    """
    try:
        text = tree.read_text(path, _MOST)
    except OSError:
        return []
    # Counted before it is split: a list of them takes memory, too.
    if text.count('\n') > _MOST_LINES:
        raise _too_many(path)
    split = text.splitlines()
    if len(split) > _MOST_LINES:
        raise _too_many(path)
    return [
        Line(path=path, number=number, text=line)
        for number, line in enumerate(split, 1)
    ]


def _too_many(path: str) -> exceptions.ImageUnreadable:
    return exceptions.ImageUnreadable(
        f'{path} has more than {_MOST_LINES:,} lines'.replace(',', ' ')
    )


def said(tree: files.FileTree, path: str) -> list[Line]:
    """Return a file's lines without comments and empty ones.

    :param tree: the image's files.
    :param path: absolute.
    :raises ImageUnreadable: as `lines` does.
    """
    return [line for line in lines(tree, path) if not line.is_comment]


def unquote(text: str) -> str:
    """Return what a shell makes of an assignment's value.

    :param text: the value, quoted or not, perhaps with a comment.
    """
    try:
        return ' '.join(shlex.split(text, comments=True))
    except ValueError:
        return text.strip('"\'')
