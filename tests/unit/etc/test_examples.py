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
"""The examples that we ship say what the recipes and the commands say."""

import json
import pathlib
import types

import pytest
import yaml

from image_pipeline import elements
from image_pipeline.cli import image_export
from image_pipeline.conf import loader as conf_loader
from image_pipeline.recipe import loader, plan
from image_pipeline.testing import fakes

ETC = pathlib.Path(elements.__file__).parents[2] / 'etc'
RECIPES = ETC / 'image-pipeline' / 'recipes'
STAGES = [
    'compose',
    'zerofree',
    'convert',
    'properties',
    'audit',
    'register',
    'smoke-test',
    'promote',
]


def load(name):
    return loader.load(name, recipe_path=[RECIPES])


def stages(recipe):
    """Return the stages and their options, as plain values."""
    return {entry.name: entry.options for entry in recipe.stages}


def test_the_shipped_recipes_are_these():
    assert set(loader.names([RECIPES])) >= {
        'debian-12',
        'debian-13',
        'tutorial',
    }


@pytest.mark.parametrize('name', ['debian-12', 'debian-13', 'tutorial'])
def test_a_shipped_recipe_goes_all_the_way(name):
    recipe = load(name)
    assert recipe.image_name == name
    assert list(stages(recipe)) == STAGES
    assert stages(recipe)['audit'] == {'profile': 'egi'}


@pytest.mark.parametrize('name', ['debian-12', 'debian-13', 'tutorial'])
def test_a_shipped_recipe_makes_a_cloud_image_of_known_elements(name):
    from image_pipeline.testing.conformance import element

    wanted = stages(load(name))['compose']['elements']
    assert wanted[:2] == ['debian-minimal', 'egi-cloud-image']
    assert set(wanted) <= set(elements.names()) | set(element.stock())


@pytest.mark.parametrize('name', ['debian-12', 'debian-13', 'tutorial'])
def test_a_shipped_recipe_can_be_planned(name, tmp_path):
    made = plan.make(
        load(name), settings=fakes.settings(tmp_path), check_host=False
    )
    assert [step.key for step in made.steps] == [
        'compose',
        'zerofree',
        'convert.qcow2',
        'properties.qcow2',
        'audit.qcow2',
        'register@local',
        'smoke-test@local',
        'promote@local',
    ]


def test_debian_13_is_debian_12_with_another_release():
    old, new = (stages(load(name)) for name in ('debian-12', 'debian-13'))
    assert old['compose'].pop('environment') == {'DIB_RELEASE': 'bookworm'}
    assert new['compose'].pop('environment') == {'DIB_RELEASE': 'trixie'}
    assert old == new


def test_the_heat_template_names_a_shipped_image():
    template = yaml.safe_load((ETC / 'heat' / 'server.yaml').read_text())
    image = template['parameters']['image_debian_12']['default']
    assert load(image).image_name == image


def test_the_heat_template_takes_what_is_exported():
    template = yaml.safe_load((ETC / 'heat' / 'server.yaml').read_text())
    name = template['parameters']['image_debian_12']['default']
    images = {'mine': {name: types.SimpleNamespace(id='some-id')}}
    environment = yaml.safe_load(image_export.heat_env(images, 'image_'))
    assert environment['parameter_defaults'].keys() <= (
        template['parameters'].keys()
    )


def test_the_heat_template_refers_to_what_it_has():
    template = yaml.safe_load((ETC / 'heat' / 'server.yaml').read_text())
    text = json.dumps(template, default=str)
    for kind, names in (
        ('get_param', template['parameters']),
        ('get_resource', template['resources']),
    ):
        for part in text.split(f'"{kind}": "')[1:]:
            assert part.partition('"')[0] in names


def test_the_zuul_jobs_bake_shipped_recipes_with_the_shipped_playbook():
    jobs = yaml.safe_load((ETC / 'zuul' / 'jobs.yaml').read_text())
    by_name = {each['job']['name']: each['job'] for each in jobs[:-1]}
    base = by_name.pop('bake-image')
    assert (ETC.parent / base['run']).is_file()
    for name, job in by_name.items():
        assert job['parent'] == 'bake-image'
        assert f'bake-{load(job["vars"]["recipe"]).image_name}' == name


class Zuul(yaml.SafeLoader):
    """Reads what Zuul reads: secrets are encrypted."""


Zuul.add_constructor(
    '!encrypted/pkcs1-oaep',
    lambda loader, node: loader.construct_sequence(node),
)


@pytest.fixture
def zuul():
    text = (ETC / 'zuul' / 'cloud-jobs.yaml').read_text()
    return yaml.load(text, Loader=Zuul)


def only(zuul, kind):
    return {each[kind]['name']: each[kind] for each in zuul if kind in each}


def test_the_jobs_of_a_cloud_have_what_they_name(zuul):
    jobs = only(zuul, 'job')
    assert set(jobs) == {'bake-image-cloud', 'promote-image-cloud'}
    for job in jobs.values():
        assert (ETC.parent / job['run']).is_file()
        (secret,) = job['secrets']
        assert secret['name'] == 'cloud'
        assert secret['secret'] in only(zuul, 'secret')
        assert job['semaphores'] in only(zuul, 'semaphore')
        # Nobody gets at the credentials by proposing a change.
        assert job['post-review'] is True
    (project,) = (each['project'] for each in zuul if 'project' in each)
    named = {job for each in project.values() for job in each['jobs']}
    assert named == set(jobs)
    assert not {'check', 'gate'} & set(project)


def test_the_secret_of_the_jobs_is_a_cloud_of_clouds_yaml(zuul):
    from openstack.config import loader as config

    (secret,) = only(zuul, 'secret').values()
    cloud = secret['data']
    cloud['auth']['application_credential_secret'] = 'decrypted'
    with_it = config.OpenStackConfig(config_files=[], load_envvars=False)
    with_it.cloud_config = {'clouds': {'ci': cloud}}
    region = with_it.get_one(cloud='ci')
    assert region.config['auth_type'] == 'v3applicationcredential'
    assert region.get_region_name() == 'RegionOne'
    assert region.get_auth()


def tasks(play):
    """Yield all tasks of a playbook, those in blocks too."""
    waiting = list(play)
    while waiting:
        task = waiting.pop(0)
        waiting += task.get('block', []) + task.get('always', [])
        yield task


@pytest.mark.parametrize(
    'name', ['bake.yaml', 'bake-cloud.yaml', 'promote-cloud.yaml']
)
def test_a_playbook_calls_commands_that_there_are(name, tmp_path):
    from image_pipeline.cli import main

    (play,) = yaml.safe_load((ETC / 'zuul' / name).read_text())
    called = [
        task['command']['argv'][1:]
        for task in tasks(play['tasks'])
        if 'command' in task
    ]
    assert called
    app = main.App()
    for argv in called:
        words, rest = app.command_manager.choose(argv)
        made = app.command_manager.commands[words].load()(app, None)
        # Ends the test with what is wrong, if something is.
        made.get_parser(words).parse_args(rest)


@pytest.mark.parametrize('name', ['bake-cloud.yaml', 'promote-cloud.yaml'])
def test_a_playbook_takes_the_credentials_away_in_any_case(name):
    (play,) = yaml.safe_load((ETC / 'zuul' / name).read_text())
    block = next(task for task in play['tasks'] if 'block' in task)
    written = block['block'][0]
    assert written['copy']['mode'] == '0600'
    assert written['no_log'] is True
    removed = block['always'][-1]['file']
    assert removed == {'path': written['copy']['dest'], 'state': 'absent'}


def test_the_configuration_of_a_site_is_valid():
    file = ETC / 'image-pipeline' / 'image-pipeline.conf.example'
    settings = conf_loader.settings_from(conf_loader.load([file]))
    prod = settings.targets['prod']
    assert (prod.cloud, prod.promote, prod.delete) == ('prod', 'manual', False)
    assert prod.formats == ('raw',)
    assert settings.targets['test'].promote == 'auto'
    assert settings.notifications.drivers == ()


def test_the_targets_of_a_site_are_clouds_of_its_clouds_yaml():
    from openstack.config import loader as config

    file = ETC / 'image-pipeline' / 'image-pipeline.conf.example'
    clouds = config.OpenStackConfig(
        config_files=[str(ETC / 'image-pipeline' / 'clouds.yaml.example')],
        load_envvars=False,
    )
    settings = conf_loader.settings_from(conf_loader.load([file]))
    for target in settings.targets.values():
        if target.cloud:
            cloud = clouds.get_one(cloud=target.cloud)
            assert cloud.get_region_name() == 'RegionOne'
            assert cloud.get_auth()
