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

"""Change the files of a FAT file system in a raw disk, without mounting.

mtools does it.  An EFI system partition has no owners, modes or links.
"""

import tempfile
from collections.abc import Iterable
from pathlib import Path

from image_pipeline import exceptions
from image_pipeline.disk import edits
from image_pipeline.host import process

#: What it runs.
EXECUTABLES = ('mattrib', 'mcopy', 'mdeltree', 'mmd')


class FatEditor:
    """Changes files in a FAT file system.

    :param disk: a raw disk that may be written to.
    :param start: where the file system begins, in bytes.
    :param host: runs the programs.
    """

    def __init__(
        self, disk: Path, start: int, *, host: process.Runner
    ) -> None:
        self._image = f'{disk}@@{start}'
        self._host = host

    def apply(self, changes: Iterable[edits.Edit]) -> None:
        """Make changes; see :class:`image_pipeline.disk.edits.Editor`."""
        for change in changes:
            try:
                self._apply(change)
            except exceptions.CommandFailed as exc:
                raise exceptions.StageFailed(
                    f'cannot {change} in a FAT file system: {exc.message}'
                ) from exc

    def _apply(self, change: edits.Edit) -> None:
        path = f'::{change.path}'
        if isinstance(change, edits.Remove):
            if self._exists(path):
                self._run('mdeltree', path)
        elif isinstance(change, edits.Write | edits.Truncate):
            content = b''
            if isinstance(change, edits.Write):
                content = change.content
                self._make_folders(change.path)
            with tempfile.NamedTemporaryFile() as file:
                file.write(content)
                file.flush()
                self._run('mcopy', '-o', file.name, path)
        elif isinstance(change, edits.Link):
            raise exceptions.StageFailed(
                f'cannot {change}: a FAT file system has no links'
            )

    def _make_folders(self, path: str) -> None:
        parts = path.strip('/').split('/')[:-1]
        for count in range(1, len(parts) + 1):
            folder = '::/' + '/'.join(parts[:count])
            if not self._exists(folder):
                self._run('mmd', folder)

    def _exists(self, path: str) -> bool:
        # mattrib looks at one entry, a folder's own too.
        done = self._host.run(
            ['mattrib', '-i', self._image, path], ok=range(256)
        )
        return done.returncode == 0 and bool(done.stdout.strip())

    def _run(self, program: str, *arguments: str) -> None:
        self._host.run([program, '-i', self._image, *arguments])
