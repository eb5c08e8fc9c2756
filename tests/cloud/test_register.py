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

"""Images come into a real Glance, and what Glance refuses stays out."""

import contextlib
import dataclasses
import functools
import hashlib
import http.server
import json
import os
import signal
import subprocess
import sys
import threading
import time
import uuid

import pytest

from image_pipeline import artifact, exceptions
from image_pipeline.catalogues import base, glance, glance_records
from image_pipeline.clouds import cloud as clouds_cloud
from image_pipeline.conf import settings as conf_settings
from image_pipeline.host import cancellation
from image_pipeline.testing import fakes, gate, tiny_stages

CLOUDS = ('devcloud', 'devcloud-two')
#: Hosts on which tests run may be slow.
REQUESTS = conf_settings.Requests(read_timeout=300)
KILLED = """
import json, pathlib, sys
from image_pipeline import artifact
from image_pipeline.catalogues import glance
from image_pipeline.host import cancellation, locks
from image_pipeline.testing import fakes

state, image, name, method = sys.argv[1:]
state = pathlib.Path(state)
run = state / 'runs' / 'run-1'
run.mkdir(parents=True)
lock = locks.FileLock(run / 'lock').acquire(wait=False)
catalogue = glance.GlanceCatalogue(
    fakes.target(
        'devcloud', catalogue='glance', cloud='devcloud', import_method=method
    ),
    state_dir=state,
)
catalogue.register(
    artifact.Artifact.from_json(json.loads(image)),
    name=name,
    recipe='recipe',
    run_id='run-1',
    properties={},
    undo=lambda record: None,
    progress=lambda done, total, unit: None,
    cancelled=cancellation.CancellationToken(),
)
"""


@pytest.fixture(autouse=True)
def _fresh_sessions():
    clouds_cloud.forget()
    yield
    clouds_cloud.forget()


@pytest.fixture
def name(cloud):
    """The name of this test's images; they are deleted at its end."""
    unique = f'register-{uuid.uuid4().hex[:12]}'
    yield unique
    clouds_cloud.forget()
    for where in CLOUDS:
        found = clouds_cloud.Cloud(where)
        for image in found.images.find(
            properties={glance_records.NAME: unique}
        ):
            with contextlib.suppress(exceptions.NotFound):
                if image.protected:
                    found.images.patch(image.id, {'protected': False})
                found.images.delete(image.id)


@pytest.fixture
def image(tmp_path):
    return make(tmp_path / 'image.raw')


@pytest.fixture
def state_dir(tmp_path):
    return tmp_path / 'state'


def make(path, size=1 << 20):
    """Return an image whose content nobody else has."""
    # No format begins with that many zeros.
    content = bytes(512) + os.urandom(size - 512)
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


def make_qcow2(folder):
    """Return a file of the other format, whose content nobody else has."""
    raw = make(folder / 'disk.raw', 4 << 20)
    path = folder / 'disk.qcow2'
    subprocess.run(
        ['qemu-img', 'convert', '-f', 'raw', '-O', 'qcow2', raw.path, path],
        check=True,
    )
    return path


def catalogue_of(state_dir, where='devcloud', **settings):
    return glance.GlanceCatalogue(
        fakes.target(
            where,
            catalogue='glance',
            cloud=where,
            **{'requests': REQUESTS, **settings},
        ),
        state_dir=state_dir,
    )


def register(catalogue, image, name, **options):
    values = {
        'recipe': 'recipe',
        'run_id': 'run-1',
        'properties': {},
        'undo': lambda record: None,
        'progress': lambda done, total, unit: None,
        'cancelled': cancellation.CancellationToken(),
        **options,
    }
    return catalogue.register(image, name=name, **values)


def left(name, where='devcloud'):
    """Return all images that say that they are of a name."""
    return clouds_cloud.Cloud(where).images.find(
        properties={glance_records.NAME: name}
    )


@contextlib.contextmanager
def served(folder, address, handler=http.server.SimpleHTTPRequestHandler):
    """Serve a folder to the cloud; give its address."""
    with http.server.ThreadingHTTPServer(
        (address, 0), functools.partial(handler, directory=str(folder))
    ) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f'http://{address}:{server.server_port}'
        finally:
            server.shutdown()
            thread.join()


def test_openstack_says_what_was_registered(cloud, name, tmp_path, state_dir):
    path = make_qcow2(tmp_path)
    content = path.read_bytes()
    image = artifact.Artifact(
        kind=artifact.IMAGE,
        path=path,
        digest=f'sha256:{hashlib.sha256(content).hexdigest()}',
        size=len(content),
        properties={
            'format': 'qcow2',
            'virtual_size': 4 << 20,
            'sha512': hashlib.sha512(content).hexdigest(),
        },
    )
    catalogue = catalogue_of(state_dir, tags=('weekly', 'os:debian'))
    record = register(
        catalogue,
        image,
        name,
        properties={'os_distro': 'debian', 'min_disk': '2', 'min_ram': '96'},
    )
    shown = cloud.openstack('image', 'show', record.id, '-f', 'json')
    assert shown['name'] == f'{name}.candidate-{image.digest[7:15]}'
    assert shown['status'] == 'active'
    assert shown['visibility'] == 'private'
    assert shown['disk_format'] == 'qcow2'
    assert shown['container_format'] == 'bare'
    assert (shown['min_disk'], shown['min_ram']) == (2, 96)
    assert (shown['size'], shown['virtual_size']) == (image.size, 4 << 20)
    assert sorted(shown['tags']) == ['os:debian', 'weekly']
    properties = shown['properties']
    assert properties['os_distro'] == 'debian'
    assert properties['os_hidden'] is True
    assert properties['os_hash_value'] == image.properties['sha512']
    assert properties['image_pipeline_state'] == 'candidate'
    assert properties['image_pipeline_sha256'] == image.digest[7:]
    assert properties['image_pipeline_run'] == 'run-1'
    assert 'image_pipeline_expires' not in properties
    assert 'min_ram' not in properties
    listed = cloud.openstack('image', 'list', '-f', 'json')
    assert record.id not in {one['ID'] for one in listed}
    assert catalogue.get(record.id) == record
    assert [one.id for one in catalogue.list_images(name=name)] == [record.id]


def test_same_content_is_no_upload_and_new_properties_keep_the_id(
    name, image, state_dir
):
    catalogue = catalogue_of(state_dir)
    first = register(catalogue, image, name, properties={'a': '1', 'b': '2'})
    before = catalogue.client.get(first.id)
    progress = []
    again = catalogue_of(state_dir)
    second = register(
        again,
        image,
        name,
        properties={'a': '1', 'b': '2'},
        progress=lambda *args: progress.append(args),
    )
    assert second == first
    assert progress == []
    assert catalogue.client.get(first.id) == before
    third = register(
        again, image, name, properties={'a': '3', 'min_ram': '64'}
    )
    assert third.id == first.id
    assert dict(catalogue.get(first.id).properties) == {
        'a': '3',
        'min_ram': '64',
    }
    assert len(left(name)) == 1


def test_properties_and_what_a_smoke_test_found_are_kept_in_place(
    name, image, state_dir
):
    catalogue = catalogue_of(state_dir)
    record = register(catalogue, image, name, properties={'a': '1'})
    catalogue.set_properties(
        record.id,
        {'min_ram': '128', 'a': None, 'b': '2'},
        tested=base.Tested(sha256=record.sha256, ram=128),
    )
    now = catalogue_of(state_dir).get(record.id)
    assert dict(now.properties) == {'b': '2', 'min_ram': '128'}
    assert (now.tested_sha256, now.tested_ram) == (record.sha256, 128)
    with pytest.raises(exceptions.InvalidInput):
        catalogue.set_properties(record.id, {'owner': 'me'})


@pytest.mark.parametrize(
    ('settings', 'stores'),
    [
        ({}, ('fast',)),
        ({'import_method': 'glance-direct'}, ('fast',)),
        ({'stores': ('slow',)}, ('slow',)),
        ({'stores': ('slow',), 'import_method': 'glance-direct'}, ('slow',)),
        ({'stores': ('fast', 'slow')}, ('fast', 'slow')),
    ],
    ids=['upload', 'import', 'store', 'import-store', 'stores'],
)
def test_data_get_to_the_stores_of_the_target(
    name, image, state_dir, settings, stores
):
    catalogue = catalogue_of(state_dir, **settings)
    told = []
    record = register(
        catalogue, image, name, progress=lambda *args: told.append(args)
    )
    assert record.sha512 == image.properties['sha512']
    assert catalogue.client.get(record.id).stores == stores
    assert told[-1] == (image.size, image.size, 'B')


def test_glance_fetches_the_image_from_the_targets_address(
    cloud, name, image, state_dir
):
    sha256 = image.digest[7:]
    image.path.with_name(f'{sha256}.raw').symlink_to(image.path)
    with served(image.path.parent, cloud.host_address) as address:
        catalogue = catalogue_of(
            state_dir,
            import_method='web-download',
            import_url=address + '/{sha256}.{format}',
        )
        record = register(catalogue, image, name)
    assert record.sha512 == image.properties['sha512']
    assert record.size == image.size


@pytest.mark.parametrize(
    ('content', 'error', 'said'),
    [
        (None, exceptions.StageFailed, 'the import of image'),
        (b'another'.ljust(512), exceptions.DigestMismatch, 'sha512'),
    ],
    ids=['missing', 'another'],
)
def test_wrong_file_at_the_targets_address_leaves_nothing(
    cloud, name, image, state_dir, tmp_path, content, error, said
):
    folder = tmp_path / 'served'
    folder.mkdir()
    if content:
        (folder / 'image').write_bytes(content)
    with served(folder, cloud.host_address) as address:
        catalogue = catalogue_of(
            state_dir,
            import_method='web-download',
            import_url=address + '/image',
        )
        with pytest.raises(error, match=said):
            register(catalogue, image, name)
    assert left(name) == []


def test_import_that_hangs_is_given_up_with_the_reason(
    cloud, name, image, state_dir, tmp_path
):
    go_on = threading.Event()

    class Stuck(http.server.SimpleHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header('Content-Length', str(image.size))
            self.end_headers()
            self.wfile.write(bytes(1024))
            self.wfile.flush()
            go_on.wait()

    undo = []
    requests = dataclasses.replace(REQUESTS, upload_timeout=4)
    with served(tmp_path, cloud.host_address, Stuck) as address:
        catalogue = catalogue_of(
            state_dir,
            import_method='web-download',
            import_url=address + '/image',
            requests=requests,
        )
        try:
            with pytest.raises(exceptions.Unavailable) as caught:
                register(catalogue, image, name, undo=undo.append)
        finally:
            go_on.set()
    assert 'has not gone on for 4 seconds' in caught.value.message
    assert 'task ' in caught.value.message
    for one in undo:
        catalogue_of(state_dir).undo(one.arguments)
    assert left(name) == []


def test_what_the_cloud_would_refuse_is_refused_before_anything_is_made(
    name, image, state_dir
):
    for settings, properties, said in (
        ({'stores': ('nowhere',)}, {}, 'no store "nowhere"'),
        ({'stores': ('fsat',)}, {}, 'no store "fsat"'),
        ({}, {'min_ram': 'much'}, 'not a whole number'),
        ({}, {'k' * 256: 'x'}, '255 characters'),
        ({}, {'k': '\U0001f41b'}, 'four bytes'),
        ({}, {'status': 'active'}, 'a field of every image'),
        ({}, {'kernel_id': 'vmlinuz'}, 'kernel_id is "vmlinuz"'),
    ):
        undo = []
        with pytest.raises(exceptions.InvalidInput, match=said):
            register(
                catalogue_of(state_dir, **settings),
                image,
                name,
                properties=properties,
                undo=undo.append,
            )
        assert undo == []
    vmdk = dataclasses.replace(
        image, properties={**image.properties, 'format': 'gpt'}
    )
    with pytest.raises(exceptions.InvalidInput, match='disk_format gpt'):
        register(catalogue_of(state_dir), vmdk, name)
    assert left(name) == []


def test_protected_property_is_refused_before_the_data_are_sent(
    name, image, state_dir
):
    told = []
    with pytest.raises(exceptions.Forbidden, match='x_owner_team'):
        register(
            catalogue_of(state_dir, 'devcloud-two'),
            image,
            name,
            properties={'x_owner_team': 'us'},
            progress=lambda *args: told.append(args),
        )
    assert told == []
    assert left(name, 'devcloud-two') == []


def test_reader_may_not_register_and_is_told_so(name, image, state_dir):
    with pytest.raises(exceptions.Forbidden):
        register(catalogue_of(state_dir, 'devcloud-reader'), image, name)
    assert left(name) == []


def test_file_that_is_not_its_digest_does_not_stay(name, image, state_dir):
    other = dataclasses.replace(
        image, properties={**image.properties, 'sha512': '0' * 128}
    )
    with pytest.raises(exceptions.DigestMismatch):
        register(catalogue_of(state_dir), other, name)
    assert left(name) == []


@pytest.mark.parametrize('method', ['upload', 'glance-direct'])
def test_cancelling_in_the_middle_of_an_upload_takes_the_image_away(
    name, tmp_path, state_dir, method
):
    # Large enough that its upload takes several times as long as a look.
    image = make(tmp_path / 'large.raw', 256 << 20)
    token = cancellation.CancellationToken()
    seen = []

    def progress(done, total, unit):
        seen.append(done)
        token.cancel('SIGINT')

    with pytest.raises(exceptions.Interrupted):
        register(
            catalogue_of(state_dir, import_method=method),
            image,
            name,
            progress=progress,
            cancelled=token,
        )
    assert seen[0] < image.size
    assert left(name) == []


def behind_gate(cloud, passage, folder, where='devcloud'):
    """Let the image service be asked through a gate; return clouds.yaml."""
    text = cloud.clouds_yaml.read_text()
    path = folder / 'clouds.yaml'
    path.write_text(
        text.replace(
            f'  {where}:\n',
            f'  {where}:\n    image_endpoint_override: {passage.url}\n',
        )
    )
    return path


def image_service(name='devcloud'):
    """Return host and port of a cloud's image service."""
    url = clouds_cloud.Cloud(name).session.get_endpoint(
        service_type='image',
        region_name=clouds_cloud.Cloud(name).region,
        interface='public',
    )
    host, _, port = url.split('//')[1].split('/')[0].partition(':')
    return host, int(port or 80)


@pytest.mark.parametrize('method', ['upload', 'glance-direct'])
def test_next_run_cleans_up_after_one_that_was_killed_while_it_sent(
    cloud, name, tmp_path, state_dir, method
):
    image = make(tmp_path / 'large.raw', 4 << 20)
    with gate.Gate(*image_service(), stop_at='PUT /v2/images/') as passage:
        config = behind_gate(cloud, passage, tmp_path)
        with subprocess.Popen(
            [
                sys.executable,
                '-c',
                KILLED,
                state_dir,
                json.dumps(image.to_json()),
                name,
                method,
            ],
            env=dict(os.environ) | {'OS_CLIENT_CONFIG_FILE': str(config)},
        ) as process:
            try:
                assert passage.stopped.wait(300)
                other = catalogue_of(state_dir)
                assert list(other.list_images(name=name)) == []
                # It is alive: nobody takes its image away.
                other.recover()
                [half] = left(name)
            finally:
                process.kill()
    record = retried(
        lambda: (catalogue_of(state_dir).recover(), left(name))[1] == []
    ) and register(catalogue_of(state_dir), image, name)
    assert record.id != half.id
    assert [one.id for one in left(name)] == [record.id]


def retried(done, seconds=300):
    """Wait until something is so; fail if it never is."""
    until = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < until
        time.sleep(0.5)
    return True


def test_of_two_runs_that_register_the_same_at_once_one_image_stays(
    name, image, state_dir
):
    start = threading.Barrier(3)
    records = {}

    def run(number):
        catalogue = catalogue_of(state_dir)
        start.wait()
        records[number] = register(
            catalogue, image, name, run_id=f'run-{number}'
        )

    threads = [
        threading.Thread(target=run, args=(number,), daemon=True)
        for number in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(records) == 3
    assert len({record.id for record in records.values()}) == 1
    assert [one.id for one in left(name)] == [records[0].id]


class TestBake:
    """The program itself, with a tiny file as the image."""

    @pytest.fixture
    def recipe(self, name, tmp_path):
        return tiny_stages.recipe(
            tmp_path / f'{name}.yaml', image=make_qcow2(tmp_path)
        )

    @pytest.fixture
    def program(self, pipeline, tmp_path):
        folder = tmp_path / 'plugins'
        folder.mkdir()
        # What is down stays down here; what is slow may be.
        config = tmp_path / 'config/image-pipeline/image-pipeline.conf'
        config.parent.mkdir(parents=True)
        config.write_text('[clouds]\nretries = 1\nread_timeout = 300\n')
        return dataclasses.replace(
            pipeline,
            variables={**pipeline.variables, **tiny_stages.install(folder)},
        )

    @pytest.fixture
    def bake(self, program, recipe):
        def run(*targets, **more):
            argv = ['bake', recipe, '--until', 'register', '-f', 'json']
            for one in targets:
                argv += ['--target', one]
            return dataclasses.replace(
                program, variables={**program.variables, **more}
            )(*argv)

        return run

    @contextlib.contextmanager
    def stopped_in_the_middle(self, cloud, program, recipe, folder):
        """Give a bake whose upload stands still."""
        with gate.Gate(*image_service(), stop_at='PUT /v2/images/') as passage:
            config = behind_gate(cloud, passage, folder)
            behind = dataclasses.replace(
                program,
                variables={
                    **program.variables,
                    'OS_CLIENT_CONFIG_FILE': str(config),
                },
            )
            with behind.start(
                'bake', recipe, '--until', 'register', '--target', 'devcloud'
            ) as process:
                while not passage.stopped.wait(0.5):
                    assert process.poll() is None, process.stderr.read()
                yield process, passage

    def test_bake_that_was_killed_goes_on_without_making_the_image_anew(
        self, cloud, program, recipe, bake, name, tmp_path
    ):
        with self.stopped_in_the_middle(cloud, program, recipe, tmp_path) as (
            process,
            _,
        ):
            [half] = left(name)
            process.kill()
        done = bake('devcloud')
        assert done.status == 0, done.err
        states = {one['stage']: one['state'] for one in done.json['stages']}
        assert states['take-image'] == 'skipped'
        [image] = done.json['images']
        assert image['id'] != half.id
        assert [one.id for one in left(name)] == [image['id']]

    def test_interrupted_bake_leaves_nothing_in_the_cloud(
        self, cloud, program, recipe, name, tmp_path
    ):
        with self.stopped_in_the_middle(cloud, program, recipe, tmp_path) as (
            process,
            passage,
        ):
            process.send_signal(signal.SIGINT)
            passage.open()
            _, err = process.communicate(timeout=300)
        assert process.returncode == 130, err
        assert 'Traceback' not in err
        assert left(name) == []

    def test_image_deleted_behind_our_back_is_registered_again(
        self, cloud, bake, name
    ):
        first = bake('devcloud')
        assert first.status == 0, first.err
        [made] = first.json['images']
        cloud.openstack('image', 'delete', made['id'])
        second = bake('devcloud')
        assert second.status == 0, second.err
        [image] = second.json['images']
        assert image['id'] != made['id']
        assert f'image {made["id"]} is no longer in the catalogue' in (
            second.err
        )
        states = {one['stage']: one['state'] for one in second.json['stages']}
        # It is not made again.
        assert states['take-image'] == 'skipped'
        assert states['register'] == 'succeeded'
        third = bake('devcloud')
        assert {one['state'] for one in third.json['stages']} == {'skipped'}
        assert [one.id for one in left(name)] == [image['id']]

    def test_one_run_registers_at_several_targets(self, bake, name):
        done = bake('devcloud', 'devcloud-two')
        assert done.status == 0, done.err
        images = {one['target']: one for one in done.json['images']}
        assert set(images) == {'devcloud', 'devcloud-two'}
        assert [one.id for one in left(name)] == [images['devcloud']['id']]
        assert [one.id for one in left(name, 'devcloud-two')] == [
            images['devcloud-two']['id']
        ]

    def test_target_that_fails_does_not_stop_the_other(
        self, cloud, bake, name, tmp_path
    ):
        with gate.Gate(
            *image_service('devcloud-two'),
            stop_at='PUT /v2/images/',
            damage=True,
        ) as passage:
            passage.open()
            config = behind_gate(cloud, passage, tmp_path, 'devcloud-two')
            done = bake(
                'devcloud', 'devcloud-two', OS_CLIENT_CONFIG_FILE=str(config)
            )
        assert done.status == 1, done.err
        assert 'register@devcloud-two' in done.err
        assert 'sha512' in done.err
        assert [one['target'] for one in done.json['images']] == ['devcloud']
        assert [one.id for one in left(name)] == [done.json['images'][0]['id']]
        assert left(name, 'devcloud-two') == []
        # The next run has only the other one to do.
        again = bake('devcloud', 'devcloud-two')
        assert again.status == 0, again.err
        assert len(left(name)) == len(left(name, 'devcloud-two')) == 1

    def test_catalogue_that_cannot_be_reached_is_said_and_not_guessed(
        self, cloud, bake, name, tmp_path
    ):
        assert bake('devcloud').status == 0
        config = tmp_path / 'clouds.yaml'
        config.write_text(
            cloud.clouds_yaml.read_text().replace(
                '  devcloud:\n',
                '  devcloud:\n'
                '    image_endpoint_override: http://127.0.0.1:9\n',
            )
        )
        done = bake('devcloud', OS_CLIENT_CONFIG_FILE=str(config))
        assert done.status == 5
        assert 'Glance of cloud "devcloud"' in done.err
        assert 'Traceback' not in done.err
