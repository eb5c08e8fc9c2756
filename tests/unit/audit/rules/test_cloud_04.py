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


import datetime

from image_pipeline.artifact import Outcome
from image_pipeline.audit import registry
from image_pipeline.audit.rule import Severity
from image_pipeline.clouds import marks
from image_pipeline.testing import listed

RULE = registry.get('CLOUD-04')


def test_sound_image_passes():
    assert RULE.check(listed.view()).outcome is Outcome.NOT_APPLICABLE


def judge(*others, **changes):
    found = RULE.check(listed.view(*others, **changes))
    return found.outcome, found.severity or RULE.severity


FAIL = (Outcome.FAIL, Severity.WARNING)
OLD = listed.NOW - datetime.timedelta(days=31)


def test_candidate_that_waits_for_a_month_is_told():
    assert judge(hidden=True, created_at=OLD, state='candidate') == FAIL


def test_candidate_of_last_week_passes():
    assert judge(hidden=True, state='candidate')[0] is Outcome.PASS


def test_former_image_may_be_hidden_for_long():
    found = judge(hidden=True, created_at=OLD, state='previous')
    assert found[0] is Outcome.PASS


def test_image_of_a_dead_run_is_told():
    made = marks.Marks(run_id='r1', host_id='h', expires_at=OLD)
    assert judge(hidden=True, state='', properties=made.properties) == FAIL


def test_hidden_image_from_elsewhere_is_a_hint():
    assert judge(hidden=True, created_at=OLD) == (Outcome.FAIL, Severity.INFO)


def test_hidden_image_of_another_project_is_none_of_ours():
    found = judge(hidden=True, created_at=OLD, owner='b0' * 16)
    assert found[0] is Outcome.NOT_APPLICABLE
