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

"""Whole bakes that are stopped, killed or disturbed: nothing stays behind."""

import dataclasses
import json
import signal
import time

import openstack
import pytest
import yaml

from image_pipeline.testing import (
    cloud_project,
    gate,
    tiny_fixture,
    tiny_stages,
)

tiny = tiny_fixture.tiny
tiny_images = tiny_fixture.tiny_images

#: Entries of clouds.yaml: a project of these tests, and the same one with a
#: gate in the way.
PROJECT = 'disturbed'
GATED = 'gated'
#: Seconds that something may take on the busiest host.
LONG = 900
_CONF = """\
[target:tested]
cloud = {project}
promote = auto

[oslo_messaging_notifications]
driver = messagingv2
transport_url = rabbit://nobody:sekret-word@127.0.0.1:{port}/
"""


@pytest.fixture(scope='module')
def project(devcloud, tmp_path_factory):
    folder = tmp_path_factory.mktemp('clouds')
    # The lock only while it is used: whoever breaks the cloud waits for it.
    with devcloud.shared():
        made = cloud_project.projects(devcloud.clouds_yaml, folder, [PROJECT])
        found = made.__enter__()
    yield found
    with devcloud.shared():
        made.__exit__(None, None, None)


class Things:
    """What there is in the project."""

    def __init__(self, clouds_yaml, project_id):
        config = openstack.config.OpenStackConfig(
            config_files=[str(clouds_yaml)], load_envvars=False
        )
        self.cloud = openstack.connection.Connection(
            config=config.get_one(cloud=PROJECT)
        )
        self.project_id = project_id

    def images(self):
        proxy = self.cloud.image
        return [
            image
            for hidden in (False, True)
            for image in proxy.images(owner=self.project_id, is_hidden=hidden)
        ]

    def servers(self):
        return list(self.cloud.compute.servers())

    def of_servers(self):
        """Return what a smoke test makes; ports too that Nova made."""
        network = self.cloud.network
        return [
            *self.servers(),
            *self.cloud.compute.keypairs(),
            *network.ports(project_id=self.project_id),
            *(
                group
                for group in network.security_groups(
                    project_id=self.project_id
                )
                if group.name != 'default'
            ),
        ]

    def delete_images(self):
        for image in self.images():
            if image.is_protected:
                self.cloud.image.update_image(image, is_protected=False)
            self.cloud.image.delete_image(image)


@pytest.fixture
def things(cloud, project):
    made = Things(project.clouds_yaml, project.ids[PROJECT])
    yield made
    made.delete_images()
    made.cloud.close()


@pytest.fixture
def program(pipeline, project, things, tmp_path):
    """The program, with what it needs to bake a tiny image."""
    plugin = tiny_stages.install(tmp_path / 'plugin')
    return dataclasses.replace(
        pipeline,
        variables={
            **pipeline.variables,
            **plugin,
            'OS_CLIENT_CONFIG_FILE': str(project.clouds_yaml),
        },
    )


@pytest.fixture
def gated(program, project, tmp_path):
    """Have a service of the project's cloud behind a gate."""

    def make(service, url):
        known = yaml.safe_load(project.clouds_yaml.read_text())
        known['clouds'][GATED] = {
            **known['clouds'][PROJECT],
            f'{service}_endpoint_override': url,
        }
        path = tmp_path / 'gated.yaml'
        path.write_text(yaml.safe_dump(known))
        return dataclasses.replace(
            program,
            variables={
                **program.variables,
                'OS_CLIENT_CONFIG_FILE': str(path),
            },
        )

    return make


@pytest.fixture
def recipe(tiny, tmp_path):
    return tiny_stages.recipe(tmp_path / 'disturbed.yaml', image=tiny.path)


def read_until(process, word):
    """Read what a program says until it says a word; return all of it."""
    said = []
    for line in process.stderr:
        said.append(line)
        if word in line:
            return ''.join(said)
    raise AssertionError(''.join(said))


def wait_for_servers(process, things):
    """Wait until a program has begun to make servers; return them."""
    end = time.monotonic() + LONG
    while process.poll() is None and time.monotonic() < end:
        if found := things.servers():
            return found
        time.sleep(0.2)
    raise AssertionError(process.communicate(timeout=LONG))


def ended(process):
    out, err = process.communicate(timeout=LONG)
    return process.returncode, out, err


def states(done):
    return {one['step']: one['state'] for one in done.json['stages']}


def upload_gate(cloud):
    return gate.Gate(cloud.address, 9292, stop_at='PUT /v2/images/')


def test_ctrl_c_in_an_upload_leaves_nothing(cloud, gated, recipe, things):
    with upload_gate(cloud) as way:
        program = gated('image', way.url)
        with program.start('bake', recipe, f'--target={GATED}') as process:
            assert way.stopped.wait(LONG)
            assert things.images()
            process.send_signal(signal.SIGINT)
            status, _, err = ended(process)
    assert status == 130, err
    assert err.count('error:') <= 1
    assert 'Traceback' not in err
    assert not things.images()


def test_what_a_killed_upload_left_is_gone_after_the_next_bake(
    cloud, gated, recipe, things
):
    with upload_gate(cloud) as way:
        program = gated('image', way.url)
        with program.start('bake', recipe, f'--target={GATED}') as process:
            assert way.stopped.wait(LONG)
            process.kill()
            process.wait(LONG)
        (half,) = things.images()
        way.cut()
        done = program(
            'bake',
            recipe,
            f'--target={GATED}',
            '--until=register',
            '--format=json',
        )
    assert done.status == 0, done.err
    # It was built already.
    assert states(done)['take-image.qcow2'] == 'skipped'
    (image,) = things.images()
    assert image.id != half.id
    assert image.id == done.json['images'][0]['id']
    assert image.is_hidden


def test_ctrl_c_while_servers_boot_leaves_the_candidate_only(
    program, recipe, things
):
    with program.start('bake', recipe, f'--target={PROJECT}') as process:
        wait_for_servers(process, things)
        process.send_signal(signal.SIGINT)
        status, _, err = ended(process)
    assert status == 130, err
    assert 'Traceback' not in err
    assert not things.of_servers()
    (image,) = things.images()
    assert image.is_hidden


def test_reap_takes_away_what_a_killed_smoke_test_left(
    program, recipe, things
):
    with program.start('bake', recipe, f'--target={PROJECT}') as process:
        wait_for_servers(process, things)
        process.kill()
        process.wait(LONG)
    left = {thing.id for thing in things.of_servers()}
    assert left
    looked = program(
        'reap', f'--target={PROJECT}', '--dry-run', '--format=json'
    )
    assert looked.status == 0, looked.err
    assert {thing.id for thing in things.of_servers()} == left
    done = program('reap', f'--target={PROJECT}')
    assert done.status == 0, done.err
    assert not things.of_servers()
    # It was registered, and is a candidate like any other.
    (image,) = things.images()
    assert image.is_hidden
    listed = program('image', 'list', f'--target={PROJECT}', '-f', 'json')
    assert [one['state'] for one in listed.json] == ['candidate']


def test_an_image_that_somebody_deletes_is_told_and_registered_again(
    cloud, gated, program, recipe, things
):
    # The first thing that a smoke test makes.
    first = 'POST /v2.1/os-keypairs'
    with gate.Gate(cloud.address, 8774, stop_at=first, after=0) as way:
        gated_program = gated('compute', f'{way.url}/v2.1')
        with gated_program.start(
            'bake', recipe, f'--target={GATED}'
        ) as process:
            assert way.stopped.wait(LONG)
            (former,) = things.images()
            things.delete_images()
            way.open()
            status, _, err = ended(process)
        assert status == 1, err
        assert former.id in err
        assert 'Traceback' not in err
        assert not things.of_servers()
        done = gated_program(
            'bake',
            recipe,
            f'--target={GATED}',
            '--until=register',
            '--format=json',
        )
    assert done.status == 0, done.err
    assert states(done)['take-image.qcow2'] == 'skipped'
    (image,) = things.images()
    assert image.id == done.json['images'][0]['id'] != former.id


def test_images_of_that_name_made_by_hand_are_not_replaced_unasked(
    program, recipe, things
):
    name = recipe.stem
    mine = [
        things.cloud.image.create_image(
            name,
            data=b'by hand',
            disk_format='raw',
            container_format='bare',
            allow_duplicates=True,
            use_import=False,
        )
        for _ in range(2)
    ]
    done = program(
        'bake',
        recipe,
        f'--target={PROJECT}',
        '--until=register',
        '--format=json',
    )
    assert done.status == 0, done.err
    promote = ('image', 'promote', name, '--force', f'--target={PROJECT}')
    refused = program(*promote)
    assert refused.status == 1, refused.err
    assert 'image adopt' in refused.err
    visible = [one for one in things.images() if not one.is_hidden]
    assert {one.id for one in visible} == {one.id for one in mine}
    for one in mine:
        things.cloud.image.update_image(one, is_hidden=True)
    promoted = program(*promote)
    assert promoted.status == 0, promoted.err
    (visible,) = [one for one in things.images() if not one.is_hidden]
    assert visible.id == done.json['images'][0]['id']
    assert visible.name == name


def test_a_password_that_is_set_again_meanwhile_ends_no_bake(
    cloud, program, project, recipe, things, tiny, tmp_path
):
    # All tokens of a user end with that.
    go_on = tmp_path / 'go-on'
    tiny_stages.recipe(recipe, image=tiny.path, wait_for=go_on)
    auth = yaml.safe_load(project.clouds_yaml.read_text())['clouds'][PROJECT][
        'auth'
    ]
    with program.start(
        'bake', recipe, f'--target={PROJECT}', '--until=register'
    ) as process:
        read_until(process, 'take-image.qcow2: started')
        cloud.openstack(
            'user',
            'set',
            '--password',
            auth['password'],
            auth['username'],
            cloud='devcloud-admin',
        )
        go_on.touch()
        status, _, err = ended(process)
    assert status == 0, err
    assert len(things.images()) == 1


def test_a_whole_bake_without_its_message_broker_ends_as_it_would(
    program, recipe, things
):
    # A port of root's that nothing has used for decades.
    port = 1
    folder = program.state_dir.parent / 'config' / 'image-pipeline'
    folder.mkdir(parents=True)
    conf = folder / 'image-pipeline.conf'
    conf.write_text(_CONF.format(project=PROJECT, port=port))
    done = program('bake', recipe, '--target=tested', '--format=json')
    assert done.status == 0, done.err
    assert set(states(done).values()) == {'succeeded'}
    assert [one['state'] for one in done.json['images']] == ['current']
    told = [line for line in done.err.splitlines() if 'not sent' in line]
    # run, three stages and what they do with the image, twice each; the
    # stage that takes it does nothing with it.
    assert told == [
        'warning: 16 notifications were not sent: '
        f'rabbit://127.0.0.1:{port}/: [Errno 111] Connection refused'
    ]
    assert 'sekret-word' not in done.err + json.dumps(done.json)
    assert not things.of_servers()
