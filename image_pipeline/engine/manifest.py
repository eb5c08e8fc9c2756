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

"""The record of a run, kept up to date while it goes on."""

import os
import platform
import socket
import threading
from collections.abc import Mapping
from typing import Any

from image_pipeline import artifact
from image_pipeline.engine import events, result
from image_pipeline.host import process
from image_pipeline.recipe import plan as recipe_plan
from image_pipeline.store import runs as store_runs


def begin(
    plan: recipe_plan.Plan,
    *,
    run_id: str,
    force: bool,
    keep_on_failure: bool,
) -> dict[str, Any]:
    """Return the manifest that a run begins with.

    :param plan: the plan.
    :param run_id: the run.
    :param force: whether every step is to run.
    :param keep_on_failure: whether what failed is left for a look.
    """
    return {
        'version': 1,
        'run': run_id,
        'recipe': plan.recipe.name,
        'state': str(artifact.RunState.RUNNING),
        'started': events.now(),
        'finished': None,
        'seconds': 0.0,
        'attempts': 1,
        'force': force,
        'keep_on_failure': keep_on_failure,
        'host': socket.gethostname(),
        'pid': os.getpid(),
        'versions': versions(),
        'plan': plan.to_json(),
        'taskflow': None,
        'steps': {},
        'images': [],
        'undone': [],
        'error': None,
    }


def versions() -> dict[str, str]:
    """Return the versions of what a run depends on beside its stages."""
    from importlib import metadata

    found = {
        'python': platform.python_version(),
        'kernel': platform.release(),
    }
    for name in ('image-pipeline', 'taskflow', 'diskimage-builder'):
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


class Manifest:
    """The manifest of one run, written after every change.

    :param run: the run.
    :param value: what it holds so far.
    :param redact: takes secrets out.
    """

    def __init__(
        self,
        run: store_runs.Run,
        value: Mapping[str, Any],
        redact: process.Redactor,
    ) -> None:
        self._run = run
        self._value = dict(value)
        self._redact = redact
        self._lock = threading.Lock()

    def get(self, name: str) -> Any:
        """Return one of its values.

        :param name: its key.
        """
        return self._value[name]

    def update(self, **values: Any) -> None:
        """Change values of the run; they are on disk on return.

        :param values: JSON values by key.
        """
        with self._lock:
            self._value.update(values)
            self._save(sync=True)

    def step(self, key: str, **values: Any) -> None:
        """Change values of a step.

        :param key: the step's key.
        :param values: JSON values by key.
        """
        with self._lock:
            self._value['steps'].setdefault(key, {}).update(values)
            # Of steps, the journal and the step records are the truth.
            self._save(sync=False)

    def finished(self, done: result.StepResult) -> None:
        """Write down what came of a step.

        :param done: what came of it.
        """
        self.step(done.key, finished=events.now(), **done.to_json())

    def _save(self, *, sync: bool) -> None:
        self._run.save_manifest(self._redact.values(self._value), sync=sync)
