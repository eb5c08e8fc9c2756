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

import inspect
import sys
from importlib import metadata

import pytest

from image_pipeline.audit import profile, registry
from image_pipeline.audit.rule import Severity

#: Ours alone, whatever else is installed.
OURS = {
    one.name: registry.get(one.name)
    for one in metadata.entry_points(group=registry.NAMESPACE)
    if one.module.startswith('image_pipeline.')
}
NAMES = ('egi', 'minimal', 'openstack', 'scs', 'vendor')


def chosen(name):
    return {one.rule.id: one for one in profile.load(name, OURS).chosen}


def may_be_error(rule):
    """Whether a rule, or a finding of its, is an error."""
    source = inspect.getsource(sys.modules[type(rule).__module__])
    return rule.severity is Severity.ERROR or 'Severity.ERROR' in source


ERRORS = sorted(name for name, rule in OURS.items() if may_be_error(rule))


def options(name):
    """Return the options of a profile's rules, defaults included."""
    return {
        key: one.rule.defaults() | dict(one.options)
        for key, one in chosen(name).items()
    }


def test_these_profiles_come_with_us():
    assert profile.names() == sorted(NAMES)


@pytest.mark.parametrize('name', NAMES)
def test_profile_is_about_rules_that_there_are(name):
    assert chosen(name)


def test_egi_judges_every_rule_as_severely_as_the_rule_says():
    found = chosen('egi')
    assert sorted(found) == sorted(OURS)
    assert {one.severity for one in found.values()} == {None}


def test_egi_says_of_each_conflict_what_the_rules_say_by_themselves():
    for key, one in chosen('egi').items():
        assert options('egi')[key] == one.rule.defaults(), key


def test_minimal_has_exactly_what_can_be_an_error():
    assert sorted(chosen('minimal')) == ERRORS
    assert profile.load('minimal', OURS).least is Severity.ERROR


@pytest.mark.parametrize('name', NAMES)
def test_no_profile_makes_an_error_less_than_one(name):
    lowered = {
        key for key, one in chosen(name).items() if one.severity is not None
    }
    # Checksums and containers are matters of who publishes the file.
    assert not lowered & set(ERRORS)


@pytest.mark.parametrize('name', NAMES)
def test_no_profile_is_more_severe_than_its_rules(name):
    for one in chosen(name).values():
        if one.severity is not None:
            assert one.severity.rank <= one.rule.severity.rank, one.rule.id


def test_scs_asks_for_the_mandatory_properties_of_scs_0102():
    found = options('scs')['META-03']
    assert found['mandatory'] == [
        'architecture', 'hw_disk_bus', 'image_build_date',
        'image_description', 'image_original_user', 'image_source',
        'min_disk', 'min_ram', 'os_distro', 'os_purpose', 'os_version',
        'provided_until', 'replace_frequency', 'uuid_validity',
    ]  # fmt: skip
    assert found['numeric_version'] is True
    assert set(found['generic_sources']) == {'debian', 'ubuntu'}
    assert sorted(chosen('scs')) == sorted(chosen('openstack'))


def test_raw_is_right_for_openstack_and_compressed_qcow2_for_egi():
    for name, formats in (('egi', ['qcow2']), ('scs', ['qcow2', 'raw'])):
        found = options(name)['EGI-FMT-01']
        assert found['formats'] == formats
        assert found['compression'] == ['zlib', 'zstd']
        assert found['cluster_kib'] == [64]


def test_firewall_is_the_image_guides_or_egis():
    assert options('openstack')['OS-FW-01']['firewall'] == 'none'
    assert options('egi')['OS-FW-01']['firewall'] == 'ssh-only'


def test_endorsement_is_asked_for_by_a_site_alone():
    for name in NAMES:
        if 'META-07' in chosen(name):
            assert options(name)['META-07']['asked'] is False
