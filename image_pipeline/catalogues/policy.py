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

"""Which images a site takes out of service."""

import dataclasses
import datetime
from collections.abc import Iterable

from image_pipeline import artifact

_STATE = artifact.ImageState


@dataclasses.dataclass(frozen=True, kw_only=True)
class Policy:
    """What stays in service; the current image always does.

    :param keep: former images of a name that stay, the latest ones.  Those
        that were rolled back are counted apart.
    :param older_than: days; what is younger stays.  Candidates go by this
        alone, and stay if it is not given.
    :param delete: whether images that are retired already are chosen too.
    """

    keep: int
    older_than: float | None = None
    delete: bool = False

    def choose(
        self,
        records: Iterable[artifact.ImageRecord],
        *,
        now: datetime.datetime,
    ) -> list[tuple[artifact.ImageRecord, str]]:
        """Return the images to retire, and why each.

        :param records: the images of a catalogue.
        :param now: with a time zone.
        """
        rank: dict[tuple[str, artifact.ImageState], int] = {}
        chosen = []
        for record in sorted(records, key=_since, reverse=True):
            key = (record.final_name, record.state)
            rank[key] = rank.get(key, 0) + 1
            age = (now - _parsed(_since(record))).total_seconds() / 86400
            why = self._why(record, rank[key], age)
            if why:
                chosen.append((record, why))
        return chosen

    def _why(
        self, record: artifact.ImageRecord, rank: int, age: float
    ) -> str | None:
        if self.older_than is not None and age < self.older_than:
            return None
        aged = f'{age:.0f} days old' if self.older_than is not None else None
        match record.state:
            case _STATE.PREVIOUS | _STATE.REJECTED if rank > self.keep:
                beyond = f'number {rank} of the {record.state.value} ones'
                return f'{beyond}, {aged}' if aged else beyond
            case _STATE.CANDIDATE:
                return f'never promoted, {aged}' if aged else None
            case _STATE.RETIRED if self.delete:
                return f'retired before, {aged}' if aged else 'retired before'
        return None


def _since(record: artifact.ImageRecord) -> str:
    """Return since when an image has counted."""
    return record.promoted_at or record.created_at


def _parsed(text: str) -> datetime.datetime:
    return datetime.datetime.fromisoformat(text)
