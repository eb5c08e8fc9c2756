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
from image_pipeline.audit import listing, registry
from image_pipeline.audit.rule import Severity
from image_pipeline.testing import listed

RULE = registry.get('CLOUD-02')


def test_sound_image_passes():
    assert RULE.check(listed.view()).outcome is Outcome.NOT_APPLICABLE


def judge(*others, **changes):
    found = RULE.check(listed.view(*others, **changes))
    return found.outcome, found.severity or RULE.severity


def said(*others, **changes):
    found = RULE.check(listed.view(*others, **changes))
    return ' '.join(one.message for one in found.evidence)


ERROR = (Outcome.FAIL, Severity.ERROR)
WARNING = (Outcome.FAIL, Severity.WARNING)


def test_current_image_with_hidden_former_ones_passes():
    former = listed.image(2, hidden=True, state='previous')
    assert judge(former, state='current')[0] is Outcome.PASS


def test_two_current_images_are_an_error():
    other = listed.image(2, state='current')
    assert judge(other, state='current') == ERROR
    assert '00000002-' in said(other, state='current')


def test_current_image_of_another_name_is_fine():
    other = listed.image(2, state='current', properties={listing.NAME: 'x'})
    assert judge(other, state='current')[0] is Outcome.PASS


def test_half_promotion_without_a_visible_image_is_an_error():
    swap = {listing.SWAP: 'a1b2;2026-03-01T11:00:00Z;host/run;promote'}
    changes = {
        'name': 'debian-12-candidate',
        'hidden': True,
        'state': 'candidate',
        'properties': swap,
    }
    assert judge(**changes) == ERROR
    assert 'users see no image' in said(**changes)


def test_half_promotion_is_a_warning_while_users_see_an_image():
    swap = {listing.SWAP: 'a1b2;2026-03-01T11:00:00Z;host/run;promote'}
    former = listed.image(2, state='current')
    assert (
        judge(former, hidden=True, state='candidate', properties=swap)
        == WARNING
    )


def test_promotion_that_is_under_way_is_left_alone():
    swap = {listing.SWAP: 'a1b2;2026-03-01T11:59:30Z;host/run;promote'}
    assert (
        judge(hidden=True, state='candidate', properties=swap)[0]
        is Outcome.PASS
    )


def test_mark_that_nobody_can_read_is_a_half_promotion():
    found = judge(state='current', properties={listing.SWAP: 'what'})
    assert found == WARNING


def test_former_image_without_a_current_one_is_a_warning():
    assert judge(hidden=True, state='previous') == WARNING


def test_state_that_is_none_is_a_warning():
    assert judge(state='nearly') == WARNING


def test_snapshot_of_a_server_is_not_the_image_that_it_was_started_from():
    copied = listed.image(2, state='current').properties
    assert judge(state='current', properties={})[0] is Outcome.PASS
    snapshot = listed.image(3, hidden=True, properties=copied)
    assert judge(snapshot, state='current')[0] is Outcome.PASS
    assert RULE.check(listed.view(one=snapshot)).outcome is (
        Outcome.NOT_APPLICABLE
    )
