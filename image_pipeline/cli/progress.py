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

"""How a run is told while it goes on: live on a terminal, else in lines.

All of it goes to standard error; standard output is for results.
"""

import contextlib
import os
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, TextIO

from image_pipeline import artifact
from image_pipeline.engine import events

if TYPE_CHECKING:
    from rich import progress as rich_progress

_MARKS = {
    artifact.StepState.SUCCEEDED: '✓',
    artifact.StepState.SKIPPED: '·',
    artifact.StepState.FAILED: '✗',
    artifact.StepState.PENDING: '…',
}
_STYLES = {
    artifact.StepState.SUCCEEDED: 'green',
    artifact.StepState.SKIPPED: 'dim',
    artifact.StepState.FAILED: 'bold red',
    artifact.StepState.PENDING: 'yellow',
}


@contextlib.contextmanager
def shown(stream: TextIO, *, quiet: bool = False) -> Iterator[events.Listener]:
    """Give a listener that tells a person how a run goes.

    :param stream: standard error.
    :param quiet: tell nothing but warnings.
    """
    if quiet:
        yield Lines(stream, quiet=True)
    elif stream.isatty() and os.environ.get('TERM', 'dumb') != 'dumb':
        with Live(stream) as live:
            yield live
    else:
        yield Lines(stream)


class Lines:
    """Tell it in plain lines.

    :param stream: where to.
    :param quiet: tell nothing but warnings.
    """

    def __init__(self, stream: TextIO, *, quiet: bool = False) -> None:
        self._stream = stream
        self._quiet = quiet
        self._messages: dict[str, str] = {}

    def __call__(self, event: events.Event) -> None:
        """Tell an event.

        :param event: the event.
        """
        line = self._line(event)
        if line is None:
            return
        if self._quiet and not isinstance(event, events.Warned):
            return
        clock = time.strftime('%H:%M:%S')
        self._stream.write(f'{clock} {line}\n')
        self._stream.flush()

    def _line(self, event: events.Event) -> str | None:
        if isinstance(event, events.RunStarted):
            what = 'goes on' if event.resumed else 'started'
            return f'{event.recipe}: run {event.run} {what}'
        if isinstance(event, events.StepStarted):
            return f'{event.step}: started ({event.reason})'
        if isinstance(event, events.StepProgress):
            return self._progress(event)
        if isinstance(event, events.StepFinished):
            return f'{event.step}: {finished(event)}'
        if isinstance(event, events.RunFinished):
            return f'run {event.run} {event.state} in {event.seconds:.1f} s'
        if isinstance(event, events.Warned):
            where = f'{event.step}: ' if event.step else ''
            return f'{where}warning: {event.message}'
        return None

    def _progress(self, event: events.StepProgress) -> str | None:
        """Return a line for each message; numbers would be too many."""
        message = message_of(event)
        if not message or self._messages.get(event.step) == message:
            return None
        self._messages[event.step] = message
        return f'{event.step}: {message}'


class Live:
    """Tell it in lines that move: elapsed time and progress of each step.

    :param stream: a terminal.
    """

    def __init__(self, stream: TextIO) -> None:
        from rich import console, progress

        self._console = console.Console(file=stream)
        self._progress = progress.Progress(
            progress.SpinnerColumn(),
            progress.TextColumn('{task.description}'),
            progress.BarColumn(bar_width=20),
            progress.TimeElapsedColumn(),
            progress.TextColumn('{task.fields[message]}'),
            console=self._console,
            transient=True,
        )
        self._tasks: dict[str, rich_progress.TaskID] = {}

    def __enter__(self) -> 'Live':
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def __call__(self, event: events.Event) -> None:
        """Tell an event.

        :param event: the event.
        """
        if isinstance(event, events.RunStarted):
            what = 'goes on' if event.resumed else 'started'
            self._print(f'{event.recipe}: run {event.run} {what}')
        elif isinstance(event, events.StepStarted):
            self._tasks[event.step] = self._progress.add_task(
                event.step, total=None, message=event.reason
            )
        elif isinstance(event, events.StepProgress):
            self._update(event)
        elif isinstance(event, events.StepFinished):
            self._finish(event)
        elif isinstance(event, events.Warned):
            where = f'{event.step}: ' if event.step else ''
            self._print(f'{where}warning: {event.message}', style='yellow')

    def _update(self, event: events.StepProgress) -> None:
        if event.step not in self._tasks:
            return
        values: dict[str, Any] = {}
        message = message_of(event)
        if message:
            values['message'] = message
        elif event.unit == 'B':
            values['message'] = _bytes(event)
        else:
            values['message'] = f'{event.done:g} {event.unit}'
        self._progress.update(
            self._tasks[event.step],
            completed=event.done,
            total=event.total,
            **values,
        )

    def _finish(self, event: events.StepFinished) -> None:
        task = self._tasks.pop(event.step, None)
        if task is not None:
            self._progress.remove_task(task)
        mark = _MARKS.get(event.state, ' ')
        self._print(
            f'{mark} {event.step}: {finished(event)}',
            style=_STYLES.get(event.state, ''),
        )

    def _print(self, text: str, style: str = '') -> None:
        self._progress.console.print(
            text, style=style, markup=False, highlight=False, soft_wrap=True
        )


def finished(event: events.StepFinished) -> str:
    """Return how a step ended, in words.

    :param event: the event.
    """
    if event.state == artifact.StepState.SUCCEEDED:
        return f'succeeded in {event.seconds:.1f} s'
    if event.state == artifact.StepState.FAILED:
        return f'failed after {event.seconds:.1f} s: {event.reason}'
    return f'{event.state} ({event.reason})'


def message_of(event: events.StepProgress) -> str:
    """Return the message that a unit with a colon carries, or nothing.

    :param event: such as one of unit ``phase:install.d``.
    """
    name, colon, rest = event.unit.partition(':')
    return f'{name} {rest}'.strip() if colon else ''


def _bytes(event: events.StepProgress) -> str:
    done = f'{event.done / 1e6:.0f} MB'
    return f'{done} of {event.total / 1e6:.0f} MB' if event.total else done
