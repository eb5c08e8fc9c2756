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

"""What users of a cloud get, who know a name and the OpenStack client."""

import contextlib
import dataclasses
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from image_pipeline.testing import tiny_stages

_AT = ('--target', 'devcloud')
#: Seconds that a boot may take on the busiest host.
_LONG = 600


@pytest.fixture
def program(pipeline: Any, tmp_path: Path) -> Any:
    """The program, with what it needs to bake a tiny image."""
    plugin = tiny_stages.install(tmp_path / 'plugin')
    return dataclasses.replace(
        pipeline, variables={**pipeline.variables, **plugin}
    )


@pytest.fixture
def name(cloud: Any) -> Iterator[str]:
    """A name that no other test has; its images are deleted."""
    name = f'users-{uuid.uuid4().hex[:8]}'
    yield name
    for hidden in ((), ('--hidden',)):
        for row in cloud.openstack('image', 'list', '-f', 'json', *hidden):
            if row['Name'].startswith(name):
                cloud.openstack('image', 'set', '--unprotected', row['ID'])
                cloud.openstack('image', 'delete', row['ID'])


@pytest.fixture
def register(
    program: Any,
    name: str,
    tmp_path: Path,
    tiny_images: Callable[[str], Any],
) -> Callable[[str], str]:
    """What registers a tiny image, by its way to boot, and gives its id."""

    def register(way: str) -> str:
        recipe = tiny_stages.recipe(
            tmp_path / f'{name}.yaml', image=tiny_images(way).path
        )
        done = program(
            'bake', recipe, *_AT, '--until', 'register', '-f', 'json'
        )
        assert done.status == 0, done.err
        [image] = done.json['images']
        return str(image['id'])

    return register


@contextlib.contextmanager
def _server(cloud: Any, image: str) -> Iterator[dict[str, Any]]:
    name = f'{image}-server'
    cloud.openstack(
        *('server', 'create', '--image', image, '--flavor', 'tiny'),
        *('--network', 'provider', '--wait', '-f', 'json', name),
    )
    try:
        yield cloud.openstack('server', 'show', name, '-f', 'json')
    finally:
        cloud.openstack('server', 'delete', '--wait', name)


def _booted(cloud: Any, image: str) -> str:
    """Return the id of the image that a new server booted to its end."""
    with _server(cloud, image) as server:
        assert server['status'] == 'ACTIVE'
        end = time.monotonic() + _LONG
        log = ''
        while 'login:' not in log:
            assert time.monotonic() < end, log
            time.sleep(2)
            log = cloud.openstack('console', 'log', 'show', server['name'])
        return str(server['image'])


def test_servers_are_of_the_promoted_image_and_after_rollback_of_the_former(
    program: Any, cloud: Any, name: str, register: Callable[[str], str]
) -> None:
    def change(*argv: str) -> None:
        done = program('image', *argv, *_AT)
        assert done.status == 0, done.err

    first = register('good')
    change('promote', name, '--force')
    assert first in _booted(cloud, name)
    second = register('clone')
    # A candidate changes nothing for users.
    shown = cloud.openstack('image', 'show', name, '-f', 'json')
    assert shown['id'] == first
    change('promote', name, '--force')
    assert second in _booted(cloud, name)
    change('rollback', name, '--reason', 'a test')
    assert first in _booted(cloud, name)
