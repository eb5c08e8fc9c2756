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

"""Folders that outlive a run: base trees, packages, probed facts."""

import contextlib
import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any


class Cache:
    """The cache part of the state folder.

    Everything in it may be deleted at any time while no run uses it.

    :param root: the folder; made when first needed.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def folder(self, name: str) -> Path:
        """Return a folder for one purpose, made if need be.

        :param name: such as ``base-trees`` or ``packages``.
        """
        path = self.root / name
        path.mkdir(parents=True, exist_ok=True)
        return path

    def load(self, name: str, key: str) -> Any:
        """Return a small remembered fact, or None.

        :param name: the folder.
        :param key: the fact's name, safe as a file name.
        """
        try:
            return json.loads((self.root / name / f'{key}.json').read_text())
        except (OSError, ValueError):
            return None

    def save(self, name: str, key: str, value: Any) -> None:
        """Remember a small fact; the last writer wins.

        :param name: the folder.
        :param key: the fact's name, safe as a file name.
        :param value: JSON values.
        """
        with self.write(self.folder(name) / f'{key}.json') as path:
            path.write_text(json.dumps(value, sort_keys=True))

    @contextlib.contextmanager
    def write(self, path: Path) -> Iterator[Path]:
        """Give a temporary file that becomes ``path`` at once at the end.

        :param path: the cache file to make or replace.
        """
        handle, name = tempfile.mkstemp(
            prefix=f'.{path.name}.', dir=path.parent
        )
        os.close(handle)
        temporary = Path(name)
        try:
            yield temporary
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
