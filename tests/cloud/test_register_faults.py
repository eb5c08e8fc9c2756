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

"""What breaks while an image is registered, broken for real."""

import contextlib
import dataclasses
import functools
import hashlib
import http.server
import os
import threading
import uuid

import pytest

from image_pipeline import artifact, exceptions
from image_pipeline.catalogues import glance, glance_records
from image_pipeline.clouds import cloud as clouds_cloud
from image_pipeline.conf import settings as conf_settings
from image_pipeline.host import cancellation
from image_pipeline.testing import fakes, gate

CLOUDS = ('devcloud', 'devcloud-two')
#: Hosts on which tests run may be slow.
PATIENT = conf_settings.Requests(read_timeout=300)
#: With a service that is down, or hangs.
IMPATIENT = conf_settings.Requests(
    read_timeout=300, connect_timeout=5, retries=1, retry_seconds=5
)


@pytest.fixture
def cloud(exclusive_cloud):
    """The cloud, for this test alone."""
    return exclusive_cloud


@pytest.fixture(autouse=True)
def _fresh_sessions():
    clouds_cloud.forget()
    yield
    clouds_cloud.forget()


@pytest.fixture
def name(cloud):
    """The name of this test's images; they are deleted at its end."""
    unique = f'faults-{uuid.uuid4().hex[:12]}'
    yield unique
    cloud.mend()
    for where in CLOUDS:
        found = clouds_cloud.Cloud(where)
        for image in left(unique, where):
            with contextlib.suppress(exceptions.NotFound):
                found.images.delete(image.id)


@pytest.fixture
def state_dir(tmp_path):
    """A state folder that knows the run, and that it is dead."""
    path = tmp_path / 'state'
    (path / 'runs' / 'run-1').mkdir(parents=True)
    return path


def make(path, size):
    """Return an image whose content nobody else has."""
    content = bytes(512) + os.urandom(4096) + bytes(size - 4608)
    path.write_bytes(content)
    return artifact.Artifact(
        kind=artifact.IMAGE,
        path=path,
        digest=f'sha256:{hashlib.sha256(content).hexdigest()}',
        size=size,
        properties={
            'format': 'raw',
            'virtual_size': size,
            'sha512': hashlib.sha512(content).hexdigest(),
        },
    )


@pytest.fixture
def image(tmp_path):
    return make(tmp_path / 'image.raw', 4 << 20)


def catalogue_of(state_dir, where='devcloud', **settings):
    return glance.GlanceCatalogue(
        fakes.target(
            where,
            catalogue='glance',
            cloud=where,
            **{'requests': PATIENT, **settings},
        ),
        state_dir=state_dir,
    )


def register(catalogue, image, name, undo=None):
    return catalogue.register(
        image,
        name=name,
        recipe='recipe',
        run_id='run-1',
        properties={},
        undo=undo or (lambda record: None),
        progress=lambda done, total, unit: None,
        cancelled=cancellation.CancellationToken(),
    )


def left(name, where='devcloud'):
    """Return all images that say that they are of a name."""
    return clouds_cloud.Cloud(where).images.find(
        properties={glance_records.NAME: name}
    )


class Beside(threading.Thread):
    """A registration that goes on beside the test.

    :param catalogue: where.
    :param image: what.
    :param name: its final name.
    """

    def __init__(self, catalogue, image, name):
        super().__init__(daemon=True)
        self._work = functools.partial(
            register, catalogue, image, name, self._note
        )
        self.undo = []
        self.record = None
        self.error = None
        self.start()

    def _note(self, record):
        self.undo.append(record)

    def run(self):
        try:
            self.record = self._work()
        except Exception as exc:
            self.error = exc

    def ended(self):
        """Wait for its end; give its error."""
        self.join(300)
        assert not self.is_alive()
        return self.error


@contextlib.contextmanager
def gated(cloud, folder, monkeypatch, **options):
    """Let new sessions reach the image service through a gate only."""
    url = clouds_cloud.Cloud('devcloud').session.get_endpoint(
        service_type='image', region_name='RegionOne', interface='public'
    )
    host, _, port = url.split('//')[1].split('/')[0].partition(':')
    clouds_cloud.forget()
    with gate.Gate(
        host, int(port), stop_at='PUT /v2/images/', **options
    ) as passage:
        path = folder / 'clouds.yaml'
        path.write_text(
            cloud.clouds_yaml.read_text().replace(
                '  devcloud:\n',
                f'  devcloud:\n    image_endpoint_override: {passage.url}\n',
            )
        )
        monkeypatch.setenv('OS_CLIENT_CONFIG_FILE', str(path))
        yield passage
    monkeypatch.setenv('OS_CLIENT_CONFIG_FILE', str(cloud.clouds_yaml))
    clouds_cloud.forget()


@pytest.mark.parametrize('method', ['upload', 'glance-direct'])
def test_glance_killed_during_an_upload(
    cloud, name, image, state_dir, tmp_path, monkeypatch, method
):
    with gated(cloud, tmp_path, monkeypatch) as passage:
        beside = Beside(
            catalogue_of(state_dir, import_method=method, requests=IMPATIENT),
            image,
            name,
        )
        assert passage.stopped.wait(300), beside.error
        cloud.kill('glance-api')
        passage.open()
        error = beside.ended()
        assert isinstance(error, exceptions.Unavailable), error
        assert 'Glance of cloud "devcloud"' in error.message
        # Nor can it be undone now; that stays in the journal.
        with pytest.raises(exceptions.Unavailable):
            catalogue_of(state_dir, requests=IMPATIENT).undo(
                beside.undo[0].arguments
            )
    cloud.start('glance-api')
    [half] = left(name)
    after = catalogue_of(state_dir)
    assert [half.id in line for line in after.recover()] == [True]
    record = register(after, image, name)
    assert [one.id for one in left(name)] == [record.id]
    # Whoever undoes the journal later finds nothing.
    after.undo(beside.undo[0].arguments)
    assert [one.id for one in left(name)] == [record.id]


def test_glance_killed_during_an_import(
    cloud, name, image, state_dir, tmp_path
):
    asked, go_on = threading.Event(), threading.Event()

    class Stuck(http.server.SimpleHTTPRequestHandler):
        def do_GET(self):
            asked.set()
            self.send_response(200)
            self.send_header('Content-Length', str(image.size))
            self.end_headers()
            self.wfile.write(bytes(1024))
            self.wfile.flush()
            go_on.wait()

        def log_message(self, *args):
            pass

    with http.server.ThreadingHTTPServer(
        (cloud.host_address, 0), Stuck
    ) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f'http://{cloud.host_address}:{server.server_port}/image'
        try:
            beside = Beside(
                catalogue_of(
                    state_dir,
                    import_method='web-download',
                    import_url=address,
                    requests=dataclasses.replace(IMPATIENT, upload_timeout=5),
                ),
                image,
                name,
            )
            assert asked.wait(300), beside.error
            cloud.kill('glance-api')
            cloud.start('glance-api')
            error = beside.ended()
        finally:
            go_on.set()
            server.shutdown()
    # While it was down, or because nobody goes on with the task.
    assert isinstance(error, exceptions.Unavailable), error
    assert 'image' in error.message
    after = catalogue_of(state_dir)
    after.recover()
    assert left(name) == []
    record = register(after, image, name)
    assert [one.id for one in left(name)] == [record.id]


@pytest.mark.parametrize(
    ('settings', 'error', 'said'),
    [
        ({'stores': ('small',)}, exceptions.QuotaExceeded, 'disk space'),
        (
            {'stores': ('fast', 'small')},
            exceptions.StageFailed,
            'to the store small failed',
        ),
    ],
    ids=['upload', 'import'],
)
def test_full_store_is_named_and_nothing_stays(
    cloud, name, tmp_path, state_dir, settings, error, said
):
    # The store has 64 MiB.
    large = make(tmp_path / 'large.raw', 80 << 20)
    with pytest.raises(error, match=said):
        register(
            catalogue_of(state_dir, **settings),
            large,
            name,
        )
    assert left(name) == []


@pytest.mark.parametrize(
    'options',
    [
        ('DEFAULT.image_size_cap=1048576',),
        (
            'DEFAULT.use_keystone_limits=false',
            'DEFAULT.user_storage_quota=1MB',
        ),
    ],
    ids=['cap', 'quota'],
)
def test_image_that_is_too_large_for_the_cloud_is_told_so(
    cloud, name, image, state_dir, options
):
    cloud.configure('glance-api-two', *options)
    with pytest.raises(exceptions.QuotaExceeded) as caught:
        register(catalogue_of(state_dir, 'devcloud-two'), image, name)
    assert 'Glance of cloud "devcloud-two"' in caught.value.message
    assert caught.value.hint
    assert left(name, 'devcloud-two') == []


def test_too_many_properties_for_the_cloud_are_told_before_the_data_are_sent(
    cloud, name, image, state_dir
):
    cloud.configure('glance-api-two', 'DEFAULT.image_property_quota=5')
    undo = []
    with pytest.raises(exceptions.QuotaExceeded, match='properties'):
        register(
            catalogue_of(state_dir, 'devcloud-two'), image, name, undo.append
        )
    assert left(name, 'devcloud-two') == []


def test_image_deleted_behind_our_back_while_it_is_sent(
    cloud, name, image, state_dir, tmp_path, monkeypatch
):
    with gated(cloud, tmp_path, monkeypatch) as passage:
        beside = Beside(catalogue_of(state_dir), image, name)
        assert passage.stopped.wait(300), beside.error
        [half] = left(name)
        cloud.openstack('image', 'delete', half.id)
        passage.open()
        error = beside.ended()
    assert isinstance(error, exceptions.PipelineError), error
    assert half.id in error.message
    assert left(name) == []


def test_data_damaged_on_their_way_do_not_stay(
    cloud, name, image, state_dir, tmp_path, monkeypatch
):
    with gated(cloud, tmp_path, monkeypatch, damage=True) as passage:
        passage.open()
        with pytest.raises(exceptions.DigestMismatch):
            register(catalogue_of(state_dir), image, name)
    assert left(name) == []


def test_other_digest_algorithm_of_a_cloud_is_compared_too(
    cloud, name, image, state_dir
):
    cloud.configure('glance-api-two', 'DEFAULT.hashing_algorithm=sha256')
    catalogue = catalogue_of(state_dir, 'devcloud-two')
    record = register(catalogue, image, name)
    assert record.sha512 == image.properties['sha512']
    assert catalogue.client.get(record.id).hash_algo == 'sha256'
    assert register(catalogue, image, name) == record
