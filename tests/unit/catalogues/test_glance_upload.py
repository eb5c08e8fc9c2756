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

import uuid

import pytest

from image_pipeline import exceptions
from image_pipeline.catalogues import glance_upload
from image_pipeline.clouds import images, offers
from image_pipeline.host import cancellation
from image_pipeline.testing import fake_glance, fake_images, fakes
from image_pipeline.testing.conformance import catalogue_fixtures

Method = glance_upload.Method
STORES = tuple(offers.Store(id=one) for one in ('fast', 'slow'))


class Importing(fake_images.FakeImages):
    """A service whose import is what a test says, look after look.

    :param looks: what the image is at each look; the last one stays.
    :param told: what its tasks are at each look.
    """

    def __init__(self, looks=(), told=()):
        super().__init__(fake_glance.FakeGlance(stores=STORES))
        self.service.hang_imports = True
        self.looks = list(looks)
        self.told = list(told)
        self.asked_for = None

    def import_image(self, image_id, method, **options):
        self.asked_for = (method, options)
        super().import_image(image_id, method, **options)

    def get(self, image_id):
        found = super().get(image_id)
        if found.status != 'importing' or not self.looks:
            return found
        change = self.looks.pop(0) if self.looks[1:] else self.looks[0]
        return images.Image(**{**vars(found), **change})

    def tasks(self, image_id):
        super().tasks(image_id)
        if not self.told:
            return []
        return self.told.pop(0) if self.told[1:] else self.told[0]


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch):
    monkeypatch.setattr(glance_upload, '_PAUSE', (0.0, 0.0))


@pytest.fixture
def image(tmp_path):
    return catalogue_fixtures.make_image(tmp_path)


def target(**changes):
    return fakes.target('cloud', cloud='c', **changes)


def queued(client):
    image_id = str(uuid.uuid4())
    client.create(image_id, name='x', disk_format='raw')
    return image_id


def send(client, image, *, method, patience=60.0, told=None, **settings):
    progress = told if told is not None else []
    return glance_upload.Upload(
        client,
        target(**settings),
        progress=lambda *args: progress.append(args),
        cancelled=cancellation.CancellationToken(),
        patience=patience,
    ).run(image, queued(client), method=method, name='debian-12')


def task(status, message=''):
    return images.Task(
        id='task-1', kind='api_image_import', status=status, message=message
    )


@pytest.mark.parametrize(
    ('settings', 'method'),
    [
        ({}, Method.UPLOAD),
        ({'stores': ('fast',)}, Method.UPLOAD),
        ({'stores': ('fast', 'slow')}, Method.DIRECT),
        ({'import_method': 'upload'}, Method.UPLOAD),
        ({'import_method': 'glance-direct'}, Method.DIRECT),
        (
            {'import_method': 'web-download', 'import_url': 'https://x/y'},
            Method.WEB,
        ),
    ],
)
def test_method_is_what_the_target_needs(settings, method):
    client = fake_images.FakeImages()
    assert glance_upload.choose(client, target(**settings)) == method


@pytest.mark.parametrize(
    ('settings', 'said'),
    [
        ({'stores': ('a', 'b'), 'import_method': 'upload'}, 'one store'),
        ({'import_method': 'web-download'}, 'address'),
        ({'import_method': 'glance-direct'}, 'does not offer glance-direct'),
        ({'stores': ('a', 'b')}, 'which several stores need'),
    ],
)
def test_method_that_cannot_be_is_refused(settings, said):
    client = fake_images.FakeImages(fake_glance.FakeGlance(import_methods=()))
    with pytest.raises(exceptions.InvalidInput, match=said):
        glance_upload.choose(client, target(**settings))


def test_plain_upload_needs_no_import_methods():
    client = fake_images.FakeImages(fake_glance.FakeGlance(import_methods=()))
    glance_upload.choose(client, target())
    assert client.requests == []


def test_upload_tells_the_bytes_and_is_active(image):
    client = fake_images.FakeImages()
    told = []
    found = send(client, image, method=Method.UPLOAD, told=told)
    assert found.status == 'active'
    assert told[-1] == (512, 512, 'B')


def test_upload_goes_to_the_one_store_of_the_target(image):
    client = fake_images.FakeImages(fake_glance.FakeGlance(stores=STORES))
    found = send(client, image, method=Method.UPLOAD, stores=('slow',))
    assert found.stores == ('slow',)


def test_import_is_asked_for_with_the_stores_of_the_target(image):
    done = {'status': 'active', 'stores': ('fast', 'slow')}
    client = Importing([{'status': 'importing'}, done])
    found = send(client, image, method=Method.DIRECT, stores=('fast', 'slow'))
    assert found.stores == ('fast', 'slow')
    assert client.asked_for == (
        'glance-direct',
        {'stores': ('fast', 'slow'), 'uri': None},
    ) or client.asked_for == (
        'glance-direct',
        {'stores': ('fast', 'slow')},
    )
    assert client.service.staged


def test_image_that_is_active_in_some_stores_is_waited_for(image):
    pending = {
        'status': 'active',
        'stores': ('fast',),
        'properties': {'os_glance_importing_to_stores': 'slow'},
    }
    done = {
        'status': 'active',
        'stores': ('fast', 'slow'),
        'properties': {'os_glance_importing_to_stores': ''},
    }
    client = Importing([pending, pending, done])
    found = send(client, image, method=Method.DIRECT, stores=('fast', 'slow'))
    assert found.stores == ('fast', 'slow')


def test_store_that_could_not_be_filled_is_named(image):
    failed = {
        'status': 'active',
        'stores': ('fast',),
        'properties': {'os_glance_failed_import': 'slow'},
    }
    client = Importing([failed], [[task('failure', 'no way to slow')]])
    with pytest.raises(exceptions.StageFailed) as caught:
        send(client, image, method=Method.DIRECT, stores=('fast', 'slow'))
    assert 'store slow failed: no way to slow' in caught.value.message


def test_store_that_is_missing_without_a_word_is_named(image):
    client = Importing([{'status': 'active', 'stores': ('fast',)}])
    with pytest.raises(exceptions.StageFailed, match='store slow'):
        send(client, image, method=Method.DIRECT, stores=('fast', 'slow'))


def test_failed_import_says_what_its_task_says(image):
    client = Importing(
        [{'status': 'uploading'}],
        [
            [task('pending')],
            [task('processing', 'Copied 0 MiB')],
            [task('failure', 'the moon is down')],
        ],
    )
    with pytest.raises(exceptions.StageFailed, match='the moon is down'):
        send(client, image, method=Method.DIRECT)


@pytest.mark.parametrize(
    'message',
    [
        'There is not enough disk space on the image storage media.',
        'Resource image_size_total is over limit of 10: exceeded',
        'StorageFull: fs',
    ],
)
def test_full_store_is_told_as_such(image, message):
    client = Importing([{'status': 'queued'}], [[task('failure', message)]])
    with pytest.raises(exceptions.QuotaExceeded) as caught:
        send(client, image, method=Method.DIRECT)
    assert 'delete what is not needed' in (caught.value.hint or '')


def test_import_that_hangs_is_given_up_with_all_that_is_known(image):
    client = Importing(
        [
            {
                'status': 'importing',
                'properties': {'os_glance_importing_to_stores': 'slow'},
            }
        ],
        [[task('processing', 'Copied 1 MiB')]],
    )
    with pytest.raises(exceptions.Unavailable) as caught:
        send(client, image, method=Method.DIRECT, patience=0.0)
    for part in (
        'the image is importing',
        'task task-1 is processing: Copied 1 MiB',
        'the stores slow are still to come',
    ):
        assert part in caught.value.message


def test_import_that_goes_on_is_not_given_up(image, monkeypatch):
    now = iter(range(0, 100000, 50))
    monkeypatch.setattr(glance_upload.time, 'monotonic', lambda: next(now))
    looks = [{'size': size} for size in range(10)] + [{'status': 'active'}]
    client = Importing(looks)
    found = send(client, image, method=Method.DIRECT, patience=120.0)
    assert found.status == 'active'


def test_progress_of_an_import_is_what_glance_copied(image):
    client = Importing(
        [
            {'status': 'importing'},
            {'status': 'importing'},
            {'status': 'active'},
        ],
        [[task('processing', 'Copied 7 MiB')]],
    )
    told = []
    send(client, image, method=Method.DIRECT, told=told)
    # Never more than there is.
    assert told[-1] == (512, 512, 'B')


def test_image_deleted_while_it_is_imported_is_an_error(image):
    client = Importing()
    client.after.append(
        lambda request: (
            client.service.images.clear()
            if request.method == 'import_image'
            else None
        )
    )
    with pytest.raises(exceptions.StageFailed, match='was deleted'):
        send(client, image, method=Method.DIRECT)


def test_waiting_for_an_import_can_be_interrupted(image):
    client = Importing()
    token = cancellation.CancellationToken()
    client.after.append(
        lambda request: (
            token.cancel('SIGINT')
            if request.method == 'import_image'
            else None
        )
    )
    upload = glance_upload.Upload(
        client, target(), progress=lambda *args: None, cancelled=token
    )
    with pytest.raises(exceptions.Interrupted):
        upload.run(
            image, queued(client), method=Method.DIRECT, name='debian-12'
        )


def test_glance_fetches_from_the_address_of_the_target(image):
    client = fake_images.FakeImages()
    sha256 = image.digest.removeprefix('sha256:')
    address = f'https://files/debian-12/{sha256}.raw'
    client.service.web[address] = image.path.read_bytes()
    found = send(
        client,
        image,
        method=Method.WEB,
        import_method='web-download',
        import_url='https://files/{name}/{sha256}.{format}',
    )
    assert found.status == 'active'
    assert found.hash_value == image.properties['sha512']
