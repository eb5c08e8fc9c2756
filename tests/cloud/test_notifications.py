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

"""Notifications over a real RabbitMQ, as a consumer gets them."""

import contextlib
import dataclasses
import json
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import kombu
import pytest

from image_pipeline.clouds import cloud as clouds_cloud
from image_pipeline.testing import tiny_fixture, tiny_stages

tiny = tiny_fixture.tiny
tiny_images = tiny_fixture.tiny_images
_CONSUMER = (
    Path(__file__).parents[2] / 'doc/source/contributor/examples/consumer.py'
)
#: The queue of that example.
_QUEUE = 'tell-of-images'
_CONF = """\
[oslo_messaging_notifications]
driver = messagingv2
transport_url = {url}
"""


@pytest.fixture
def name():
    """A name of an image, and of its recipe, that no other test has."""
    return f'told-{uuid.uuid4().hex[:8]}'


@pytest.fixture
def telling(pipeline, tmp_path, devcloud):
    """The program, which tells of all it does over a broker."""
    plugin = tiny_stages.install(tmp_path / 'plugin')

    def make(url=devcloud.transport_url):
        folder = pipeline.state_dir.parent / 'config' / 'image-pipeline'
        folder.mkdir(parents=True, exist_ok=True)
        (folder / 'image-pipeline.conf').write_text(_CONF.format(url=url))
        return dataclasses.replace(
            pipeline, variables={**pipeline.variables, **plugin}
        )

    return make


@pytest.fixture
def recipe(tmp_path, name, tiny):
    return tiny_stages.recipe(tmp_path / f'{name}.yaml', image=tiny.path)


@contextlib.contextmanager
def listening(pipeline, *argv) -> Iterator['subprocess.Popen[str]']:
    """Run ``listen``; it listens when this begins."""
    with pipeline.start('listen', *argv) as process:
        said = process.stderr.readline()
        assert said.startswith('listening at rabbit://'), said
        yield process


@pytest.fixture
def cleaned(cloud, name):
    """Have the images of the test's name deleted at its end."""
    yield
    client = clouds_cloud.Cloud('devcloud').images
    for image in client.find():
        if image.name.startswith(name):
            if image.protected:
                client.patch(image.id, {'protected': False})
            client.delete(image.id)


def wait_for_consumer(url, queue):
    """Wait until somebody gets what arrives in a queue."""
    with kombu.Connection(url.replace('rabbit:', 'amqp:')) as connection:
        for _ in range(1800):
            with contextlib.suppress(connection.channel_errors):
                found = connection.channel().queue_declare(queue, passive=True)
                if found.consumer_count:
                    return
            time.sleep(0.5)
    raise AssertionError(f'nobody listens to {queue}')


def queue_of(pipeline):
    """Return the name of the queue that the last ``listen`` had."""
    (lock,) = (pipeline.state_dir / 'locks').glob('listen-*')
    return json.loads(lock.read_text())['queue']


def test_ctrl_c_ends_listening_and_takes_the_queue_away(cloud, telling):
    pipeline = telling()
    with listening(pipeline) as process:
        name = queue_of(pipeline)
        wait_for_consumer(cloud.transport_url, name)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=900)
    assert (process.returncode, out, err) == (0, '', '')
    url = cloud.transport_url.replace('rabbit:', 'amqp:')
    with (
        kombu.Connection(url) as connection,
        pytest.raises(connection.channel_errors, match='NOT_FOUND'),
    ):
        connection.channel().queue_declare(name, passive=True)


def heard(process):
    """Return what a listener printed, when it has ended."""
    out, err = process.communicate(timeout=900)
    assert process.returncode == 0, err
    return [json.loads(line) for line in out.splitlines()]


def test_a_consumer_hears_of_a_run_its_stages_and_its_image(
    cleaned, cloud, telling, recipe, name
):
    pipeline = telling()
    with listening(
        pipeline, '-f', 'json', '--count', '8', '--timeout', '900'
    ) as listener:
        done = pipeline(
            'bake',
            recipe,
            '--target=devcloud',
            '--until=register',
            '--format=json',
        )
        assert done.status == 0, done.err
        told = heard(listener)
    assert 'not sent' not in done.err
    assert done.status == 0, done.err
    (image,) = done.json['images']
    # Each priority has its queue: the order is that of the times.
    told.sort(key=lambda one: one['timestamp'])
    assert [
        one['event_type'].removeprefix('image_pipeline.') for one in told
    ] == [
        'run.start',
        'stage.start',
        'stage.end',
        'stage.start',
        'image.register.start',
        'image.register.end',
        'stage.end',
        'run.end',
    ]
    for one in told:
        assert one['priority'] == 'INFO'
        assert one['publisher_id'].startswith('image-pipeline.')
        assert one['payload']['version'] == '1.0'
        data = one['payload']['data']
        assert data['recipe'] == name
        assert data['run'] == done.json['run']
    registered = told[5]['payload']['data']
    assert registered['id'] == image['id']
    assert registered['state'] == 'candidate'
    assert registered['cloud'] == 'devcloud'
    assert told[-1]['payload']['data']['images'] == [image]


def test_a_consumer_hears_of_what_commands_do_with_an_image(
    cleaned, cloud, telling, recipe, name
):
    pipeline = telling()
    done = pipeline(
        'bake',
        recipe,
        '--target=devcloud',
        '--until=register',
        '--format=json',
    )
    assert done.status == 0, done.err
    (image,) = done.json['images']
    consumer = subprocess.Popen(
        [sys.executable, '-u', _CONSUMER, cloud.transport_url],
        env={**os.environ, 'PYTHONWARNINGS': 'ignore'},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        wait_for_consumer(cloud.transport_url, _QUEUE)
        with listening(
            pipeline,
            '--format=json',
            '--event=image.*',
            '--count=6',
            '--timeout=900',
        ) as listener:
            for argv in (
                ('promote', '--force', image['id'], '--reason=tested'),
                ('retire', image['id']),
                ('revoke', image['id'], '--force', '--reason=leaked'),
            ):
                done = pipeline('image', *argv, '--target=devcloud')
                told_of = (done.status, done.err)
                if argv[0] == 'retire':
                    # Users have no other.
                    assert done.status == 1, told_of
                else:
                    assert done.status == 0, told_of
            told = heard(listener)
        said = next(line for line in consumer.stdout if line.startswith(name))
    finally:
        consumer.kill()
        consumer.wait()
    assert said == f'{name} devcloud {image["id"]}\n'
    told.sort(key=lambda one: one['timestamp'])
    assert [
        (one['event_type'].removeprefix('image_pipeline.image.'))
        for one in told
    ] == [
        'promote.start',
        'promote.end',
        'retire.start',
        'retire.error',
        'revoke.start',
        'revoke.end',
    ]
    assert [one['payload']['data']['state'] for one in told] == [
        'candidate',
        'current',
        'current',
        'current',
        'current',
        'rejected',
    ]
    assert told[3]['priority'] == 'ERROR'
    assert told[3]['payload']['data']['error']
    assert told[5]['payload']['data']['reason'] == 'leaked'
