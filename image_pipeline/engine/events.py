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

"""What a run tells while it goes on: frozen values, given to listeners."""

import dataclasses
import datetime
import json
import logging
import threading
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, TypeAlias

from image_pipeline import artifact
from image_pipeline.host import process

LOG = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Event:
    """The base of all events.

    :param run: the run id.
    """

    run: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class RunStarted(Event):
    """A run begins, or goes on.

    :param recipe: the recipe's name.
    :param steps: the keys of all steps, in the plan's order.
    :param resumed: whether it goes on.
    """

    recipe: str
    steps: tuple[str, ...]
    resumed: bool = False


@dataclasses.dataclass(frozen=True, kw_only=True)
class StepStarted(Event):
    """A step begins.

    :param step: its key.
    :param reason: why it runs.
    """

    step: str
    reason: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class StepProgress(Event):
    """How far a step is.

    :param step: its key.
    :param done: how much is done, in ``unit``.
    :param total: how much there is; None if not known.
    :param unit: as in :class:`image_pipeline.stages.base.Progress`.
    """

    step: str
    done: float
    total: float | None
    unit: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class StepFinished(Event):
    """A step is over.

    :param step: its key.
    :param state: how it ended.
    :param seconds: how long it took.
    :param reason: why it was skipped, left pending or failed.
    :param artifacts: what it made, or took over.
    """

    step: str
    state: artifact.StepState
    seconds: float
    reason: str
    artifacts: tuple[artifact.Artifact, ...] = ()


@dataclasses.dataclass(frozen=True, kw_only=True)
class RunFinished(Event):
    """A run is over.

    :param state: how it ended.
    :param seconds: how long it took.
    :param images: as ``bake -f json`` prints them.
    :param error: what ended it, if it was not a step.
    """

    state: artifact.RunState
    seconds: float
    images: tuple[Mapping[str, Any], ...] = ()
    error: str | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Warned(Event):
    """Something is odd, and the run goes on.

    :param message: what.
    :param step: the step's key; empty for the run itself.
    """

    message: str
    step: str = ''


Listener: TypeAlias = Callable[[Event], object]


class Emitter:
    """Give events to listeners, one at a time.

    A listener that raises is left out from then on: telling must not break
    what is told about.

    :param listeners: who listens.
    """

    def __init__(self, listeners: Iterable[Listener] = ()) -> None:
        self._listeners = list(listeners)
        self._lock = threading.RLock()

    def add(self, listener: Listener) -> None:
        """Let somebody else listen.

        :param listener: called from any thread.
        """
        with self._lock:
            self._listeners.append(listener)

    def __call__(self, event: Event) -> None:
        """Give an event to all.

        :param event: the event.
        """
        with self._lock:
            for listener in list(self._listeners):
                try:
                    listener(event)
                except Exception:
                    self._listeners.remove(listener)
                    LOG.warning('a listener failed', exc_info=True)


class EventFile:
    """A listener that writes events to a file, a JSON object a line.

    Progress is left out: it would be most of the file.

    :param path: the file.
    :param redact: takes secrets out.
    """

    def __init__(self, path: Path, redact: process.Redactor) -> None:
        self.path = path
        self._redact = redact

    def __call__(self, event: Event) -> None:
        """Write an event.

        :param event: the event.
        """
        if isinstance(event, StepProgress):
            return
        line = json.dumps(self._redact.values(to_json(event)))
        with self.path.open('a') as file:
            file.write(line + '\n')


def to_json(event: Event) -> Mapping[str, Any]:
    """Return an event as JSON values, with its name and the time.

    :param event: the event.
    """
    value = {
        field.name: getattr(event, field.name)
        for field in dataclasses.fields(event)
    }
    if isinstance(event, StepFinished):
        value['artifacts'] = [made.to_json() for made in event.artifacts]
    return {'event': type(event).__name__, 'time': now(), **value}


def now() -> str:
    """Return the time: ISO 8601, UTC."""
    moment = datetime.datetime.now(datetime.UTC)
    return moment.isoformat(timespec='milliseconds')
