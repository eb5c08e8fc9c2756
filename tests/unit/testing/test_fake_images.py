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

"""The fake image service keeps the contract of the real one."""

import pytest

from image_pipeline import exceptions
from image_pipeline.testing import fake_glance, fake_images
from image_pipeline.testing.conformance import images as conformance

IMAGE = '6f1f1b9e-0000-4000-8000-000000000001'


class TestFakeImages(conformance.ImagesConformance):
    def make(self):
        service = fake_glance.FakeGlance()
        return (
            fake_images.FakeImages(service, project='one'),
            fake_images.FakeImages(service, project='two'),
        )

    def project(self, client):
        return client.user.project


def test_client_dies_before_a_request_and_stays_dead():
    client = fake_images.FakeImages()
    client.create(IMAGE, name='x', disk_format='raw')
    client.die(1)
    client.get(IMAGE)
    for _ in range(2):
        with pytest.raises(fake_images.Died):
            client.delete(IMAGE)
    assert IMAGE in client.service.images


def test_client_dies_after_a_request_that_was_done():
    client = fake_images.FakeImages()
    client.die(0, after=True)
    with pytest.raises(fake_images.Died):
        client.create(IMAGE, name='x', disk_format='raw')
    assert IMAGE in client.service.images


def test_patch_that_began_before_another_takes_it_back():
    one = fake_images.FakeImages()
    two = fake_images.FakeImages(one.service)
    one.create(IMAGE, name='x', disk_format='raw')

    def meanwhile(image_id):
        one.service.torn = lambda image_id: None
        two.patch(image_id, {'os_hidden': True, 'b': '2'})

    one.service.torn = meanwhile
    now = one.patch(IMAGE, {'a': '1'})
    assert not now.hidden
    assert dict(now.properties) == {'a': '1'}


def test_reader_sees_and_changes_nothing():
    one = fake_images.FakeImages()
    one.create(IMAGE, name='x', disk_format='raw')
    reader = fake_images.FakeImages(one.service, reader=True)
    assert reader.get(IMAGE).name == 'x'
    with pytest.raises(exceptions.Forbidden):
        reader.patch(IMAGE, {'name': 'y'})
