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

"""Turn residue into the changes that take it away."""

from collections.abc import Iterable, Iterator

from image_pipeline import exceptions
from image_pipeline.audit import view
from image_pipeline.audit.guest import residue, residue_kind
from image_pipeline.disk import edits, files


def found_in(
    image: view.ImageView, leave: Iterable[str] = ()
) -> list[residue.Residue]:
    """Return all residue in an image.

    :param image: the image.
    :param leave: kinds that may stay, by name.
    :raises CannotTell: the files cannot be read, or not all of them.
    """
    image.census.need_whole()
    return list(residue.found(image.files, kinds(leave), image.census.below))


def kinds(leave: Iterable[str]) -> list[residue.Kind]:
    """Return the kinds of residue that go.

    :param leave: those that may stay, by name.
    :raises NotFound: there is no such kind.
    """
    names = {kind.name for kind in residue.KINDS}
    for name in leave:
        if name not in names:
            raise exceptions.NotFound(
                f'there is no kind of residue "{name}"',
                hint=exceptions.did_you_mean(name, names)
                or f'kinds are {", ".join(sorted(names))}',
            )
    return [kind for kind in residue.KINDS if kind.name not in set(leave)]


def changes(
    tree: files.FileTree, found: Iterable[residue.Residue]
) -> Iterator[edits.Edit]:
    """Give the changes after which an image has no such residue.

    :param tree: the image's files.
    :param found: of :func:`image_pipeline.audit.guest.residue.found`.
    """
    for one in found:
        mend = one.kind.mend
        if mend is residue_kind.Mend.REMOVE:
            yield edits.Remove(path=one.path)
        elif mend is residue_kind.Mend.TRUNCATE:
            yield edits.Truncate(path=one.path)
        elif mend is residue_kind.Mend.WRITE:
            yield edits.Write(path=one.path, content=one.kind.default)
        else:
            lines = tree.read_bytes(one.path).splitlines(keepends=True)
            yield edits.Write(
                path=one.path,
                content=b''.join(
                    line
                    for number, line in enumerate(lines, 1)
                    if number not in one.lines
                ),
            )
