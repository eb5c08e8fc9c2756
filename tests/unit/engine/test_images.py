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

from pathlib import Path

import pytest

from image_pipeline import artifact, exceptions
from image_pipeline.clouds import cloud
from image_pipeline.engine import images, result, targets
from image_pipeline.testing import fakes

TEXT = """\
version: 1
image: {name: fake}
stages: [fake-make, fake-convert, fake-check, fake-register]
"""


def image(number, **changes):
    values = {
        'id': f'image-{number}',
        'name': f'fake.candidate-{number}',
        'final_name': 'fake',
        'state': artifact.ImageState.CANDIDATE,
        'sha256': '0' * 64,
        'sha512': '0' * 128,
        'size': 1,
        'virtual_size': 1,
        'format': 'qcow2',
        'visibility': 'private',
        'hidden': True,
        'created_at': f'2026-01-0{9 - number}T00:00:00Z',
    }
    return artifact.ImageRecord(**values | changes)


class FakeCatalogue:
    """A catalogue that lists and deletes."""

    def __init__(self, *known):
        self.known = list(known)
        self.deleted = []

    def get(self, image_id):
        for one in self.known:
            if one.id == image_id:
                return one
        raise exceptions.NotFound(f'there is no image {image_id}')

    def list_images(self, *, name=None, states=()):
        return [one for one in self.known if one.state in states]

    def discard(self, image_id, *, reason):
        assert reason
        if image_id == 'image-9':
            raise exceptions.StateConflict('image-9 is in use')
        self.deleted.append(image_id)


@pytest.fixture
def catalogue(monkeypatch):
    made = FakeCatalogue(*map(image, range(1, 6)))
    monkeypatch.setattr(targets, 'catalogue', lambda *_: made)
    return made


def registered(image_id):
    made = artifact.Artifact(
        kind=artifact.REGISTRATION,
        path=Path('/x'),
        digest='sha256:0',
        size=1,
        properties={'image_id': image_id},
    )
    return result.StepResult(
        key='fake-register@local',
        stage='fake-register',
        state=artifact.StepState.SUCCEEDED,
        artifacts=(made,),
    )


def test_an_image_is_told_as_its_catalogue_knows_it(plan, settings, catalogue):
    (one,) = images.of_run(
        plan(text=TEXT), [registered('image-2')], settings, warn=print
    )
    assert one['id'] == 'image-2'
    assert one['state'] == 'candidate'
    assert set(one) == {
        'target',
        'region',
        'id',
        'name',
        'state',
        'visibility',
        'previous_id',
        'sha512',
        'path',
        'reason',
    }


def test_an_image_that_is_gone_is_a_warning(plan, settings, catalogue):
    told = []
    found = images.of_run(
        plan(text=TEXT), [registered('other')], settings, warn=told.append
    )
    assert found == ()
    assert told == ['local: there is no image other']


def test_the_newest_candidates_stay(plan, settings, catalogue):
    gone = images.collect_candidates(plan(text=TEXT), settings, warn=print)
    assert gone == catalogue.deleted == ['image-4', 'image-5']


def test_the_runs_own_image_and_former_current_ones_stay(
    plan, settings, catalogue
):
    catalogue.known.append(image(6, promoted_at='2025-01-01T00:00:00Z'))
    gone = images.collect_candidates(
        plan(text=TEXT), settings, spare=['image-5'], warn=print
    )
    assert gone == ['image-4']


def test_what_cannot_be_deleted_is_a_warning(plan, settings, catalogue):
    catalogue.known.append(image(9))
    told = []
    images.collect_candidates(plan(text=TEXT), settings, warn=told.append)
    assert told == ['local: image-9 is in use']


def test_catalogue_that_cannot_be_asked_keeps_its_candidates(
    plan, settings, catalogue, monkeypatch
):
    def broken(**_):
        raise exceptions.Unavailable('the image service is down')

    monkeypatch.setattr(catalogue, 'list_images', broken)
    told = []
    made = plan(text=TEXT)
    assert images.collect_candidates(made, settings, warn=told.append) == []
    assert told == ['local: old candidates stay: the image service is down']


def test_region_is_that_of_the_cloud(monkeypatch, tmp_path):
    file = tmp_path / 'clouds.yaml'
    auth = '{auth_url: http://keystone.test}'
    file.write_text(f'clouds: {{c: {{region_name: North, auth: {auth}}}}}')
    monkeypatch.setenv('OS_CLIENT_CONFIG_FILE', str(file))
    cloud.forget()
    target = fakes.target(name='prod', cloud='c')
    assert images.to_json(image(1), target)['region'] == 'North'
    other = fakes.target(name='prod', cloud='c', region='South')
    assert images.to_json(image(1), other)['region'] == 'South'
    gone = fakes.target(name='prod', cloud='gone')
    assert images.to_json(image(1), gone)['region'] is None
    assert images.to_json(image(1), fakes.target())['region'] is None
    cloud.forget()
