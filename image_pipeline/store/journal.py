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

"""The undo journal of a run: a record is on disk before the thing is made.

One JSON object a line.  ``undo`` announces a thing; ``done`` says that one
was undone, ``commit`` that all of a step stay because the step succeeded,
``keep`` that a step's stay for a look (``--keep-on-failure``).
"""

import dataclasses
import errno
import json
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from image_pipeline import artifact
from image_pipeline.store import files


@dataclasses.dataclass(frozen=True, kw_only=True)
class Entry:
    """A thing that may have been made, and was not yet undone.

    :param number: its number in the journal.
    :param step: the step's key; empty for the run itself.
    :param record: how to undo it.
    :param kept: whether it was left for a look.
    """

    number: int
    step: str
    record: artifact.UndoRecord
    kept: bool = False


class Journal:
    """The journal of one run.

    :param path: its file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._next = 1 + max(
            (value.get('number', 0) for value in _lines(path)), default=0
        )

    def announce(self, step: str, record: artifact.UndoRecord) -> int:
        """Write down how to undo a thing; it is on disk on return.

        :param step: the step's key; empty for the run itself.
        :param record: how to undo it.
        :returns: the entry's number.
        """
        with self._lock:
            number = self._next
            self._next += 1
            self._append(
                {
                    'op': 'undo',
                    'number': number,
                    'step': step,
                    'kind': record.kind,
                    'arguments': dict(record.arguments),
                }
            )
        return number

    def done(self, number: int) -> None:
        """Write down that a thing was undone.

        :param number: the entry's number.
        """
        with self._lock:
            self._append({'op': 'done', 'number': number})

    def commit(self, step: str) -> None:
        """Write down that what a step made stays.

        :param step: the step's key.
        """
        with self._lock:
            self._append({'op': 'commit', 'step': step})

    def keep(self, step: str) -> None:
        """Write down that what a failed step made is left for a look.

        :param step: the step's key.
        """
        with self._lock:
            self._append({'op': 'keep', 'step': step})

    def pending(
        self, step: str | None = None, *, kept: bool = False
    ) -> list[Entry]:
        """Return what has to be undone, the latest first.

        :param step: only what this step made.
        :param kept: also what was left for a look.
        """
        entries: dict[int, Entry] = {}
        for value in _lines(self.path):
            _apply(value, entries)
        return [
            entry
            for _, entry in sorted(entries.items(), reverse=True)
            if (step is None or entry.step == step)
            and (kept or not entry.kept)
        ]

    def _append(self, value: dict[str, Any]) -> None:
        with files.explained(self.path):
            fd = os.open(
                self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600
            )
            try:
                # One write: a line is there whole, or the reader skips it.
                # The newline in front ends a line that a full disk cut off.
                data = b'\n' + json.dumps(value).encode() + b'\n'
                if os.write(fd, data) < len(data):
                    raise OSError(
                        errno.ENOSPC, os.strerror(errno.ENOSPC), str(self.path)
                    )
                os.fsync(fd)
            finally:
                os.close(fd)


def _apply(value: dict[str, Any], entries: dict[int, Entry]) -> None:
    what = value.get('op')
    if what == 'undo':
        entries[value['number']] = Entry(
            number=value['number'],
            step=value['step'],
            record=artifact.UndoRecord(
                kind=value['kind'], arguments=value['arguments']
            ),
        )
    elif what == 'done':
        entries.pop(value['number'], None)
    elif what in {'commit', 'keep'}:
        for number, entry in list(entries.items()):
            if entry.step != value['step']:
                continue
            if what == 'commit':
                del entries[number]
            else:
                entries[number] = dataclasses.replace(entry, kept=True)


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    try:
        text = path.read_text(errors='replace')
    except OSError:
        return
    for line in text.splitlines():
        try:
            value = json.loads(line)
        except ValueError:
            continue
        if isinstance(value, dict):
            yield value
