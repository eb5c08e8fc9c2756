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
from image_pipeline.testing import listed

RULE = registry.get('CLOUD-10')


def test_sound_image_passes():
    assert RULE.check(listed.view()).outcome is Outcome.PASS


def judge(*others, **changes):
    found = RULE.check(listed.view(*others, **changes))
    return found.outcome, found.severity or RULE.severity


def said(*others, **changes):
    found = RULE.check(listed.view(*others, **changes))
    return ' '.join(one.message for one in found.evidence)


FAIL = (Outcome.FAIL, Severity.WARNING)


def ago(days):
    return listed.NOW - datetime.timedelta(days=days)


def test_image_of_last_year_is_told():
    assert judge(created_at=ago(91)) == FAIL
    assert '91 days ago' in said(created_at=ago(91))


def test_day_of_the_build_goes_before_that_of_the_upload():
    built = {'image_build_date': '2025-11-01'}
    assert judge(properties=built) == FAIL
    assert 'built on 2025-11-01' in said(properties=built)


def test_day_that_cannot_be_read_is_not_believed():
    found = judge(properties={'image_build_date': 'yesterday'})
    assert found[0] is Outcome.PASS


def test_day_to_come_is_a_hint():
    to_come = {'image_build_date': '2026-04-01 12:00'}
    assert judge(properties=to_come) == (Outcome.FAIL, Severity.INFO)


def test_image_that_is_never_replaced_may_be_old():
    never = {'replace_frequency': 'never'}
    found = judge(created_at=ago(900), properties=never)
    assert found[0] is Outcome.NOT_APPLICABLE


def test_hidden_image_may_be_old():
    assert judge(created_at=ago(900), hidden=True)[0] is (
        Outcome.NOT_APPLICABLE
    )


def test_image_of_no_day_is_unknown():
    assert judge(created_at=None)[0] is Outcome.UNKNOWN
