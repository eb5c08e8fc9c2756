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

from image_pipeline import exceptions
from image_pipeline.engine import secrets


def test_secrets_come_from_the_environment_step_by_step(plan):
    made = plan('fake-make.secret=TOKEN')
    found = secrets.read(made, {'TOKEN': 'value', 'OTHER': 'x'})
    assert found['fake-make'] == {'TOKEN': 'value'}
    assert found['fake-convert.raw'] == {}
    assert secrets.redactor(found)('a value') == 'a ***'


def test_every_missing_secret_is_told_once(plan):
    made = plan('fake-make.secret=ONE', 'fake-convert.secret=TWO')
    with pytest.raises(exceptions.PlanInvalid) as caught:
        secrets.read(made, {})
    assert [problem.message for problem in caught.value.problems] == [
        'the environment variable ONE is not set',
        'the environment variable TWO is not set',
    ]


def test_a_secret_that_is_too_short_is_refused(plan):
    with pytest.raises(exceptions.PlanInvalid) as caught:
        secrets.read(plan('fake-make.secret=ONE'), {'ONE': 'abc'})
    assert 'less than 4 characters' in caught.value.problems[0].message
    assert 'abc' not in str(caught.value.problems[0])
