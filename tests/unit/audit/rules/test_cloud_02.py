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
STATE, NAME = listing.STATE, listing.NAME


def of(state, **more):
    return {STATE: state, NAME: 'debian-12', **more}


def test_current_image_with_hidden_former_ones_passes():
    former = listed.image(2, hidden=True, properties=of('previous'))
    assert judge(former, properties=of('current'))[0] is Outcome.PASS


def test_two_current_images_are_an_error():
    other = listed.image(2, properties=of('current'))
    assert judge(other, properties=of('current')) == ERROR
    assert '00000002-' in said(other, properties=of('current'))


def test_current_image_of_another_name_is_fine():
    other = listed.image(2, properties=of('current') | {NAME: 'x'})
    assert judge(other, properties=of('current'))[0] is Outcome.PASS


def test_half_promotion_without_a_visible_image_is_an_error():
    swap = {listing.SWAP: 'a1b2;2026-03-01T11:00:00Z;host/run;promote'}
    changes = {
        'name': 'debian-12-candidate',
        'hidden': True,
        'properties': of('candidate', **swap),
    }
    assert judge(**changes) == ERROR
    assert 'users see no image' in said(**changes)


def test_half_promotion_is_a_warning_while_users_see_an_image():
    swap = {listing.SWAP: 'a1b2;2026-03-01T11:00:00Z;host/run;promote'}
    former = listed.image(2, properties=of('current'))
    assert (
        judge(former, hidden=True, properties=of('candidate', **swap))
        == WARNING
    )


def test_promotion_that_is_under_way_is_left_alone():
    swap = {listing.SWAP: 'a1b2;2026-03-01T11:59:30Z;host/run;promote'}
    assert (
        judge(hidden=True, properties=of('candidate', **swap))[0]
        is Outcome.PASS
    )


def test_mark_that_nobody_can_read_is_a_half_promotion():
    found = judge(properties=of('current', **{listing.SWAP: 'what'}))
    assert found == WARNING


def test_former_image_without_a_current_one_is_a_warning():
    assert judge(hidden=True, properties=of('previous')) == WARNING


def test_state_that_is_none_is_a_warning():
    assert judge(properties=of('nearly')) == WARNING
