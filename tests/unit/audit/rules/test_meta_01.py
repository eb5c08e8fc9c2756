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

from image_pipeline.audit import registry, subjects
from image_pipeline.testing import images, mutations

RULE = registry.get('META-01')


def check(files=None, **properties):
    found = mutations.registered(properties)
    return RULE.check(
        dataclasses.replace(found, image=images.in_memory(files))
    )


def test_image_that_is_what_is_said_passes():
    assert check().outcome == 'pass'


@pytest.mark.parametrize(
    ('properties', 'severity'),
    [
        ({'architecture': 'aarch64'}, None),
        ({'os_type': 'windows'}, None),
        ({'os_distro': 'ubuntu'}, 'warning'),
        ({'os_version': '13'}, 'warning'),
        ({'os_admin_user': 'root'}, 'warning'),
        ({'image_original_user': 'root'}, 'warning'),
        ({'os_distro': 'ubuntu', 'architecture': 'ppc64le'}, None),
    ],
)
def test_what_the_image_is_not_is_told(properties, severity):
    verdict = check(**properties)
    assert (verdict.outcome, verdict.severity) == ('fail', severity)
    assert len(verdict.evidence) == len(properties)
    assert {one.data for one in verdict.evidence} == set(properties.values())


@pytest.mark.parametrize(
    ('release', 'said', 'outcome'),
    [
        ('ID=opensuse-leap\nVERSION_ID="15.6"\n', 'opensuse 15.6', 'pass'),
        ('ID=rocky\nVERSION_ID="9.6"\n', 'rocky 9', 'pass'),
        ('ID=ubuntu\nVERSION_ID="24.04"\n', 'ubuntu 24.04', 'pass'),
        ('ID=ubuntu\nVERSION_ID="24.04"\n', 'ubuntu 24', 'pass'),
        ('ID=ubuntu\nVERSION_ID="24.04"\n', 'ubuntu 22.04', 'fail'),
        ('ID=linuxmint\nID_LIKE=ubuntu\n', 'ubuntu 22', 'fail'),
    ],
)
def test_names_and_versions_are_those_of_glance(release, said, outcome):
    distro, version = said.split()
    verdict = check(
        {'/usr/lib/os-release': release}, os_distro=distro, os_version=version
    )
    assert verdict.outcome == outcome


def test_properties_that_say_nothing_are_not_judged():
    nothing = subjects.RegisteredImageView(
        name='x', properties={'hw_disk_bus': 'ide'}, image=images.in_memory()
    )
    assert RULE.check(nothing).outcome == 'not-applicable'


def test_image_that_is_not_at_hand_is_not_passed():
    assert RULE.check(mutations.registered({})).outcome == 'unknown'
