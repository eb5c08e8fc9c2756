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

from image_pipeline.engine import doctor

OK = doctor.Finding(subject='root', verdict=doctor.Verdict.OK, found='yes')
SLOW = doctor.Finding(
    subject='acceleration', verdict=doctor.Verdict.WARNING, found='tcg: slow'
)
NO_MTOOLS = doctor.Finding(
    subject='program mcopy',
    needed_by=('compose',),
    verdict=doctor.Verdict.MISSING,
    found='not installed',
    remedy='apt-get install mtools',
)


@pytest.fixture
def examine(monkeypatch):
    """Let the doctor find what the test says."""
    asked = []

    def find(*findings):
        def examine(settings, names):
            asked.append(names)
            return list(findings)

        monkeypatch.setattr(doctor, 'examine', examine)
        return asked

    return find


def test_host_that_lacks_nothing_is_status_zero(run, examine):
    examine(OK, SLOW)
    done = run('doctor', '-f', 'json')
    assert (done.status, done.err) == (0, '')
    assert [row['verdict'] for row in done.json] == ['ok', 'warning']


def test_missing_program_is_status_one_and_shown_with_its_stage(run, examine):
    examine(OK, NO_MTOOLS)
    done = run('doctor', '-f', 'json')
    assert done.status == 1
    assert done.json[1] == {
        'verdict': 'missing',
        'subject': 'program mcopy',
        'found': 'not installed',
        'remedy': 'apt-get install mtools',
        'needed_by': ['compose'],
    }


def test_recipes_that_are_named_are_those_examined(run, examine):
    asked = examine(OK)
    run('doctor', 'a.yaml', 'b.yaml')
    assert asked == [['a.yaml', 'b.yaml']]
