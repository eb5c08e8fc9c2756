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

"""Services that are down while the whole program works with them."""

import dataclasses
import json
import uuid

import pytest

from image_pipeline.clouds import cloud as clouds_cloud
from image_pipeline.testing import tiny_fixture, tiny_stages

tiny = tiny_fixture.tiny
tiny_images = tiny_fixture.tiny_images

#: Not as patient as with a cloud that people work with.
_CONF = """\
[clouds]
connect_timeout = 5
retries = 1
retry_seconds = 5

[oslo_messaging_notifications]
driver = messagingv2
transport_url = {url}
"""


@pytest.fixture
def cloud(exclusive_cloud):
    """The cloud, for this test alone."""
    return exclusive_cloud


@pytest.fixture
def recipe(tiny, tmp_path):
    name = f'down-{uuid.uuid4().hex[:8]}'
    return tiny_stages.recipe(tmp_path / f'{name}.yaml', image=tiny.path)


@pytest.fixture
def program(pipeline, cloud, recipe, tmp_path):
    """The program; images of the recipe are deleted at the end."""
    plugin = tiny_stages.install(tmp_path / 'plugin')
    folder = pipeline.state_dir.parent / 'config' / 'image-pipeline'
    folder.mkdir(parents=True)
    (folder / 'image-pipeline.conf').write_text(
        _CONF.format(url=cloud.transport_url)
    )
    yield dataclasses.replace(
        pipeline, variables={**pipeline.variables, **plugin}
    )
    cloud.mend()
    clouds_cloud.forget()
    client = clouds_cloud.Cloud('devcloud').images
    for image in client.find():
        if image.name.startswith(recipe.stem):
            if image.protected:
                client.patch(image.id, {'protected': False})
            client.delete(image.id)


def lost(done):
    """Return the lines about notifications that were not sent."""
    return [line for line in done.err.splitlines() if 'not sent' in line]


@pytest.mark.parametrize(
    ('service', 'named'),
    [('keystone', 'Keystone'), ('glance-api', 'Glance')],
)
def test_a_service_that_is_down_is_told_before_anything_is_built(
    cloud, program, recipe, service, named
):
    cloud.kill(service)
    for command in ('plan', 'bake'):
        done = program(command, recipe, '--target=devcloud')
        assert done.status == 5, done.err
        # A plan is printed all the same, with what is against it.
        said = done.out + done.err
        assert named in said
        assert 'devcloud' in said
        assert 'Traceback' not in said
    assert program('run', 'list', '-f', 'json').json == []
    done = program('image', 'list', '--target=devcloud')
    assert done.status == 5, done.err
    assert done.err.count('error:') == 1
    assert named in done.err


def test_rabbitmq_that_is_down_loses_notifications_and_nothing_else(
    cloud, program, recipe
):
    cloud.kill('rabbitmq')
    done = program(
        'bake',
        recipe,
        '--target=devcloud',
        '--until=register',
        '--format=json',
    )
    assert done.status == 0, done.err
    (line,) = lost(done)
    # The run, two stages and the image, twice each.
    assert line.startswith('warning: 8 notifications were not sent: rabbit://')
    password = cloud.transport_url.split(':')[2].partition('@')[0]
    assert password not in done.err
    (image,) = done.json['images']
    done = program(
        'image', 'promote', image['id'], '--force', '--target=devcloud'
    )
    assert done.status == 0, done.err
    (line,) = lost(done)
    assert line.startswith('warning: 2 notifications were not sent: rabbit://')
    shown = cloud.openstack('image', 'show', recipe.stem, '-f', 'json')
    assert shown['id'] == image['id']
    done = program('listen', '--count=1', '--timeout=60')
    assert done.status == 5, done.err
    assert 'rabbit://' in done.err
    assert password not in done.err


def test_rabbitmq_that_comes_back_gets_what_was_to_be_told(
    cloud, program, recipe, tiny, tmp_path
):
    go_on = tmp_path / 'go-on'
    tiny_stages.recipe(recipe, image=tiny.path, wait_for=go_on)
    cloud.kill('rabbitmq')
    argv = ('bake', recipe, '--target=devcloud', '--until=register')
    with program.start(*argv, '--format=json') as process:
        for line in process.stderr:
            if 'take-image.qcow2: started' in line:
                break
        cloud.start('rabbitmq')
        with program.start(
            'listen',
            '--format=json',
            '--event=run.end',
            '--count=1',
            '--timeout=900',
        ) as listener:
            said = listener.stderr.readline()
            assert said.startswith('listening at'), said
            go_on.touch()
            out, err = process.communicate(timeout=900)
            assert process.returncode == 0, err
            told, said = listener.communicate(timeout=900)
        assert listener.returncode == 0, said
    # What was told while it was down has been sent as well.
    assert 'not sent' not in err
    heard = json.loads(told)
    assert heard['payload']['data']['run'] == json.loads(out)['run']
