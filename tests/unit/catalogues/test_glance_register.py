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

import logging
import uuid

import pytest

from image_pipeline import exceptions
from image_pipeline.catalogues import (
    glance_records,
    glance_register,
    states,
)
from image_pipeline.clouds import offers
from image_pipeline.host import cancellation
from image_pipeline.testing import fake_images, fakes
from image_pipeline.testing.conformance import catalogue_fixtures


@pytest.fixture
def client():
    return fake_images.FakeImages()


@pytest.fixture
def image(tmp_path):
    return catalogue_fixtures.make_image(tmp_path)


@pytest.fixture
def make(client, image, tmp_path):
    def run(*, undo=lambda: None, properties=None, **settings):
        fresh = states.candidate(
            image,
            image_id=str(uuid.uuid4()),
            name='debian-12',
            recipe='recipe',
            run_id='run-1',
            properties=properties or {},
            tags=('t',),
            created_at='',
            rejected=False,
        )
        registration = glance_register.Registration(
            client,
            fakes.target('cloud', cloud='c', **settings),
            'project',
            tmp_path,
        )
        return fresh, registration.make(
            image,
            fresh,
            undo=undo,
            progress=lambda done, total, unit: None,
            cancelled=cancellation.CancellationToken(),
        )

    return run


def methods(client):
    return [one.method for one in client.requests]


def test_made_image_is_what_was_to_be(make):
    fresh, made = make(properties={'os_distro': 'debian', 'min_disk': '2'})
    assert made.id == fresh.id
    assert made.name == fresh.name
    assert made.hidden
    assert made.min_disk == 2
    assert made.tags == ('t',)
    assert made.properties['os_distro'] == 'debian'
    assert glance_records.is_registered(made)


def test_checks_come_before_the_journal_and_that_before_the_image(
    make, client
):
    seen = []
    make(undo=lambda: seen.extend(methods(client)))
    assert 'schema' in seen
    assert 'create' not in seen
    assert methods(client)[len(seen)] == 'create'


def test_nothing_is_made_where_the_journal_cannot_be_written(make, client):
    def refuse():
        raise exceptions.StateConflict('no room for the journal')

    with pytest.raises(exceptions.StateConflict):
        make(undo=refuse)
    assert client.service.images == {}


def test_register_takes_few_requests(make, client):
    make()
    # What it costs beyond POST, PUT and GET is the benchmark's overhead.
    assert len(client.requests) <= 10


def test_values_outside_the_sites_definitions_are_warned_of(
    make, client, caplog
):
    client.service.namespaces = (
        offers.Namespace(
            name='Our::Images',
            properties={'team': {'type': 'string', 'enum': ['a', 'b']}},
        ),
    )
    with caplog.at_level(logging.WARNING):
        make(properties={'team': 'c'})
    assert 'team is "c"' in caplog.text
    assert 'target "cloud"' in caplog.text


def test_image_that_cannot_be_deleted_is_told_and_the_error_stays(
    make, client, caplog
):
    def fail(request):
        if request.method == 'upload':
            raise exceptions.StageFailed('the moon is down')
        if request.method == 'delete':
            raise exceptions.Forbidden('not now')

    client.before.append(fail)
    with (
        caplog.at_level(logging.WARNING),
        pytest.raises(exceptions.StageFailed, match='the moon'),
    ):
        make()
    assert 'is left half made: not now' in caplog.text
