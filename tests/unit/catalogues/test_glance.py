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

from image_pipeline import artifact, exceptions
from image_pipeline.catalogues import (
    base,
    glance,
    glance_halves,
    glance_records,
)
from image_pipeline.clouds import images, offers
from image_pipeline.host import cancellation, locks
from image_pipeline.testing import fake_data, fake_glance, fake_images, fakes
from image_pipeline.testing.conformance import catalogue as conformance

_STATE = artifact.ImageState
PROJECT = 'project'


def place(**changes):
    return fakes.target(
        'cloud', catalogue='glance', hypervisor='nova', cloud='c', **changes
    )


def open_catalogue(folder, service=None, **changes):
    return glance.GlanceCatalogue(
        place(**changes),
        state_dir=folder,
        client=fake_images.FakeImages(service, project=PROJECT),
        project=PROJECT,
    )


def again(catalogue):
    return glance.GlanceCatalogue(
        catalogue.target,
        state_dir=catalogue.state_dir,
        client=fake_images.FakeImages(
            catalogue.client.service, project=PROJECT
        ),
        project=PROJECT,
    )


class TestGlanceCatalogue(conformance.CatalogueConformance):
    def make(self, folder):
        return open_catalogue(
            folder, tags=('t',), visibility='shared', delete=True
        )

    def again(self, catalogue):
        return again(catalogue)


@pytest.fixture
def image(tmp_path):
    return conformance.make_image(tmp_path)


@pytest.fixture
def catalogue(tmp_path):
    return open_catalogue(tmp_path)


def asked(catalogue):
    """Return what was asked since the last time, but for looking."""
    made = [
        one.method
        for one in catalogue.client.requests
        if one.method in ('create', 'patch', 'delete', 'upload', 'stage_data')
    ]
    catalogue.client.requests.clear()
    return made


def test_same_content_is_neither_uploaded_nor_changed(catalogue, image):
    conformance.register(catalogue, image, properties={'a': '1'})
    asked(catalogue)
    conformance.register(catalogue, image, properties={'a': '1'})
    assert asked(catalogue) == []


def test_change_of_properties_alone_is_one_patch(catalogue, image):
    first = conformance.register(catalogue, image, properties={'a': '1'})
    asked(catalogue)
    second = conformance.register(
        catalogue, image, properties={'b': '1', 'min_ram': '64'}
    )
    assert asked(catalogue) == ['patch']
    assert second.id == first.id
    assert dict(second.properties) == {'b': '1', 'min_ram': '64'}
    assert catalogue.client.get(first.id).min_ram == 64


def test_change_of_the_targets_tags_is_one_patch(tmp_path, image):
    catalogue = open_catalogue(tmp_path, tags=('old',))
    first = conformance.register(catalogue, image)
    assert first.tags == ('old',)
    changed = open_catalogue(tmp_path, catalogue.client.service, tags=('new',))
    second = conformance.register(changed, image)
    assert (second.id, second.tags) == (first.id, ('new',))
    assert asked(changed) == ['patch']


def test_properties_of_others_stay(catalogue, image):
    first = conformance.register(catalogue, image, properties={'a': '1'})
    catalogue.client.patch(first.id, {'operators': 'own'})
    second = conformance.register(catalogue, image, properties={'b': '2'})
    assert dict(second.properties) == {'b': '2', 'operators': 'own'}


def test_property_that_a_person_set_by_us_is_brought_up_to_date(
    catalogue, image
):
    first = conformance.register(catalogue, image, properties={'a': '1'})
    catalogue.set_properties(first.id, {'c': '3', 'a': None})
    second = conformance.register(catalogue, image, properties={'a': '1'})
    assert dict(second.properties) == {'a': '1'}


def test_removed_property_of_an_operator_is_gone_for_good(catalogue, image):
    first = conformance.register(catalogue, image)
    catalogue.client.patch(first.id, {'operators': 'own'})
    catalogue.set_properties(first.id, {'operators': None})
    second = conformance.register(catalogue, image)
    assert dict(second.properties) == {}


def test_image_is_journaled_before_the_first_request_that_makes_it(
    catalogue, image
):
    seen = []
    catalogue.client.before.append(
        lambda request: (
            seen.append(('request', request.method))
            if request.method == 'create'
            else None
        )
    )
    undo = []

    class Journal(list):
        def append(self, record):
            seen.append(('undo', record.arguments['image_id']))
            undo.append(record)

    record = conformance.register(catalogue, image, undo=Journal())
    assert seen == [('undo', record.id), ('request', 'create')]


def test_half_made_image_is_in_no_list(catalogue, image):
    listed = []

    def look(request):
        if request.method == 'upload':
            other = again(catalogue)
            listed.extend(other.list_images())
            with pytest.raises(exceptions.NotFound):
                other.get(request.image_id)

    catalogue.client.after.append(look)
    conformance.register(catalogue, image)
    assert listed == []
    assert len(list(catalogue.list_images())) == 1


def test_candidate_says_nothing_of_its_upload_any_more(catalogue, image):
    record = conformance.register(catalogue, image)
    properties = catalogue.client.get(record.id).properties
    assert glance_records.UPLOAD not in properties
    assert glance_records.EXPIRES not in properties
    assert properties[glance_records.ID] == record.id


def test_snapshot_with_our_properties_is_no_image_of_ours(catalogue, image):
    record = conformance.register(catalogue, image)
    copied = catalogue.client.get(record.id).properties
    snapshot = '22222222-2222-4222-8222-222222222222'
    catalogue.client.create(
        snapshot, name='snapshot', disk_format='raw', properties=copied
    )
    with image.path.open('rb') as file:
        catalogue.client.upload(snapshot, file, image.size)
    assert [one.id for one in catalogue.list_images()] == [record.id]
    with pytest.raises(exceptions.NotFound) as caught:
        catalogue.get(snapshot)
    assert 'adopt' in (caught.value.hint or '')


def test_images_of_other_projects_are_not_listed(catalogue, image):
    other = glance.GlanceCatalogue(
        place(),
        state_dir=catalogue.state_dir,
        client=fake_images.FakeImages(
            catalogue.client.service, project='other', admin=True
        ),
        project='other',
    )
    theirs = conformance.register(other, image)
    other.client.patch(theirs.id, {'visibility': 'public'})
    ours = conformance.register(catalogue, image)
    assert ours.id != theirs.id
    assert [one.id for one in catalogue.list_images()] == [ours.id]


@pytest.mark.parametrize('number', range(12))
@pytest.mark.parametrize('after', [False, True])
def test_kill_at_any_request_leaves_what_the_next_run_cleans(
    tmp_path, image, number, after
):
    service = fake_glance.FakeGlance()
    (tmp_path / 'runs' / 'run-1').mkdir(parents=True)
    killed = open_catalogue(tmp_path, service)
    killed.client.die(number, after=after)
    undo = []
    with pytest.raises(fake_data.Died):
        conformance.register(killed, image, undo=undo)
    left = set(service.images)
    assert left <= {one.arguments['image_id'] for one in undo}
    after_it = open_catalogue(tmp_path, service)
    after_it.recover()
    record = conformance.register(after_it, image)
    assert set(service.images) == {record.id}
    # Whatever the journal says is undone, too.
    for one in undo:
        after_it.undo(one.arguments)
    assert set(service.images) <= {record.id}


@pytest.mark.parametrize('number', range(12))
def test_undo_takes_away_what_a_kill_left(tmp_path, image, number):
    service = fake_glance.FakeGlance()
    killed = open_catalogue(tmp_path, service)
    killed.client.die(number, after=True)
    undo = []
    with pytest.raises(fake_data.Died):
        conformance.register(killed, image, undo=undo)
    for one in undo:
        again(open_catalogue(tmp_path, service)).undo(one.arguments)
    assert service.images == {}


def test_upload_of_a_live_run_is_spared(tmp_path, image):
    service = fake_glance.FakeGlance()
    folder = tmp_path / 'runs' / 'run-1'
    folder.mkdir(parents=True)
    killed = open_catalogue(tmp_path, service)
    killed.client.die(7)
    with pytest.raises(fake_data.Died):
        conformance.register(killed, image)
    half = set(service.images)
    assert half
    with locks.FileLock(folder / 'lock').acquire(wait=False):
        assert open_catalogue(tmp_path, service).recover() == []
        assert open_catalogue(tmp_path, service).leftovers() == []
    [left] = open_catalogue(tmp_path, service).leftovers()
    assert next(iter(half)) in left
    assert set(service.images) == half
    done = open_catalogue(tmp_path, service).recover()
    assert len(done) == 1
    assert half.pop() in done[0]


@pytest.mark.parametrize(
    'method', ['create', 'upload', 'get', 'patch', 'find']
)
def test_error_in_between_leaves_no_image(tmp_path, image, method):
    catalogue = open_catalogue(tmp_path)

    def fail(request):
        # The first look for images of that name may be done.
        if request.method == method and request.number > 3:
            catalogue.client.before.clear()
            raise exceptions.StageFailed('the moon is down')

    catalogue.client.before.append(fail)
    with pytest.raises(exceptions.StageFailed, match='the moon'):
        conformance.register(catalogue, image)
    assert catalogue.client.service.images == {}


def test_service_that_went_away_is_left_to_the_journal(catalogue, image):
    def fail(request):
        if request.method == 'upload':
            raise exceptions.Unavailable('it does not answer')

    catalogue.client.before.append(fail)
    undo = []
    with pytest.raises(exceptions.Unavailable):
        conformance.register(catalogue, image, undo=undo)
    assert 'delete' not in asked(catalogue)
    again(catalogue).undo(undo[0].arguments)
    assert catalogue.client.service.images == {}


def test_cancelling_in_the_middle_of_an_upload_takes_the_image_away(
    catalogue, tmp_path
):
    token = cancellation.CancellationToken()
    catalogue.client.before.append(
        lambda request: (
            token.cancel('SIGINT') if request.method == 'upload' else None
        )
    )
    with pytest.raises(exceptions.Interrupted):
        conformance.register(
            catalogue, conformance.make_image(tmp_path), cancelled=token
        )
    assert catalogue.client.service.images == {}


def test_file_that_is_not_its_digest_is_not_registered(catalogue, image):
    other = dataclasses.replace(
        image, properties={**image.properties, 'sha512': '0' * 128}
    )
    with pytest.raises(exceptions.DigestMismatch):
        conformance.register(catalogue, other)
    assert catalogue.client.service.images == {}


@pytest.mark.parametrize(
    ('settings', 'properties'),
    [
        ({'stores': ('nowhere',)}, {}),
        ({}, {'min_ram': 'much'}),
        ({}, {'k' * 256: 'x'}),
    ],
)
def test_what_glance_would_refuse_is_refused_before_anything_is_made(
    tmp_path, image, settings, properties
):
    catalogue = open_catalogue(tmp_path, **settings)
    undo = []
    with pytest.raises(exceptions.InvalidInput):
        conformance.register(
            catalogue, image, properties=properties, undo=undo
        )
    assert undo == []
    assert asked(catalogue) == []


def test_property_that_glance_would_refuse_is_not_set(catalogue, image):
    record = conformance.register(catalogue, image)
    asked(catalogue)
    with pytest.raises(exceptions.InvalidInput):
        catalogue.set_properties(record.id, {'min_disk': 'x', 'a': '1'})
    assert asked(catalogue) == []


def test_full_quota_is_told_before_anything_is_made(catalogue, image):
    catalogue.client.service.quota = offers.Quota(
        images=offers.Limit(limit=0, used=0)
    )
    with pytest.raises(exceptions.QuotaExceeded):
        conformance.register(catalogue, image)
    assert asked(catalogue) == []


def test_several_stores_are_filled_by_an_import(tmp_path, image):
    service = fake_glance.FakeGlance(
        stores=(offers.Store(id='fast'), offers.Store(id='slow'))
    )
    catalogue = open_catalogue(
        tmp_path, service, stores=('slow',), import_method='glance-direct'
    )
    record = conformance.register(catalogue, image)
    assert asked(catalogue)[:2] == ['create', 'stage_data']
    assert catalogue.client.get(record.id).stores == ('slow',)


def test_content_that_somebody_else_registered_meanwhile_is_taken(
    catalogue, image
):
    theirs = []

    def other_run(request):
        if request.method == 'upload' and not theirs:
            theirs.append(
                conformance.register(
                    again(catalogue), image, properties={'a': '1'}
                )
            )

    catalogue.client.before.append(other_run)
    ours = conformance.register(catalogue, image, properties={'b': '2'})
    assert ours.id == theirs[0].id
    assert dict(ours.properties) == {'b': '2'}
    assert set(catalogue.client.service.images) == {ours.id}


def test_retired_image_that_was_rejected_comes_back_as_rejected(
    catalogue, image
):
    first = conformance.register(catalogue, image)
    catalogue.client.patch(
        first.id,
        {
            glance_records.STATE: 'retired',
            glance_records.REJECTED: 'yes',
        },
    )
    second = conformance.register(catalogue, image)
    assert second.id != first.id
    assert second.state == _STATE.REJECTED
    assert 'rolled back' in (second.reason or '')


def test_least_memory_that_a_smoke_test_found_is_a_field(catalogue, image):
    record = conformance.register(catalogue, image)
    catalogue.set_properties(
        record.id,
        {'min_ram': '256'},
        tested=base.Tested(sha256=record.sha256, ram=256),
    )
    assert catalogue.client.get(record.id).min_ram == 256
    assert asked(catalogue).count('patch') == 3
    conformance.register(catalogue, image)
    assert catalogue.client.get(record.id).min_ram == 256
    catalogue.set_properties(record.id, {'min_ram': None})
    assert catalogue.client.get(record.id).min_ram == 0


def test_damaged_upload_is_not_a_candidate_for_a_moment(catalogue, image):
    def damage(request):
        if request.method == 'upload':
            service = catalogue.client.service
            service.keep(
                dataclasses.replace(
                    service.images[request.image_id], hash_value='0' * 128
                )
            )

    catalogue.client.after.append(damage)
    with pytest.raises(exceptions.DigestMismatch):
        conformance.register(catalogue, image)
    assert catalogue.client.service.images == {}
    assert 'patch' not in asked(catalogue)


def test_image_that_is_not_complete_is_not_the_same(catalogue, image):
    record = conformance.register(catalogue, image)
    catalogue.client.service.status(record.id, 'killed')
    assert list(catalogue.list_images()) == []
    assert conformance.register(catalogue, image).id != record.id


def test_undo_leaves_images_of_others_alone(catalogue, image):
    made = '22222222-2222-4222-8222-222222222222'
    catalogue.client.create(made, name='by hand', disk_format='raw')
    catalogue.undo({'image_id': made})
    assert made in catalogue.client.service.images


def test_making_a_catalogue_asks_nothing(tmp_path):
    catalogue = glance.GlanceCatalogue(place(), state_dir=tmp_path)
    assert catalogue.undo_record('x').arguments == {
        'target': 'cloud',
        'image_id': 'x',
    }


def test_new_image_says_who_makes_it_and_until_when(catalogue, image):
    seen = {}
    catalogue.client.after.append(
        lambda request: (
            seen.update(
                catalogue.client.service.images[request.image_id].properties
            )
            if request.method == 'create'
            else None
        )
    )
    conformance.register(catalogue, image)
    assert seen[glance_records.RUN] == 'run-1'
    assert seen[glance_records.UPLOAD] == glance_records.SENDING
    assert glance_halves.marks.from_properties(seen) is not None
    assert isinstance(catalogue.client, images.Images)
