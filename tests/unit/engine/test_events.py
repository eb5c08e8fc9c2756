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

import json

from image_pipeline import artifact
from image_pipeline.engine import events
from image_pipeline.host import redaction

WARNED = events.Warned(run='r', message='a secret')


def test_every_listener_is_told():
    first, second = [], []
    emit = events.Emitter([first.append])
    emit.add(second.append)
    emit(WARNED)
    assert first == second == [WARNED]


def test_a_listener_that_fails_does_not_stop_the_others():
    told = []

    def fail(event):
        raise ValueError

    emit = events.Emitter([fail, told.append])
    emit(WARNED)
    emit(WARNED)
    assert told == [WARNED, WARNED]


def test_events_are_written_redacted_and_without_progress(tmp_path):
    file = events.EventFile(
        tmp_path / 'events', redaction.Redactor(['secret'])
    )
    file(WARNED)
    file(events.StepProgress(run='r', step='s', done=1, total=None, unit='B'))
    file(
        events.StepFinished(
            run='r',
            step='s',
            state=artifact.StepState.SUCCEEDED,
            seconds=1.0,
            reason='x',
        )
    )
    first, second = map(
        json.loads, (tmp_path / 'events').read_text().splitlines()
    )
    assert first['event'] == 'Warned'
    assert first['message'] == 'a ***'
    assert second['state'] == 'succeeded'
    assert second['time'].endswith('+00:00')
