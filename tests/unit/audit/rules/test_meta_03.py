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

import dataclasses

import pytest

from image_pipeline import artifact
from image_pipeline.audit import registry
from image_pipeline.testing import images, mutations

RULE = registry.get('META-03')
CURRENT = {'state': artifact.ImageState.CURRENT}
CANDIDATE = {'state': artifact.ImageState.CANDIDATE}
GENERIC = {'debian': ['cloud.debian.org', 'cdimage.debian.org']}


def check(properties=None, record=None, **options):
    found = mutations.registered(properties or {}, record)
    return RULE.check(
        dataclasses.replace(found, image=images.in_memory()), options
    )


@pytest.mark.parametrize('record', [None, CANDIDATE, CURRENT])
def test_image_of_which_all_is_said_passes(record):
    assert check(record=record).outcome == 'pass'


@pytest.mark.parametrize(
    'properties',
    [
        {'hw_video_model': 'VGA'},
        {'hw_qemu_guest_agent': 'maybe'},
        {'kernel_id': 'x'},
        {'os_glance_x': 'y'},
        {'min_disk': 'few'},
        {'min_disk': '0'},
        {'trait:HW_CPU': 'yes'},
    ],
)
def test_what_openstack_refuses_or_cannot_boot_is_an_error(properties):
    verdict = check(properties)
    assert (verdict.outcome, verdict.severity) == ('fail', None)


@pytest.mark.parametrize(
    'properties',
    [
        {'replace_frequency': 'sometimes'},
        {'os_purpose': 'Generic'},
        {'image_build_date': 'today'},
        {'img_signature': 'x'},
        {'license_included': 'true', 'license_required': 'true'},
        {'hw_disk_buss': 'scsi'},
        {'os_command_line': 'quiet'},
    ],
)
def test_what_harms_no_boot_is_a_warning(properties):
    verdict = check(properties)
    assert (verdict.outcome, verdict.severity) == ('fail', 'warning')


@pytest.mark.parametrize(
    ('missing', 'severity'),
    [('os_distro', 'warning'), ('architecture', 'warning'),
     ('os_admin_user', 'info')],
)  # fmt: skip
def test_what_is_missing_is_told(missing, severity):
    verdict = check({missing: None})
    assert (verdict.outcome, verdict.severity) == ('fail', severity)
    assert missing in str(verdict.evidence)


def test_empty_value_is_as_good_as_none():
    assert check({'os_distro': ' '}).outcome == 'fail'


@pytest.mark.parametrize(
    ('record', 'outcome'),
    [(None, 'pass'), (CANDIDATE, 'pass'), (CURRENT, 'fail')],
)
def test_least_memory_must_be_known_once_it_was_tested(record, outcome):
    assert check({'min_ram': None}, record).outcome == outcome


def test_profile_says_what_is_mandatory():
    options = {'mandatory': ['our_key'], 'recommended': []}
    assert check({'os_distro': None}, **options).severity == 'warning'
    assert check({'our_key': '1'}, **options).outcome == 'pass'


@pytest.mark.parametrize(
    ('version', 'outcome'),
    [
        ('12', 'pass'),
        ('12.04.1', 'pass'),
        ('12-beta', 'fail'),
        ('v12', 'fail'),
    ],
)
def test_version_is_a_number_where_the_profile_asks(version, outcome):
    options = {'numeric_version': True}
    image = dataclasses.replace(
        mutations.registered({'os_version': version}),
        image=images.in_memory(),
    )
    assert RULE.check(image, options).outcome == outcome
    assert RULE.check(image).outcome == 'pass'


@pytest.mark.parametrize(
    ('properties', 'outcome'),
    [
        ({'image_source': 'https://cloud.debian.org/images/x'}, 'pass'),
        ({'image_source': 'https://example.org/cloud.debian.org'}, 'fail'),
        ({'image_source': 'http://[broken'}, 'fail'),
        ({'image_source': 'private'}, 'fail'),
        ({'image_source': 'private', 'os_purpose': 'custom'}, 'pass'),
        ({'image_source': 'private', 'os_distro': 'rocky'}, 'pass'),
    ],
)
def test_generic_image_is_its_makers_own(properties, outcome):
    properties = {'os_purpose': 'generic'} | properties
    verdict = check(properties, generic_sources=GENERIC)
    told = [one for one in verdict.evidence if 'SCS-0104' in one.message]
    assert bool(told) == (outcome == 'fail')


def test_image_that_is_not_at_hand_is_not_passed():
    assert RULE.check(mutations.registered({})).outcome == 'unknown'
    bad = mutations.registered({'kernel_id': 'x'})
    assert RULE.check(bad).outcome == 'fail'


def test_what_other_rules_say_is_not_said_twice():
    properties = {'os_distro': 'ubuntu', 'hw_qemu_guest_agent': 'yes'}
    assert check(properties).outcome == 'pass'
