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

"""What each step made, by the step's identity."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from image_pipeline import artifact
from image_pipeline.store import files


@dataclasses.dataclass(frozen=True, kw_only=True)
class StepRecord:
    """A step that was done.

    :param step_id: its identity, 64 hexadecimal digits.
    :param run: the run that did it.
    :param identity: what the identity was computed of.
    :param artifacts: what it made, by kind.
    :param finished: when, ISO 8601, UTC.
    :param seconds: how long it took.
    """

    step_id: str
    run: str
    identity: Mapping[str, Any]
    artifacts: Mapping[str, artifact.Artifact]
    finished: str
    seconds: float

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {
            'step_id': self.step_id,
            'run': self.run,
            'identity': dict(self.identity),
            'artifacts': [made.to_json() for made in self.artifacts.values()],
            'finished': self.finished,
            'seconds': self.seconds,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> 'StepRecord':
        """Make one of what :meth:`to_json` returned."""
        made = [artifact.Artifact.from_json(one) for one in value['artifacts']]
        return cls(
            step_id=value['step_id'],
            run=value['run'],
            identity=value['identity'],
            artifacts={one.kind: one for one in made},
            finished=value['finished'],
            seconds=value['seconds'],
        )


class Steps:
    """Records of steps: ``<root>/<step id>.json``.

    :param root: the folder; made when first needed.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def load(self, step_id: str) -> StepRecord | None:
        """Return the record of a step, or None.

        :param step_id: its identity.
        """
        return _record(self.root / f'{step_id}.json')

    def latest(self, recipe: str, key: str) -> StepRecord | None:
        """Return what a recipe's step was when it was last done, or None.

        :param recipe: the recipe's name.
        :param key: the step's key in the plan.
        """
        value = files.load_json(self._latest(recipe, key))
        return self.load(value['step_id']) if value else None

    def save(self, record: StepRecord, *, recipe: str, key: str) -> None:
        """Remember a step that was done.

        :param record: what it made.
        :param recipe: the recipe's name.
        :param key: the step's key in the plan.
        """
        files.save_json(self.root / f'{record.step_id}.json', record.to_json())
        self.note_latest(record.step_id, recipe=recipe, key=key)

    def note_latest(self, step_id: str, *, recipe: str, key: str) -> None:
        """Remember which record a recipe's step has now.

        :param step_id: the step's identity.
        :param recipe: the recipe's name.
        :param key: the step's key in the plan.
        """
        files.save_json(
            self._latest(recipe, key), {'step_id': step_id}, sync=False
        )

    def latest_ids(self) -> set[str]:
        """Return the ids of what every recipe's steps were last."""
        found = set()
        for path in (self.root / 'latest').glob('*/*.json'):
            value = files.load_json(path)
            if value:
                found.add(str(value.get('step_id')))
        return found

    def discard(self, step_id: str) -> None:
        """Forget a step.

        :param step_id: its identity.
        """
        (self.root / f'{step_id}.json').unlink(missing_ok=True)

    def records(self) -> list[StepRecord]:
        """Return every record that can be read."""
        found = []
        for path in sorted(self.root.glob('*.json')):
            record = _record(path)
            if record:
                found.append(record)
        return found

    def _latest(self, recipe: str, key: str) -> Path:
        return self.root / 'latest' / recipe / f'{key}.json'


def _record(path: Path) -> StepRecord | None:
    value = files.load_json(path)
    try:
        return StepRecord.from_json(value) if value else None
    except (KeyError, TypeError):
        # Written by another version: as good as not there.
        return None
