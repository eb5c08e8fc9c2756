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

import json

import pytest

from image_pipeline import artifact, exceptions
from image_pipeline.audit import derived, facts
from image_pipeline.stages import properties
from image_pipeline.testing import disks, fakes

SEEN = artifact.Evidence(message='seen')


def context(folder, **said):
    image = folder / 'image.raw'
    image.write_bytes(disks.gpt_disk([]))
    return fakes.stage_context(
        folder,
        format='raw',
        image_properties=said,
        inputs={
            artifact.IMAGE: artifact.Artifact(
                kind=artifact.IMAGE, path=image, digest='sha256:0', size=0
            )
        },
    )


@pytest.fixture
def debian(monkeypatch):
    """Make every image one of Debian."""
    found = facts.Facts(
        derived=tuple(
            facts.Derived(key=key, value=value, evidence=SEEN)
            for key, value in (
                ('hw_disk_bus', 'virtio'),
                ('os_distro', 'debian'),
            )
        ),
        min_disk=2,
    )
    monkeypatch.setattr(derived, 'read', lambda view: found)
    return found


def run(given, *leave_out):
    options = properties.PropertiesOptions(leave_out=leave_out)
    (made,) = properties.PropertiesStage(options).run(given)
    return made


def test_facts_are_an_artifact_of_their_own(tmp_path, debian):
    made = run(context(tmp_path))
    assert made.kind == artifact.PROPERTIES
    assert facts.Facts.from_json(json.loads(made.path.read_text())) == debian
    assert made.properties['image_digest'] == 'sha256:0'


def test_what_is_left_out_is_not_derived(tmp_path, debian):
    made = run(context(tmp_path), 'hw_disk_bus')
    assert json.loads(made.path.read_text())['properties'] == {
        'os_distro': 'debian'
    }


def test_recipe_that_contradicts_the_image_ends_the_run(tmp_path, debian):
    with pytest.raises(exceptions.RecipeInvalid) as caught:
        run(context(tmp_path, os_distro='ubuntu'))
    (problem,) = caught.value.problems
    assert problem.path == 'image.properties.os_distro'


def test_image_that_cannot_be_read_says_what_to_do(tmp_path):
    with pytest.raises(exceptions.StageFailed) as caught:
        run(context(tmp_path))
    assert 'recipe' in caught.value.hint


def test_image_with_a_file_that_may_not_be_read_is_told(tmp_path, monkeypatch):
    def refuse(view):
        raise exceptions.ImageUnreadable('/etc/os-release has too many lines')

    monkeypatch.setattr(derived, 'read', refuse)
    with pytest.raises(exceptions.StageFailed, match='/etc/os-release'):
        run(context(tmp_path))


def test_changed_words_of_the_recipe_are_checked_again(tmp_path, debian):
    stage = properties.PropertiesStage(properties.PropertiesOptions())
    for name in 'ab':
        (tmp_path / name).mkdir()
    first = stage.fingerprint(context(tmp_path / 'a').plan)
    second = stage.fingerprint(context(tmp_path / 'b', os_distro='x').plan)
    assert first != second
