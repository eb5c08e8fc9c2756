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

"""What ``openstack`` says of images that our commands have changed."""

import contextlib
import dataclasses
import hashlib
import json
import os
import shutil
import subprocess
import sys
import uuid
from pathlib import Path

import pytest
import yaml

from image_pipeline import artifact, exceptions
from image_pipeline.catalogues import base, registry
from image_pipeline.clouds import cloud as clouds_cloud
from image_pipeline.clouds import names
from image_pipeline.host import cancellation

_NOBODY = 65534


@dataclasses.dataclass
class Images:
    """Registers images that go when the test ends.

    :param folder: for files.
    """

    folder: Path

    def __post_init__(self):
        self.name = f'cli-{uuid.uuid4().hex[:8]}'
        self.catalogues = {}

    def catalogue(self, target='devcloud'):
        if target not in self.catalogues:
            self.catalogues[target] = registry.load(
                names.Targets({})[target], self.folder / 'state'
            )
        return self.catalogues[target]

    def file(self, content):
        """Return a raw image: a disk that nothing boots from."""
        path = self.folder / f'{content}.raw'
        path.write_bytes(
            f'{self.name} {content}'.encode().ljust(1 << 20, b'\0')
        )
        return path

    def add(self, content, *, target='devcloud', tested=True):
        """Register a candidate, as a bake does."""
        path = self.file(content)
        data = path.read_bytes()
        catalogue = self.catalogue(target)
        record = catalogue.register(
            artifact.Artifact(
                kind=artifact.IMAGE,
                path=path,
                digest=f'sha256:{hashlib.sha256(data).hexdigest()}',
                size=len(data),
                properties={
                    'format': 'raw',
                    'virtual_size': len(data),
                    'sha512': hashlib.sha512(data).hexdigest(),
                },
            ),
            name=self.name,
            recipe='r',
            run_id='run-of-a-test',
            properties={'os_distro': 'debian'},
            undo=lambda record: None,
            progress=lambda done, total, unit: None,
            cancelled=cancellation.CancellationToken(),
        )
        if tested:
            catalogue.set_properties(
                record.id,
                {},
                tested=base.Tested(sha256=record.sha256, ram=64),
            )
        return record.id

    def current(self, content):
        """Register an image, and make it the current one."""
        image_id = self.add(content)
        self.catalogue().promote(image_id)
        return image_id

    def states(self):
        """Return the state of each image, by id."""
        return {
            one.id: one.state.value
            for one in self.catalogue().list_images(name=self.name)
        }

    def remove(self):
        for catalogue in self.catalogues.values():
            client = catalogue.client
            found = {
                image.id
                for image in (
                    *client.find(name=self.name),
                    *client.find(
                        properties={'image_pipeline_name': self.name}
                    ),
                )
            }
            for image_id in found:
                # On a busy machine a request that was heard is repeated.
                with contextlib.suppress(exceptions.NotFound):
                    if client.get(image_id).protected:
                        client.patch(image_id, {'protected': False})
                    client.delete(image_id)


@pytest.fixture
def images(cloud, tmp_path):
    clouds_cloud.forget()
    made = Images(tmp_path)
    yield made
    made.remove()
    clouds_cloud.forget()


@pytest.fixture
def image(pipeline):
    """Run ``image VERB …``; return its rows."""

    def run(verb, *words, target='devcloud', status=0):
        done = pipeline(
            'image', verb, *words, '--target', target, '-f', 'json'
        )
        assert done.status == status, done.err
        assert 'Traceback' not in done.err
        return done.json if done.out else done.err

    return run


def listed(cloud, name, entry='devcloud'):
    """Return the images that a listing shows by a name."""
    words = ('image', 'list', '--name', name, '-f', 'json')
    return [one['ID'] for one in cloud.openstack(*words, cloud=entry)]


def by_name(cloud, name):
    """Return the image that users get by a name."""
    return cloud.openstack('image', 'show', name, '-f', 'json')


def test_users_get_what_was_promoted_and_rolled_back(cloud, images, image):
    name = images.name
    good = images.add('good')
    assert listed(cloud, name) == []
    assert cloud.try_openstack('image', 'show', name).returncode != 0
    image('promote', name)
    bad = images.add('bad')
    dry = image('promote', name, '--reason', 'newer', '--dry-run')
    # A candidate is no second image of the name.
    assert by_name(cloud, name)['id'] == good
    rows = image('promote', name, '--reason', 'newer')
    assert rows == dry
    assert {row['id']: row['after'] for row in rows} == {
        bad: 'current',
        good: 'previous',
    }
    shown = by_name(cloud, name)
    assert shown['id'] == bad
    assert shown['protected'] is True
    assert shown['properties']['image_pipeline_state'] == 'current'
    assert shown['properties']['os_distro'] == 'debian'
    image('rollback', name, '--reason', 'no network')
    assert listed(cloud, name) == [good]
    assert by_name(cloud, name)['id'] == good
    rejected = cloud.openstack('image', 'show', bad, '-f', 'json')
    # It was current once: its name stays for those who use it.
    assert rejected['name'] == name
    assert rejected['properties']['os_hidden'] is True
    assert rejected['properties']['image_pipeline_state'] == 'rejected'
    assert rejected['properties']['image_pipeline_reason'] == 'no network'
    assert 'no network' in image('promote', bad, status=1)


def test_nobody_without_anything_but_a_clouds_yaml_rolls_back(
    cloud, images, tmp_path
):
    """Not root, no state folder, no configuration of the site."""
    first, second = images.current('first'), images.current('second')
    home = tmp_path / 'home'
    file = home / '.config' / 'openstack' / 'clouds.yaml'
    file.parent.mkdir(parents=True)
    shutil.copy(cloud.clouds_yaml, file)
    for path in home, *home.rglob('*'):
        os.chown(path, _NOBODY, _NOBODY)
    # It may read Python, wherever that is, and no more than that.
    may = '-all,+dac_read_search'
    done = subprocess.run(
        [
            'setpriv',
            f'--reuid={_NOBODY}',
            f'--regid={_NOBODY}',
            '--clear-groups',
            f'--bounding-set={may}',
            f'--inh-caps={may}',
            f'--ambient-caps={may}',
            Path(sys.executable).with_name('image-pipeline'),
            *('image', 'rollback', images.name, '--target', 'devcloud'),
            *('-f', 'json'),
        ],
        env={'HOME': str(home), 'PATH': os.environ['PATH']},
        cwd='/',
        capture_output=True,
        text=True,
        timeout=900,
    )
    assert done.returncode == 0, done.stderr
    assert {row['id']: row['after'] for row in json.loads(done.stdout)} == {
        first: 'current',
        second: 'rejected',
    }
    assert listed(cloud, images.name) == [first]
    # Python's own cache apart, there is still nothing.
    assert {path.name for path in home.iterdir()} <= {'.config', '.cache'}
    assert [path.name for path in (home / '.config').iterdir()] == [
        'openstack'
    ]


def test_reader_looks_and_changes_nothing(images, image):
    candidate = images.add('x')
    rows = image('list', images.name, target='devcloud-reader')
    assert [row['id'] for row in rows] == [candidate]
    err = image('promote', candidate, target='devcloud-reader', status=1)
    assert 'forbidden' in err
    assert images.states() == {candidate: 'candidate'}


def test_two_clouds_are_promoted_together_or_not_at_all(
    cloud, images, pipeline, tmp_path
):
    name = images.name
    both = ('--target', 'devcloud', '--target', 'devcloud-two')
    words = ('image', 'promote', name, *both, '--all-or-none')
    one = images.add('x')
    two = images.add('x', target='devcloud-two', tested=False)
    refused = pipeline(*words)
    assert refused.status == 1, refused.err
    assert f'image promote --force {two}' in refused.err
    assert images.states() == {one: 'candidate'}
    done = pipeline(*words, '--force', '-f', 'json')
    assert done.status == 0, done.err
    ids = {'devcloud': one, 'devcloud-two': two}
    assert {row['target']: row['id'] for row in done.json} == ids
    for entry, image_id in ids.items():
        assert listed(cloud, name, entry) == [image_id]
    exported = pipeline('image', 'export', name, *both).json
    assert {
        target: found[name]['id'] for target, found in exported.items()
    } == ids
    file = tmp_path / 'images.yaml'
    form = ('--format', 'heat-env', '--output', file, *both[:2])
    assert pipeline('image', 'export', name, *form).status == 0
    assert yaml.safe_load(file.read_text())['parameter_defaults'] == {
        f'image_{name.replace("-", "_")}': one
    }


def test_properties_are_set_in_the_cloud(cloud, images, image):
    images.current('x')
    words = ('--property', 'hw_rng_model=virtio', '--unset', 'os_distro')
    rows = image('set', images.name, *words)
    assert {row['property'] for row in rows} == {'hw_rng_model', 'os_distro'}
    properties = by_name(cloud, images.name)['properties']
    assert properties['hw_rng_model'] == 'virtio'
    assert 'os_distro' not in properties


def test_image_that_was_made_by_hand_is_adopted_and_replaced(
    cloud, images, image
):
    name = images.name
    images.catalogue()
    by_hand = cloud.openstack(
        *('image', 'create', name, '--file', images.file('by-hand')),
        *('--disk-format', 'raw', '-f', 'json'),
    )['id']
    new = images.add('new')
    # Two visible images of a name are what must not be.
    assert by_hand in image('promote', name, status=1)
    [row] = image('adopt', by_hand, '--name', name, '--reason', 'old')
    assert row['state'] == 'current'
    image('promote', name)
    assert listed(cloud, name) == [new]
    assert images.states() == {new: 'current', by_hand: 'previous'}


def test_revoked_image_is_of_no_use_to_anybody(cloud, images, image):
    good, leaked = images.current('good'), images.current('leaked')
    rows = image('revoke', leaked, '--reason', 'key inside')
    assert {row['id']: row['after'] for row in rows} == {
        good: 'current',
        leaked: 'rejected',
    }
    assert listed(cloud, images.name) == [good]
    shown = cloud.openstack('image', 'show', leaked, '-f', 'json')
    assert shown['status'] == 'deactivated'
    assert shown['properties']['image_pipeline_reason'] == 'key inside'


def test_members_of_a_shared_image_are_told(cloud, images, pipeline, tmp_path):
    name = images.name
    other = clouds_cloud.open_cloud(
        names.Targets({})['devcloud-other']
    ).project_id
    site = tmp_path / 'site.conf'
    site.write_text(
        '[target:shared]\ncloud = devcloud\nvisibility = shared\n'
        f'members = {other}\n'
    )

    def promote():
        done = pipeline(
            *('--config-file', site, 'image', 'promote', name),
            *('--target', 'shared', '-f', 'json'),
        )
        assert done.status == 0, done.err
        return done.json[0]

    first = images.add('first')
    assert promote()['members'] == [{'project': other, 'status': 'pending'}]
    accept = ('image', 'set', '--accept', first)
    cloud.openstack(*accept, cloud='devcloud-other')
    assert listed(cloud, name, 'devcloud-other') == [first]
    words = ('image', 'usage', first, '--target', 'devcloud', '-f', 'json')
    assert other in str(pipeline(*words).json)
    second = images.add('second')
    row = promote()
    assert row['id'] == second
    assert [one['project'] for one in row['members']] == [other]


def test_deletion_is_asked_for_twice(images, image, pipeline, tmp_path):
    candidate = images.add('x')
    [row] = image('retire', candidate, '--delete', status=1)
    assert row['after'] == 'candidate'
    assert images.states() == {candidate: 'candidate'}
    site = tmp_path / 'site.conf'
    site.write_text('[target:mine]\ncloud = devcloud\ndelete = true\n')
    words = ('image', 'retire', candidate, '--delete', '--target', 'mine')
    done = pipeline('--config-file', site, *words, '-f', 'json')
    assert done.status == 0, done.err
    assert done.json[0]['after'] == 'deleted'
    assert images.states() == {}


@pytest.mark.parametrize(
    ('change', 'status', 'said'),
    [
        ({'auth': {'auth_url': 'http://127.0.0.1:9/v3'}}, 5, '127.0.0.1'),
        ({'auth': {'password': 'wrong-password'}}, 2, 'cannot log in'),
        ({'region_name': 'Nowhere'}, 2, 'Nowhere'),
    ],
    ids=['down', 'wrong password', 'no such region'],
)
def test_cloud_that_cannot_be_asked_is_one_clear_message(
    cloud, pipeline, tmp_path, change, status, said
):
    clouds = yaml.safe_load(cloud.clouds_yaml.read_text())
    entry = clouds['clouds']['devcloud']
    secret = entry['auth']['password']
    entry['auth'].update(change.pop('auth', {}))
    entry.update(change)
    file = tmp_path / 'clouds.yaml'
    file.write_text(yaml.safe_dump({'clouds': {'devcloud': entry}}))
    site = tmp_path / 'site.conf'
    site.write_text(
        '[clouds]\nconnect_timeout = 2\nretries = 1\nretry_seconds = 2\n'
    )
    there = dataclasses.replace(
        pipeline, variables={'OS_CLIENT_CONFIG_FILE': str(file)}
    )
    words = ('image', 'list', '--target', 'devcloud')
    done = there('--config-file', site, *words)
    assert (done.status, done.out) == (status, ''), done.err
    assert said in done.err
    assert 'hint:' in done.err
    assert 'Traceback' not in done.err
    assert secret not in done.err
    assert 'wrong-password' not in done.err


def test_targets_are_those_of_clouds_yaml(cloud, pipeline):
    rows = pipeline('target', 'list', '-f', 'json').json
    regions = {row['name']: row['region'] for row in rows}
    assert set(regions) >= {'local', 'devcloud', 'devcloud-two'}
    assert regions['devcloud'] != regions['devcloud-two']
