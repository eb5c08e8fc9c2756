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

import pytest

from image_pipeline import artifact
from image_pipeline.store import steps


@pytest.fixture
def every(tmp_path):
    return steps.Steps(tmp_path / 'steps')


def record(step_id='a' * 64):
    made = artifact.Artifact(
        kind='disk',
        path=steps.Path('/x/disk.raw'),
        digest='sha256:' + 'b' * 64,
        size=1,
    )
    return steps.StepRecord(
        step_id=step_id,
        run='run-1',
        identity={'options': {'a': 1}},
        artifacts={'disk': made},
        finished='2026-01-01T00:00:00Z',
        seconds=1.5,
    )


def test_a_record_comes_back(every):
    every.save(record(), recipe='r', key='compose')
    assert every.load('a' * 64) == record()
    assert every.latest('r', 'compose') == record()
    assert every.latest('other', 'compose') is None
    assert every.load('c' * 64) is None


def test_the_latest_is_the_one_that_was_used_last(every):
    every.save(record(), recipe='r', key='compose')
    every.save(record('c' * 64), recipe='r', key='compose')
    assert every.latest_ids() == {'c' * 64}
    every.note_latest('a' * 64, recipe='r', key='compose')
    assert every.latest('r', 'compose') == record()


@pytest.mark.parametrize('text', ['{}', '{"step_id": 1}', 'x', '[]', '[1]'])
def test_a_record_of_another_version_is_as_good_as_none(every, text):
    every.root.mkdir()
    (every.root / f'{"a" * 64}.json').write_text(text)
    assert every.load('a' * 64) is None
    assert every.records() == []
