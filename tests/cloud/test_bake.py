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

"""The whole way of a real image: baked, booted by Nova, promoted, in use.

What is composed is the image that the tests of this host bake anyway; from
``register`` on everything happens in the cloud.
"""

import contextlib
import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.slow

_NAME = 'debian-12'
_AT = ('--target', 'devcloud')


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Baked:
    """The bake to the cloud.

    :param pipeline: the program, with the state folder of the bake.
    :param done: what the bake answered.
    """

    pipeline: Any
    done: Any

    @property
    def image(self) -> dict[str, Any]:
        assert self.done.status == 0, self.done.err
        [image] = self.done.json['images']
        return image


@pytest.fixture(scope='module')
def baked(
    debian_12: Any,
    copy_of_state: Any,
    devcloud: Any,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[_Baked]:
    """The recipe debian-12 baked to the cloud; its images are deleted."""
    state = copy_of_state(
        debian_12.pipeline, tmp_path_factory.mktemp('cloud') / 'state'
    )
    pipeline = dataclasses.replace(state, variables=devcloud.variables)
    with devcloud.shared():
        done = pipeline('bake', _NAME, *_AT, '-f', 'json')
    yield _Baked(pipeline=pipeline, done=done)
    with devcloud.shared():
        for image in _images(devcloud):
            _delete(devcloud, image['ID'])


def _images(cloud: Any, *options: str) -> list[dict[str, Any]]:
    """Return our images, hidden ones too, as the OpenStack client sees it."""
    rows = []
    for hidden in ((), ('--hidden',)):
        found = cloud.openstack(
            *('image', 'list', '-f', 'json', '--long'), *hidden, *options
        )
        rows += [row for row in found if (row['Name'] or '').startswith(_NAME)]
    return rows


def _delete(cloud: Any, image_id: str) -> None:
    cloud.openstack('image', 'set', '--unprotected', image_id)
    cloud.openstack('image', 'delete', image_id)


@contextlib.contextmanager
def _server(cloud: Any, image: str) -> Iterator[dict[str, Any]]:
    """Make a server by hand, as a user of the cloud would."""
    cloud.openstack(
        *('server', 'create', '--image', image, '--flavor', 'small'),
        *('--network', 'provider', '--wait', '-f', 'json', 'by-hand'),
    )
    try:
        yield cloud.openstack('server', 'show', 'by-hand', '-f', 'json')
    finally:
        cloud.openstack('server', 'delete', '--wait', 'by-hand')


def test_bake_ends_with_a_tested_candidate_that_users_do_not_see(
    baked: _Baked, cloud: Any
) -> None:
    image = baked.image
    states = {one['stage']: one['state'] for one in baked.done.json['stages']}
    assert states['compose'] == 'skipped'
    assert states['register'] == 'succeeded'
    assert states['smoke-test'] == 'succeeded'
    assert (image['state'], image['visibility']) == ('candidate', 'private')
    visible = cloud.openstack('image', 'list', '-f', 'json')
    assert image['id'] not in {row['ID'] for row in visible}
    shown = cloud.openstack('image', 'show', image['id'], '-f', 'json')
    assert shown['status'] == 'active'
    assert shown['properties']['os_hash_value'] == image['sha512']
    assert shown['properties']['os_distro'] == 'debian'


def test_servers_answered_the_probes_over_the_console(baked: _Baked) -> None:
    [made] = [
        artifact
        for stage in baked.done.json['stages']
        for artifact in stage['artifacts']
        if artifact['kind'] == 'smoke-report'
    ]
    report = json.loads(Path(made['path']).read_text())
    assert len(report['boots']) >= 2
    for boot in report['boots']:
        assert boot['diagnosis'] is None
        outcomes = {one['probe']: one['outcome'] for one in boot['probes']}
        assert 'fail' not in outcomes.values()
        assert outcomes['EGI-CI-01'] == outcomes['EGI-GROW-02'] == 'pass'
    identity = {one['probe']: one['outcome'] for one in report['identity']}
    assert identity['HYG-01'] == identity['HYG-04'] == 'pass'
    assert report['disagreements'] == []
    logs = baked.pipeline.state_dir.glob(
        'runs/*/logs/smoke-test@devcloud.*.console.log'
    )
    assert all(b'Linux version' in log.read_bytes() for log in logs)


def test_nothing_of_the_smoke_test_is_left(baked: _Baked, cloud: Any) -> None:
    run = baked.done.json['run']
    for what in ('server', 'port', 'security group', 'keypair'):
        rows = cloud.openstack(*what.split(), 'list', '-f', 'json')
        assert not [row for row in rows if run in str(row)], what


def test_bake_of_the_unchanged_recipe_does_nothing(
    baked: _Baked, cloud: Any
) -> None:
    done = baked.pipeline('bake', _NAME, *_AT, '-f', 'json')
    assert done.status == 0, done.err
    assert {one['state'] for one in done.json['stages']} == {'skipped'}
    assert [one['id'] for one in done.json['images']] == [baked.image['id']]
    assert len(_images(cloud)) == 1


def test_promoted_image_is_the_one_that_users_get_by_its_name(
    baked: _Baked, cloud: Any
) -> None:
    done = baked.pipeline('image', 'promote', _NAME, *_AT, '-f', 'json')
    assert done.status == 0, done.err
    shown = cloud.openstack('image', 'show', _NAME, '-f', 'json')
    assert shown['id'] == baked.image['id']
    with _server(cloud, _NAME) as server:
        assert server['status'] == 'ACTIVE'
        assert baked.image['id'] in str(server['image'])
        used = baked.pipeline('image', 'usage', _NAME, *_AT, '-f', 'json')
        assert 'by-hand' in used.out
