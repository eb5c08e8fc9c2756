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


"""What a real cloud has against a bake, told before anything is built."""

import dataclasses
import uuid
from pathlib import Path

import pytest
import yaml

from image_pipeline.clouds import cloud as clouds_cloud
from image_pipeline.testing import tiny_stages

#: A member of a project in which no other test starts servers.
_OTHER = 'devcloud-other'


@pytest.fixture
def name():
    return f'preflight-{uuid.uuid4().hex[:8]}'


@pytest.fixture
def recipe(name, tmp_path):
    """A recipe whose image is there at once, and is never looked into."""
    image = tmp_path / 'image.qcow2'
    image.write_bytes(b'QFI\xfb'.ljust(512, b'\0'))
    return tiny_stages.recipe(tmp_path / f'{name}.yaml', image=image)


@pytest.fixture
def there(name):
    """An image: rights are found out by the id of one."""
    client = clouds_cloud.Cloud(_OTHER).images
    made = str(uuid.uuid4())
    client.create(made, name=f'{name}-other', disk_format='qcow2')
    yield made
    client.delete(made)


@pytest.fixture
def program(pipeline, tmp_path):
    """The program, with the stage that takes an image as it is."""
    folder = tmp_path / 'plugins'
    folder.mkdir()
    return dataclasses.replace(
        pipeline,
        variables={**pipeline.variables, **tiny_stages.install(folder)},
    )


@pytest.fixture
def planned(program, recipe, tmp_path):
    """Plan for targets that are as their options say."""

    def run(*clouds, **options):
        site = tmp_path / 'site.conf'
        site.write_text(
            ''.join(
                f'[target:{cloud}]\ncloud = {cloud}\npromote = auto\n'
                + ''.join(f'{key} = {one}\n' for key, one in options.items())
                for cloud in clouds
            )
        )
        words = [word for cloud in clouds for word in ('--target', cloud)]
        return program(
            '--config-file', site, 'plan', recipe, *words, '-f', 'json'
        )

    return run


def objections(done):
    """Return messages by severity, of all steps."""
    found = {'error': set(), 'warning': set()}
    for step in done.json:
        for one in step['objections']:
            found[one['severity']].add(one['message'])
    return {severity: sorted(said) for severity, said in found.items()}


def only_error(done, *, status=2):
    assert done.status == status, done.err
    (message,) = objections(done)['error']
    # People are told, too, with what to do.
    assert message in done.err
    return message


def test_member_with_room_may_bake(cloud, planned):
    done = planned(_OTHER)
    assert done.status == 0, done.err
    assert objections(done) == {'error': [], 'warning': []}


def test_nothing_is_left_by_asking(cloud, planned, name):
    planned(_OTHER)
    seen = clouds_cloud.Cloud(_OTHER)
    for hidden in (False, True):
        assert seen.images.find(name=name, hidden=hidden) == []
    assert [
        one.name for one in seen.compute.servers() if 'preflight' in one.name
    ] == []


@pytest.fixture
def an_image(cloud):
    """An image of the project: what rights there are is asked with its id."""
    name = f'preflight-{uuid.uuid4().hex[:8]}'
    cloud.openstack('image', 'create', name)
    yield
    cloud.openstack('image', 'delete', name)


@pytest.mark.usefixtures('an_image')
def test_reader_may_neither_make_an_image_nor_start_a_server(cloud, planned):
    done = planned('devcloud-reader')
    assert done.status == 2
    # Other tests may have used up the quota of the project meanwhile.
    said = [one for one in objections(done)['error'] if 'quota' not in one]
    image, server = said
    assert 'may not make the image' in image
    assert 'may not start servers' in server
    assert done.err.count('it takes the role member') == 2


def test_problems_of_all_targets_are_told_at_once(cloud, planned):
    done = planned('devcloud-reader', 'devcloud-two')
    assert done.status == 2
    said = ' '.join(objections(done)['error'])
    assert 'at target "devcloud-reader"' in said
    assert 'cloud "devcloud-two" has no service "compute"' in said


def test_public_needs_an_administrator(cloud, planned, there):
    assert 'image public' in only_error(planned(_OTHER, visibility='public'))
    done = planned('devcloud-admin', visibility='public')
    assert not any('public' in one for one in objections(done)['error'])


def test_what_is_named_must_be_there(cloud, planned):
    done = planned(_OTHER, stores='fsat', flavor='huge', network='nonet')
    store, flavor, network = sorted(
        objections(done)['error'],
        key=lambda one: one.split('has no ')[1][::-1],
    )
    said = ' '.join((store, flavor, network))
    assert 'no store "fsat"' in said
    assert 'no flavor "huge"' in said
    assert 'no network "nonet"' in said
    assert 'did you mean "fast"?' in done.err


def test_flavor_must_hold_the_image(cloud, planned):
    done = planned(_OTHER, flavor='nano')
    assert 'flavor nano of target "devcloud-other" is too small' in only_error(
        done
    )


def test_format_must_be_one_that_the_cloud_takes(cloud, planned):
    done = planned(_OTHER, properties='min_disk:many')
    assert 'min_disk is "many", not a whole number' in done.err
    assert done.status == 2


def test_property_that_is_protected_is_refused(cloud, planned, name):
    # Rights are found out by the id of an image that is there.
    client = clouds_cloud.Cloud('devcloud-two').images
    made = str(uuid.uuid4())
    client.create(made, name=f'{name}-other', disk_format='qcow2')
    try:
        done = planned('devcloud-two', properties='x_owner_y:1')
    finally:
        client.delete(made)
    (said,) = [
        one for one in objections(done)['error'] if 'service' not in one
    ]
    assert 'x_owner_y' in said


def test_name_that_somebody_took_by_hand_is_told(cloud, planned, name):
    client = clouds_cloud.Cloud(_OTHER).images
    made = str(uuid.uuid4())
    client.create(made, name=name, disk_format='qcow2')
    try:
        assert made in only_error(planned(_OTHER))
        by_person = planned(_OTHER, promote='manual')
    finally:
        client.delete(made)
    assert by_person.status == 0
    assert made in objections(by_person)['warning'][0]


def test_member_that_is_no_project_is_told_to_administrators(cloud, planned):
    nobody = uuid.uuid4().hex
    done = planned('devcloud-admin', visibility='shared', members=nobody)
    assert f'there is no project {nobody}' in ' '.join(
        objections(done)['error']
    )


def test_wrong_password_is_one_problem(cloud, program, recipe, tmp_path):
    config = yaml.safe_load(cloud.clouds_yaml.read_text())
    config['clouds']['devcloud']['auth']['password'] = 'wrong'
    file = tmp_path / 'clouds.yaml'
    file.write_text(yaml.safe_dump(config))
    wrong = dataclasses.replace(
        program,
        variables={**program.variables, 'OS_CLIENT_CONFIG_FILE': str(file)},
    )
    done = wrong('plan', recipe, '--target', 'devcloud', '-f', 'json')
    assert 'the credentials were refused' in only_error(done)
    assert 'wrong' not in done.err.replace('what is wrong', '')


def test_quota_without_room_for_a_server_is_told(cloud, planned):
    def quota(number):
        cloud.openstack(
            *('quota', 'set', '--instances', str(number), 'alone'),
            cloud='devcloud-admin',
        )

    quota(0)
    try:
        done = planned('devcloud-alone')
    finally:
        quota(6)
    assert '0 of 0 instances left' in only_error(done)


def test_bake_refuses_before_anything_is_done(cloud, program, recipe):
    done = program('bake', recipe, '--target', 'devcloud-reader')
    assert done.status == 2
    assert 'the run would fail' in done.err
    assert 'may not start servers' in done.err
    assert 'nothing was begun' in done.err
    runs: Path = program.state_dir / 'runs'
    assert not runs.exists() or not list(runs.iterdir())


def test_plan_asks_no_cloud_if_nobody_wants_it(cloud, program, recipe):
    done = program(
        'plan', recipe, '--target', 'devcloud-reader', '--offline',
        '-f', 'json',
    )  # fmt: skip
    assert done.status == 0
    assert objections(done) == {'error': [], 'warning': []}


@pytest.mark.usefixtures('an_image')
def test_doctor_says_what_a_target_lacks(cloud, program):
    good = program('doctor', '--target', 'devcloud', '-f', 'json')
    assert any(one['subject'] == 'target devcloud' for one in good.json)
    bad = program('doctor', '--target', 'devcloud-reader', '-f', 'json')
    assert bad.status == 1
    said = [
        one['found']
        for one in bad.json
        if one['subject'] == 'target devcloud-reader'
    ]
    assert any('may not make the image' in one for one in said)


def test_keystone_that_is_down_may_be_up_again(exclusive_cloud, planned):
    exclusive_cloud.stop('keystone')
    done = planned(_OTHER)
    assert 'Keystone' in only_error(done, status=5)
