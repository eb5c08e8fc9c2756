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


from image_pipeline.artifact import Outcome
from image_pipeline.audit import registry
from image_pipeline.audit.rule import Severity
from image_pipeline.testing import listed

RULE = registry.get('CLOUD-05')


def test_sound_image_passes():
    assert RULE.check(listed.view()).outcome is Outcome.PASS


def judge(*others, **changes):
    found = RULE.check(listed.view(*others, **changes))
    return found.outcome, found.severity or RULE.severity


def said(*others, **changes):
    found = RULE.check(listed.view(*others, **changes))
    return ' '.join(one.message for one in found.evidence)


WARNING = (Outcome.FAIL, Severity.WARNING)
INFO = (Outcome.FAIL, Severity.INFO)


def test_public_image_is_to_be_protected():
    assert judge(visibility='public') == WARNING
    assert judge(visibility='public', protected=True)[0] is Outcome.PASS


def test_hidden_public_image_need_not_be_protected():
    assert judge(visibility='public', hidden=True)[0] is Outcome.PASS


def test_option_says_which_visibilities_are_to_be_protected():
    verdict = RULE.check(
        listed.view(visibility='shared'), {'protected': ['shared']}
    )
    assert verdict.outcome is Outcome.FAIL


def test_rejected_image_that_cannot_be_deleted_is_a_hint():
    assert judge(protected=True, hidden=True, state='rejected') == INFO


def test_half_made_image_that_cannot_be_deleted_is_a_hint():
    assert judge(protected=True, status='queued') == INFO


def test_snapshot_that_everybody_can_read_is_told():
    snapshot = {'image_type': 'snapshot'}
    assert judge(visibility='community', properties=snapshot) == WARNING
    assert 'everybody' in said(visibility='community', properties=snapshot)


def test_image_of_another_project_is_none_of_ours():
    found = judge(visibility='public', owner='b0' * 16)
    assert found[0] is Outcome.NOT_APPLICABLE
