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
