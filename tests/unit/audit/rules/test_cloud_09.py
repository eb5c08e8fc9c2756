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

RULE = registry.get('CLOUD-09')


def test_sound_image_passes():
    assert RULE.check(listed.view()).outcome is Outcome.PASS


def judge(*others, **changes):
    found = RULE.check(listed.view(*others, **changes))
    return found.outcome, found.severity or RULE.severity


def said(*others, **changes):
    found = RULE.check(listed.view(*others, **changes))
    return ' '.join(one.message for one in found.evidence)


def test_release_that_has_ended_is_told():
    old = {'os_version': '10'}
    assert judge(properties=old) == (Outcome.FAIL, Severity.WARNING)
    assert '2024-06-30' in said(properties=old)


def test_release_that_ends_soon_is_a_hint():
    end = datetime.datetime(2028, 6, 1, tzinfo=datetime.UTC)
    assert judge(now=end) == (Outcome.FAIL, Severity.INFO)


def test_minor_version_is_that_of_its_major_one():
    rocky = {'os_distro': 'rocky', 'os_version': '9.4'}
    assert judge(properties=rocky)[0] is Outcome.PASS


def test_opensuse_is_leap():
    leap = {'os_distro': 'opensuse', 'os_version': '15.5'}
    assert judge(properties=leap)[0] is Outcome.FAIL


def test_rolling_release_passes():
    arch = {'os_distro': 'arch', 'os_version': 'rolling'}
    assert judge(properties=arch)[0] is Outcome.PASS


def test_release_that_nobody_knows_is_unknown():
    windows = {'os_distro': 'windows', 'os_version': '2019'}
    assert judge(properties=windows)[0] is Outcome.UNKNOWN


def test_image_that_does_not_say_what_it_is_cannot_be_judged():
    found = judge(properties={'os_version': None})
    assert found[0] is Outcome.NOT_APPLICABLE


def test_hidden_image_may_be_old():
    found = judge(hidden=True, properties={'os_version': '10'})
    assert found[0] is Outcome.NOT_APPLICABLE
