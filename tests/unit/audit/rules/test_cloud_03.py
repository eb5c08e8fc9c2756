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

import pytest

from image_pipeline.artifact import Outcome
from image_pipeline.audit import registry
from image_pipeline.audit.rule import Severity
from image_pipeline.clouds import marks
from image_pipeline.testing import listed

RULE = registry.get('CLOUD-03')


def test_sound_image_passes():
    assert RULE.check(listed.view()).outcome is Outcome.PASS


def judge(*others, **changes):
    found = RULE.check(listed.view(*others, **changes))
    return found.outcome, found.severity or RULE.severity


def said(*others, **changes):
    found = RULE.check(listed.view(*others, **changes))
    return ' '.join(one.message for one in found.evidence)


FAIL = (Outcome.FAIL, Severity.WARNING)
DAY = datetime.timedelta(days=1)


@pytest.mark.parametrize(
    'status', ['queued', 'saving', 'uploading', 'importing']
)
def test_image_that_was_never_finished_is_told(status):
    assert judge(status=status, created_at=listed.NOW - 2 * DAY) == FAIL


def test_upload_of_today_may_be_under_way():
    found = judge(status='saving', created_at=listed.NOW - DAY / 24)
    assert found[0] is Outcome.PASS


def test_half_made_image_of_a_run_that_is_over_is_told_at_once():
    made = marks.Marks(
        run_id='r1', host_id='h', expires_at=listed.NOW - DAY / 24
    )
    changes = {
        'status': 'queued',
        'created_at': listed.NOW - DAY / 12,
        'state': '',
        'properties': made.properties,
    }
    assert judge(**changes) == FAIL
    assert 'r1' in said(**changes)


def test_half_made_image_of_a_run_with_time_left_is_left_alone():
    made = marks.Marks(run_id='r1', host_id='h', expires_at=listed.NOW + DAY)
    found = judge(
        status='queued',
        created_at=listed.NOW - 3 * DAY,
        state='',
        properties=made.properties,
    )
    assert found[0] is Outcome.PASS


def test_deactivated_image_that_users_see_is_told():
    assert judge(status='deactivated') == FAIL
    assert judge(status='deactivated', hidden=True)[0] is Outcome.PASS


def test_image_whose_data_is_gone_is_told():
    assert judge(status='killed') == FAIL


def test_active_image_without_data_is_told():
    assert judge(size=0) == FAIL


def test_marks_on_an_image_from_elsewhere_say_nothing():
    made = marks.Marks(
        run_id='r1', host_id='h', expires_at=listed.NOW - DAY / 24
    )
    found = judge(
        status='queued',
        created_at=listed.NOW - DAY / 12,
        properties=made.properties,
    )
    assert found[0] is Outcome.PASS
