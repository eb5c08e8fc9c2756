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

RULE = registry.get('CLOUD-01')


def test_sound_image_passes():
    assert RULE.check(listed.view()).outcome is Outcome.PASS


def judge(*others, **changes):
    found = RULE.check(listed.view(*others, **changes))
    return found.outcome, found.severity or RULE.severity


def said(*others, **changes):
    found = RULE.check(listed.view(*others, **changes))
    return ' '.join(one.message for one in found.evidence)


ERROR = (Outcome.FAIL, Severity.ERROR)
WARNING = (Outcome.FAIL, Severity.WARNING)
OTHER = 'b0' * 16


def test_another_image_of_the_name_is_an_error():
    assert judge(listed.image(2)) == ERROR
    assert '00000002-' in said(listed.image(2))


def test_hidden_images_of_the_name_are_fine():
    assert judge(listed.image(2, hidden=True))[0] is Outcome.PASS


def test_hidden_image_is_found_by_no_name():
    verdict = judge(listed.image(2), hidden=True)
    assert verdict[0] is Outcome.NOT_APPLICABLE


def test_image_without_a_name_is_found_by_none():
    assert judge(listed.image(2, name=None), name=None)[0] is (
        Outcome.NOT_APPLICABLE
    )


def test_what_others_publish_under_the_name_is_a_warning():
    public = listed.image(2, owner=OTHER, visibility='public')
    assert judge(public) == WARNING
    assert OTHER in said(public)


def test_what_others_offer_to_the_community_is_not_found_by_name():
    theirs = listed.image(2, owner=OTHER, visibility='community')
    assert judge(theirs)[0] is Outcome.PASS


def test_private_image_of_another_project_is_seen_by_administrators_only():
    assert judge(listed.image(2, owner=OTHER))[0] is Outcome.PASS


def test_snapshot_of_the_name_is_a_warning():
    snapshot = listed.image(2, properties={'image_type': 'snapshot'})
    assert judge(snapshot) == WARNING


def test_an_image_that_is_half_made_is_found_too():
    assert judge(listed.image(2, status='queued')) == ERROR
