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

"""Changes of a directory that are made whole, whatever kills the process.

A change is written down completely, then done, then struck out.  A kill
before it is written down means that nothing happened; a kill after that is
made good by whoever comes next and does the same steps again.  So each step
may be done twice.
"""

import contextlib
import dataclasses
import json
import logging
import random
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from image_pipeline import exceptions
from image_pipeline.host import locks
from image_pipeline.store import files

LOG = logging.getLogger(__name__)

_VERSION = 1
_PAUSE = (0.002, 0.02)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Change:
    """What is to be done, completely or not at all.

    :param summary: for a person, such as ``promotion of debian-12 (ID)``.
    :param steps: made by :func:`write`, :func:`text`, :func:`remove`,
        :func:`link` and :func:`move`; done in this order.
    """

    summary: str
    steps: tuple[Mapping[str, Any], ...]


def write(path: str, value: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the step that replaces a JSON file.

    :param path: relative to the journal's folder.
    :param value: JSON values.
    """
    return {'do': 'write', 'path': path, 'value': dict(value)}


def text(path: str, content: str) -> Mapping[str, Any]:
    """Return the step that replaces a text file.

    :param path: relative to the journal's folder.
    :param content: what it is to hold.
    """
    return {'do': 'text', 'path': path, 'content': content}


def remove(path: str) -> Mapping[str, Any]:
    """Return the step that removes a file or a symlink.

    :param path: relative to the journal's folder.
    """
    return {'do': 'remove', 'path': path}


def link(path: str, to: str) -> Mapping[str, Any]:
    """Return the step that points a symlink to something, at once.

    :param path: relative to the journal's folder.
    :param to: what it is to say.
    """
    return {'do': 'link', 'path': path, 'to': to}


def move(path: str, to: str) -> Mapping[str, Any]:
    """Return the step that moves a file.

    :param path: relative to the journal's folder.
    :param to: likewise.
    """
    return {'do': 'move', 'path': path, 'to': to}


class Journal:
    """The changes of one folder, one at a time.

    :param root: the folder; made when first written to.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.path = root / 'journal.json'
        self._lock = root / 'lock'

    @contextlib.contextmanager
    def writing(self) -> Iterator[list[str]]:
        """Be the only one who reads or writes; wait for those who do.

        :returns: a context manager that gives what was made good, a line
            each.
        :raises StateConflict: the journal is damaged, or the folder may not
            be written.
        """
        with files.explained(self._lock):
            self.root.mkdir(parents=True, exist_ok=True)
            lock = self._take(shared=False)
        with lock:
            yield self._make_good()

    @contextlib.contextmanager
    def reading(self) -> Iterator[Change | None]:
        """Keep writers out.

        :returns: a context manager that gives the change that a killed
            process left half done, if there is one; it counts as done.
        :raises StateConflict: the journal is damaged.
        """
        if not self._lock.exists():
            yield None
            return
        with files.explained(self._lock):
            lock = self._take(shared=True)
        with lock:
            yield self._pending()

    def commit(self, change: Change) -> None:
        """Make a change; to be called inside :meth:`writing`.

        :param change: what to do.
        :raises PipelineError: the folder may not be written, or is full.
        """
        files.save_json(
            self.path,
            {
                'version': _VERSION,
                'summary': change.summary,
                'steps': list(change.steps),
            },
        )
        self._do(change)

    def _take(self, *, shared: bool) -> locks.FileLock:
        """Wait for the lock; changes take milliseconds, so look often."""
        while True:
            try:
                return locks.FileLock(self._lock).acquire(
                    shared=shared, wait=False
                )
            except locks.Held:
                # Of different length, so that two do not keep in step.
                time.sleep(random.uniform(*_PAUSE))  # noqa: S311

    def _make_good(self) -> list[str]:
        change = self._pending()
        if change is None:
            return []
        self._do(change)
        line = f'finished the {change.summary}, which had been interrupted'
        LOG.info('%s: %s', self.root, line)
        return [line]

    def _pending(self) -> Change | None:
        try:
            text = self.path.read_text()
        except FileNotFoundError:
            return None
        try:
            value = json.loads(text)
            if value['version'] != _VERSION:
                raise ValueError('it is of another version')
            return Change(
                summary=str(value['summary']),
                steps=tuple(_checked(step) for step in value['steps']),
            )
        except (ValueError, KeyError, TypeError) as exc:
            raise exceptions.StateConflict(
                f'the journal {self.path} is damaged: {exc}',
                hint='look at what it says and at the records beside it; '
                'when they are right, remove the journal',
            ) from exc

    def _do(self, change: Change) -> None:
        with files.explained(self.root):
            for step in change.steps:
                self._step(step)
            self.path.unlink(missing_ok=True)

    def _step(self, step: Mapping[str, Any]) -> None:
        path = self.root / step['path']
        path.parent.mkdir(exist_ok=True)
        match step['do']:
            case 'write':
                files.save_json(path, step['value'])
            case 'text':
                files.save_text(path, step['content'])
            case 'remove':
                path.unlink(missing_ok=True)
            case 'link':
                temporary = path.with_name(f'.{path.name}.new')
                temporary.unlink(missing_ok=True)
                temporary.symlink_to(step['to'])
                temporary.replace(path)
                files.sync_folder(path.parent)
            case 'move':
                target = self.root / step['to']
                target.parent.mkdir(exist_ok=True)
                # On the second time it is there already.
                if path.exists() or not target.exists():
                    path.replace(target)
                files.sync_folder(target.parent)


def _checked(step: Any) -> Mapping[str, Any]:
    """Return a step if it is one, and stays inside the folder."""
    needed = {
        'write': {'path', 'value'},
        'text': {'path', 'content'},
        'remove': {'path'},
        'link': {'path', 'to'},
        'move': {'path', 'to'},
    }
    if set(step) != needed[step['do']] | {'do'}:
        raise ValueError('a step of it is not complete')
    places = [step['path']]
    if step['do'] == 'move':
        places.append(step['to'])
    for place in places:
        if Path(place).is_absolute() or '..' in Path(place).parts:
            raise ValueError(f'a step of it leaves the folder: {place}')
    checked: Mapping[str, Any] = step
    return checked
