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

"""The locks of the state folder, by what they protect.

They are taken in the order recipe, step, digest, name; whoever keeps to it
cannot be locked out by somebody who waits for him.
"""

import hashlib
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from image_pipeline.host import locks

Held = locks.Held
_SAFE = re.compile(r'[^A-Za-z0-9._+-]')


class Locks:
    """Locks between all runs that use one state folder.

    :param root: the folder of the lock files; made when first needed.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def recipe(self, name: str, *, run: str | None = None) -> locks.FileLock:
        """Return the lock of a recipe: one run of it at a time.

        :param name: the recipe's name.
        :param run: the run that is to hold it.
        """
        note: Mapping[str, Any] = {'run': run, 'pid': os.getpid()}
        return self._lock('recipe', name, note)

    def step(self, step_id: str) -> locks.FileLock:
        """Return the lock of a step id: the same work is done once.

        :param step_id: the step's identity.
        """
        # A part of it, so that the files do not become ever more; two steps
        # that meet by chance are done one after the other.
        return self._lock('step', step_id[:4], {'pid': os.getpid()})

    def digest(self, digest: str) -> locks.FileLock:
        """Return the lock of an artifact's folder.

        :param digest: 64 hexadecimal digits.
        """
        # Few files for many digests: the first byte is enough to keep
        # writers of one digest apart.
        return self._lock('digest', digest[:2], None)

    def name(self, name: str) -> locks.FileLock:
        """Return the lock of an image name in the local catalogue.

        :param name: the image's final name.
        """
        return self._lock('name', name, {'pid': os.getpid()})

    def database(self) -> locks.FileLock:
        """Return the lock under which the run database is set up."""
        return self._lock('database', 'setup', None)

    def _lock(
        self, kind: str, name: str, note: Mapping[str, Any] | None
    ) -> locks.FileLock:
        self.root.mkdir(parents=True, exist_ok=True)
        safe = _SAFE.sub('_', name)
        if safe != name or len(safe) > 100:
            digest = hashlib.sha256(name.encode()).hexdigest()[:16]
            safe = f'{safe[:80]}-{digest}'
        return locks.FileLock(self.root / f'{kind}-{safe}', note=note)
