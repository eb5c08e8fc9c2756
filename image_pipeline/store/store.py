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

"""The state folder: the one home of all state on disk."""

import os
from pathlib import Path

from image_pipeline import exceptions
from image_pipeline.store import (
    artifacts,
    cache,
    files,
    locks,
    runs,
    steps,
)


class Store:
    """The state folder.

    ::

        runs/<run id>/          manifest, journal, logs, recipe, events
        artifacts/<sha256>/     one file each, read-only
        steps/<step id>.json    what a step made
        cache/                  base trees, packages, probed facts
        catalogue/              the local target's images
        locks/                  empty files to hold flocks on

    :param state_dir: the folder.
    """

    def __init__(self, state_dir: Path) -> None:
        self.state_dir = state_dir
        self.locks = locks.Locks(state_dir / 'locks')
        self.runs = runs.Runs(state_dir / 'runs')
        self.artifacts = artifacts.Artifacts(
            state_dir / 'artifacts' / 'sha256', self.locks
        )
        self.steps = steps.Steps(state_dir / 'steps')
        self.cache = cache.Cache(state_dir / 'cache')

    @property
    def database(self) -> Path:
        """The file of TaskFlow's persistence, unless the site has another."""
        return self.state_dir / 'taskflow.sqlite'

    def prepare(self) -> None:
        """Make the folder, and see that it can be written.

        :raises InvalidInput: it cannot; nothing was touched.
        """
        try:
            self.state_dir.mkdir(parents=True, exist_ok=True)
            self.locks.root.mkdir(exist_ok=True)
        except OSError as exc:
            raise _unusable(self.state_dir, exc) from exc
        if not os.access(self.state_dir, os.W_OK | os.X_OK):
            raise exceptions.InvalidInput(
                f'the state folder {self.state_dir} cannot be written',
                hint='run as the user who owns it, or set another one: '
                '[DEFAULT] state_dir',
            )


def _unusable(path: Path, exc: OSError) -> exceptions.InvalidInput:
    shown = files.explain(exc, path)
    return exceptions.InvalidInput(
        f'the state folder {path} cannot be used: {exc.strerror}',
        hint=shown.hint or 'set another one: [DEFAULT] state_dir',
    )
