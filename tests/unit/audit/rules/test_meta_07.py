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

from image_pipeline.audit import registry
from image_pipeline.testing import mutations

RULE = registry.get('META-07')


def check(properties=None, **options):
    return RULE.check(
        mutations.registered(properties or {}), {'asked': True} | options
    )


def test_nothing_is_asked_unless_the_profile_asks():
    found = mutations.registered({'endorser': None})
    assert RULE.check(found).outcome == 'not-applicable'


def test_complete_endorsement_passes():
    assert check().outcome == 'pass'


@pytest.mark.parametrize(
    ('missing', 'said'),
    [
        ('endorser', 'no endorser'),
        ('vo', 'no virtual organisation'),
        ('provided_until', 'no expiry'),
        ('l1_support_contact', 'no contact'),
        ('image_source', 'no identifier'),
        ('image_description', 'no description'),
    ],
)
def test_what_is_not_said_is_told(missing, said):
    (evidence,) = check({missing: None}).evidence
    assert said in evidence.message


def test_what_cloudkeeper_or_atrope_say_counts():
    properties = {
        'vo': None,
        'CLOUDKEEPER_VO': 'vo.example.org',
        'image_source': None,
        'vmcatcher_event_ad_mpuri': 'https://example.org/1',
    }
    assert check(properties).outcome == 'pass'


@pytest.mark.parametrize(
    ('end', 'severity'), [('2020-01-31', None), ('9999-12-31', 'info')]
)
def test_endorsement_ends_and_not_too_late(end, severity):
    verdict = check({'provided_until': end})
    assert (verdict.outcome, verdict.severity) == ('fail', severity)
    assert verdict.evidence[0].data == end


def test_longer_endorsements_may_be_allowed():
    today = datetime.datetime.now(datetime.UTC).date()
    end = today + datetime.timedelta(days=400)
    properties = {'provided_until': end.isoformat()}
    assert check(properties).severity == 'info'
    assert check(properties, longest_days=3650).outcome == 'pass'


def test_site_says_what_its_records_are():
    records = {'owner': ['our_owner']}
    assert check(records=records).outcome == 'fail'
    assert check({'our_owner': 'x'}, records=records).outcome == 'pass'
