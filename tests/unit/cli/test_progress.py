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

import io

import pytest

from image_pipeline import artifact
from image_pipeline.cli import progress
from image_pipeline.engine import events


def told(*given, **options):
    stream = io.StringIO()
    lines = progress.Lines(stream, **options)
    for event in given:
        lines(event)
    # Without the time of day.
    return [line[9:] for line in stream.getvalue().splitlines()]


def step(unit, done=1.0):
    return events.StepProgress(
        run='r', step='compose', done=done, total=None, unit=unit
    )


EVENTS = (
    events.RunStarted(run='r', recipe='debian-12', steps=('compose',)),
    events.StepStarted(run='r', step='compose', reason='--force'),
    step('phase:install.d'),
    step('phase:install.d', 2.0),
    step('B'),
    step('phase:finalise.d'),
    events.Warned(run='r', step='compose', message='odd'),
    events.StepFinished(
        run='r',
        step='compose',
        state=artifact.StepState.SUCCEEDED,
        seconds=61.04,
        reason='--force',
    ),
    events.StepFinished(
        run='r',
        step='audit',
        state=artifact.StepState.SKIPPED,
        seconds=0,
        reason='nothing has changed',
    ),
    events.RunFinished(run='r', state=artifact.RunState.SUCCEEDED, seconds=62),
)


def test_a_run_is_told_in_plain_lines_without_numbers():
    assert told(*EVENTS) == [
        'debian-12: run r started',
        'compose: started (--force)',
        'compose: phase install.d',
        'compose: phase finalise.d',
        'compose: warning: odd',
        'compose: succeeded in 61.0 s',
        'audit: skipped (nothing has changed)',
        'run r succeeded in 62.0 s',
    ]


def test_quiet_tells_warnings_only():
    assert told(*EVENTS, quiet=True) == ['compose: warning: odd']


def test_what_is_no_terminal_gets_lines():
    with progress.shown(io.StringIO()) as listener:
        assert isinstance(listener, progress.Lines)


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize(
    ('term', 'kind'),
    [('xterm', progress.Live), ('dumb', progress.Lines)],
)
def test_a_terminal_gets_live_progress(monkeypatch, term, kind):
    monkeypatch.setenv('TERM', term)
    stream = Terminal()
    with progress.shown(stream) as listener:
        assert isinstance(listener, kind)
        for event in EVENTS:
            listener(event)
    text = stream.getvalue()
    assert 'compose: succeeded in 61.0 s' in text
    assert 'warning: odd' in text
