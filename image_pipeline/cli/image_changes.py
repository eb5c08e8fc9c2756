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

"""Images before and after a change, as a table."""

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from image_pipeline import artifact
from image_pipeline.cli import image_targets

if TYPE_CHECKING:
    from image_pipeline.catalogues import base as catalogue_base

#: What a change of state may change of an image.
_SHOWN = ('name', 'state', 'visibility', 'hidden')
#: Of the table for a person, and of what a program gets.
_COLUMNS = ('target', 'id', *_SHOWN, 'members', 'reason')
_FULL_COLUMNS = (
    'target',
    'id',
    'name',
    'before',
    'after',
    'reason',
    'image_before',
    'image_after',
    'members',
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Changed:
    """An image before and after a change.

    :param target: the target's name.
    :param before: the image as it was.
    :param after: the image as it is now, or would be.
    :param members: whom it is shared with, and whether they accepted it.
    """

    target: str
    before: artifact.ImageRecord
    after: artifact.ImageRecord
    members: tuple['catalogue_base.Member', ...] = ()

    def row(self) -> tuple[Any, ...]:
        """Return the row of a table for a person."""
        return (
            self.target,
            self.after.id,
            *(
                _arrow(getattr(self.before, key), getattr(self.after, key))
                for key in _SHOWN
            ),
            ', '.join(f'{one.project} {one.status}' for one in self.members),
            self.after.reason or '',
        )

    def full(self) -> tuple[Any, ...]:
        """Return the row for a program."""
        return (
            self.target,
            self.after.id,
            self.after.name,
            self.before.state.value,
            self.after.state.value,
            self.after.reason or '',
            _facts(self.before),
            _facts(self.after),
            [dataclasses.asdict(one) for one in self.members],
        )


def table(changed: Sequence[Changed], formatter: str) -> image_targets.Table:
    """Return columns and rows.

    :param changed: the images.
    :param formatter: how it is printed: ``table``, ``json`` …
    """
    if formatter == 'table' and not any(one.members for one in changed):
        # It is wide enough without an empty column.
        at = _COLUMNS.index('members')
        rows = [one.row() for one in changed]
        return _COLUMNS[:at] + _COLUMNS[at + 1 :], [
            row[:at] + row[at + 1 :] for row in rows
        ]
    if formatter in image_targets.FOR_PEOPLE:
        return _COLUMNS, [one.row() for one in changed]
    return _FULL_COLUMNS, [one.full() for one in changed]


def _facts(image: artifact.ImageRecord) -> dict[str, Any]:
    return {
        'name': image.name,
        'state': image.state.value,
        'visibility': image.visibility,
        'hidden': image.hidden,
    }


def _arrow(before: Any, after: Any) -> str:
    return (
        _word(after)
        if before == after
        else f'{_word(before)} → {_word(after)}'
    )


def _word(value: Any) -> str:
    if isinstance(value, bool):
        return 'yes' if value else 'no'
    return value.value if isinstance(value, artifact.ImageState) else value
