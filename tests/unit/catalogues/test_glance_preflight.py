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


import pytest

from image_pipeline import artifact, exceptions
from image_pipeline.catalogues import glance, glance_preflight, glance_records
from image_pipeline.clouds import offers
from image_pipeline.testing import fake_glance, fake_images, fakes

PROJECT, OTHER = 'a0' * 16, 'b0' * 16
THERE = '00000000-0000-4000-8000-000000000001'
ALL = {artifact.REGISTRATION: {}, artifact.PROMOTION: {}}
Severity = artifact.Severity


@pytest.fixture
def service():
    return fake_glance.FakeGlance(
        stores=[
            offers.Store(id='disk', kind='file', default=True),
            offers.Store(id='ceph', kind='rbd'),
        ]
    )


@pytest.fixture
def client(service):
    made = fake_images.FakeImages(service, project=PROJECT)
    made.create(THERE, name='another', disk_format='raw')
    return made


def ask(client, target=None, roles=(), **changes):
    """Return what is objected to: messages by severity."""
    values = {'makes': ALL, 'name': 'debian-12', 'format': 'qcow2'}
    found = glance_preflight.check(
        client,
        target or fakes.target(cloud='cloud'),
        artifact.Intent(**(values | changes)),
        project=PROJECT,
        roles=roles,
    )
    return [(one.severity, str(one.problem)) for one in found]


def only(found, severity=Severity.ERROR):
    ((said, message),) = found
    assert said is severity
    return message


def test_nothing_speaks_against_what_is_allowed(client):
    assert ask(client, fakes.target(cloud='c', stores=('disk',))) == []


def test_asking_leaves_nothing(client, service):
    before = dict(service.images)
    ask(client)
    assert service.images == before


def test_reader_may_not_make_an_image(service, client):
    reader = fake_images.FakeImages(service, project=PROJECT, reader=True)
    message = only(ask(reader))
    assert 'may not make the image' in message
    assert 'role member' in message
    # Whose id was taken for asking is nobody's business.
    assert THERE not in message


def test_where_there_is_no_image_roles_tell_who_only_looks():
    empty = fake_images.FakeImages(project=PROJECT)
    assert 'may only look' in only(ask(empty, roles={'reader'}))
    assert ask(empty, roles={'reader', 'member'}) == []
    assert ask(empty) == []


def test_public_is_not_for_everybody(client, service):
    target = fakes.target(cloud='c', visibility='public')
    assert 'may not make an image public' in only(ask(client, target))
    admin = fake_images.FakeImages(service, project=PROJECT, admin=True)
    assert ask(admin, target) == []


def test_visibility_matters_to_who_promotes_only(client):
    target = fakes.target(cloud='c', visibility='public')
    makes = {artifact.REGISTRATION: {}}
    assert ask(client, target, makes=makes) == []


def test_store_that_is_not_there_is_told(client):
    target = fakes.target(cloud='c', stores=('cehp',))
    message = only(ask(client, target))
    assert 'no store "cehp"' in message
    assert 'did you mean "ceph"?' in message


def test_raw_is_recommended_where_ceph_clones_it(client):
    target = fakes.target(cloud='c', stores=('ceph',))
    message = only(ask(client, target), Severity.WARNING)
    assert 'set formats = raw' in message
    raw = fakes.target(cloud='c', stores=('ceph',), formats=('raw',))
    assert ask(client, raw, format='raw') == []


def test_qcow2_is_recommended_where_files_are_copied(client):
    target = fakes.target(cloud='c', formats=('raw',))
    message = only(ask(client, target, format='raw'), Severity.WARNING)
    assert 'set formats = qcow2' in message


def test_format_that_the_cloud_does_not_take_is_told(client, monkeypatch):
    schema = {'properties': {'disk_format': {'enum': ['raw']}}}
    monkeypatch.setattr(client, 'schema', lambda: schema)
    assert 'disk_format qcow2' in only(ask(client))


def test_value_that_is_no_number_is_told(client):
    found = ask(client, properties={'min_disk': 'much'})
    assert 'min_disk is "much"' in only(found)


def test_way_to_import_that_is_not_offered_is_told(client, service):
    service.import_methods = ()
    target = fakes.target(cloud='c', import_method='glance-direct')
    assert 'does not offer glance-direct' in only(ask(client, target))


def test_quota_that_is_full_is_told(client, service):
    service.quota = offers.Quota(images=offers.Limit(limit=1, used=1))
    assert 'may have 1' in ask(client)[0][1]


def test_name_that_somebody_took_stops_who_promotes(client):
    taken = THERE.replace('1', '2')
    client.create(taken, name='debian-12', disk_format='raw')
    assert taken in only(ask(client))
    found = ask(client, makes={artifact.REGISTRATION: {}})
    assert taken in only(found, Severity.WARNING)


def test_own_former_images_are_no_obstacle(client):
    ours = THERE.replace('1', '3')
    client.create(
        ours,
        name='debian-12',
        disk_format='raw',
        properties={
            glance_records.ID: ours,
            glance_records.NAME: 'debian-12',
            glance_records.STATE: 'current',
        },
    )
    assert ask(client) == []


def test_what_one_check_raises_does_not_hold_up_the_others(
    client, monkeypatch
):
    def schema():
        raise exceptions.Unavailable('Glance is down')

    monkeypatch.setattr(client, 'schema', schema)
    found = ask(client, fakes.target(cloud='c', stores=('nosuch',)))
    assert ['Glance is down' in text for _, text in found] == [True, False]
    assert 'no store' in found[1][1]


def test_catalogue_of_glance_passes_it_on(client, tmp_path):
    catalogue = glance.GlanceCatalogue(
        fakes.target(cloud='c', stores=('nosuch',)),
        state_dir=tmp_path,
        client=client,
        project=PROJECT,
    )
    intent = artifact.Intent(makes=ALL, name='x', format='qcow2')
    (found,) = catalogue.preflight(intent)
    assert 'nosuch' in found.problem.message
