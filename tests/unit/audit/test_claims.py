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

from image_pipeline.audit import claims, rule, subjects
from image_pipeline.testing import images, mutations


def test_contradictions_are_those_of_the_image():
    found = dataclasses.replace(
        mutations.registered({'os_distro': 'ubuntu', 'min_disk': '0'}),
        image=images.in_memory(),
    )
    assert {one.key for one in claims.contradictions(found)} == {
        'os_distro',
        'min_disk',
    }


def test_image_is_read_once_for_all_rules():
    image = images.in_memory()
    found = subjects.RegisteredImageView(name='x', properties={}, image=image)
    list(claims.contradictions(found))
    kept = image.remember('facts', lambda: None)
    assert kept is not None and kept.properties['os_distro'] == 'debian'


def test_nothing_is_known_without_the_image():
    with pytest.raises(rule.CannotTell):
        list(claims.contradictions(mutations.registered({})))
