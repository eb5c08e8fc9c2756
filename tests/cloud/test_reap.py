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

"""What killed runs leave in a cloud is removed; what lives is spared."""

import dataclasses
import datetime
import json
import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from image_pipeline.clouds import cloud as clouds_cloud
from image_pipeline.clouds import marks as clouds_marks
from image_pipeline.conf import settings as conf_settings
from image_pipeline.hypervisors import nova_parts
from image_pipeline.testing import tiny_fixture, tiny_stages

tiny = tiny_fixture.tiny
tiny_images = tiny_fixture.tiny_images

TARGET = conf_settings.Target(
    name='devcloud', catalogue='glance', hypervisor='nova', cloud='devcloud'
)
KEY = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAINRY9iNTpXX2WfoNw4MHbJjnMdvQ3K1J5'
KEY += 'zq7a2d7Xc0v'


@pytest.fixture
def there(cloud: Any) -> Iterator[clouds_cloud.Cloud]:
    clouds_cloud.forget()
    yield clouds_cloud.open_cloud(TARGET)
    clouds_cloud.forget()


def names(there: clouds_cloud.Cloud, part: str) -> set[str]:
    """Return what there is with this part of a name, with its kind."""
    project = there.project_id
    found = {
        'server': there.compute.servers(),
        'key': there.compute.keypairs(),
        'port': there.network.ports(project_id=project),
        'group': there.network.security_groups(project_id=project),
    }
    return {
        f'{kind} {one.name}'
        for kind, things in found.items()
        for one in things
        if part in one.name
    }


def leave(there: clouds_cloud.Cloud, *, hours: float) -> str:
    """Leave a key, a group and a port of another host's run."""
    marks = clouds_marks.Marks(
        run_id=f'20260101-000000-other-{uuid.uuid4().hex[:8]}',
        host_id=uuid.uuid4().hex,
        expires_at=datetime.datetime.now(datetime.UTC)
        + datetime.timedelta(hours=hours),
    )
    maker = nova_parts.Maker(there, marks.name('0123abcd'), marks)
    maker.key_pair(KEY)
    (network,) = there.network.networks(name='provider')
    maker.port(network.id, maker.group())
    return maker.name


def test_things_of_other_hosts_go_when_their_time_is_over(
    there: clouds_cloud.Cloud, pipeline: Any
) -> None:
    live, dead = leave(there, hours=1), leave(there, hours=-1)
    try:
        told = pipeline(
            'reap', '--dry-run', '--target', 'devcloud', '-f', 'json'
        )
        assert told.status == 0
        rows = {row['name']: row['state'] for row in json.loads(told.out)}
        row = f'{dead} (key pair, port, security group)'
        assert rows[row] == 'would be removed'
        assert not any(live in name for name in rows)
        assert len(names(there, dead)) == 3
        done = pipeline('reap', '--target', 'devcloud', '-f', 'json')
        assert done.status == 0
        rows = {row['name']: row['state'] for row in json.loads(done.out)}
        assert rows[row] == 'removed'
        assert names(there, dead) == set()
        assert len(names(there, live)) == 3
    finally:
        nova_parts.remove(there, live)
        nova_parts.remove(there, dead)


def test_killed_smoke_test_is_taken_down_by_reap_and_the_next_bake(
    there: clouds_cloud.Cloud, pipeline: Any, tmp_path: Any, tiny: Any
) -> None:
    plugin = tiny_stages.install(tmp_path / 'plugin')
    pipeline = dataclasses.replace(
        pipeline, variables={**pipeline.variables, **plugin}
    )
    name = f'reap-{uuid.uuid4().hex[:8]}'
    recipe = tiny_stages.recipe(tmp_path / f'{name}.yaml', image=tiny.path)
    argv = ['bake', recipe, '--target', 'devcloud', '--until', 'smoke-test']
    dead = leave(there, hours=-1)
    with pipeline.start(*argv) as process:
        # Until its servers are there, however long that takes.
        while process.poll() is None:
            if any(one.startswith('server ') for one in names(there, name)):
                break
        assert process.poll() is None
        # What another host's dead run had left is gone by then.
        assert names(there, dead) == set()
        process.kill()
        process.wait()
    assert names(there, name)
    # In the journal of the killed run, and by its name and marks.
    done = pipeline('reap', '--target', 'devcloud', '-f', 'json')
    assert done.status == 0, done.out + done.err
    assert names(there, name) == set()
    again = pipeline('reap', '--target', 'devcloud', '-f', 'json')
    assert not any(name in row['name'] for row in json.loads(again.out))
    for image in (
        *there.connection.image.images(is_hidden=True),
        *there.connection.image.images(),
    ):
        if image.name.startswith(name):
            there.connection.image.delete_image(image.id)


def test_failed_server_that_is_kept_is_told_and_goes_with_reap(
    there: clouds_cloud.Cloud, pipeline: Any, tmp_path: Any, tiny_images: Any
) -> None:
    plugin = tiny_stages.install(tmp_path / 'plugin')
    pipeline = dataclasses.replace(
        pipeline, variables={**pipeline.variables, **plugin}
    )
    name = f'kept-{uuid.uuid4().hex[:8]}'
    recipe = tiny_stages.recipe(
        tmp_path / f'{name}.yaml', image=tiny_images('panic').path
    )
    done = pipeline(
        'bake',
        recipe,
        '--target',
        'devcloud',
        '--until',
        'smoke-test',
        '--keep-on-failure',
    )
    try:
        assert done.status == 4, done.err
        assert 'console log show' in done.err
        kept = [one for one in there.compute.servers() if name in one.name]
        assert len(kept) == 2
        for server in kept:
            assert server.metadata[nova_parts.KEPT] == 'yes'
            assert server.id in done.err or len(kept) > 1
        # Another look by the next bake would spare it; reap does not.
        reaped = pipeline('reap', '--target', 'devcloud', '-f', 'json')
        assert reaped.status == 0, reaped.out
        assert names(there, name) == set()
    finally:
        for server in there.compute.servers():
            if name in server.name:
                nova_parts.remove(there, server.name)
        for hidden in (True, False):
            for image in there.connection.image.images(is_hidden=hidden):
                if image.name.startswith(name):
                    there.connection.image.delete_image(image.id)
