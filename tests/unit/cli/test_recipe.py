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

import pytest
import yaml


@pytest.fixture
def recipes(tmp_path, recipe):
    folder = tmp_path / 'config' / 'image-pipeline' / 'recipes'
    folder.mkdir(parents=True)
    recipe.rename(folder / 'ours.yaml')
    (folder / 'broken.yaml').write_text('version: 1\n')
    return folder


def test_list_has_recipes_and_those_that_are_broken(run, recipes):
    rows = {
        row['name']: row for row in run('recipe', 'list', '-f', 'json').json
    }
    assert rows['ours'] == {
        'name': 'ours',
        'image': 'debian-12',
        'description': 'Ours',
        'file': str(recipes / 'ours.yaml'),
    }
    assert rows['broken']['description'] == (
        f'not valid: {recipes}/broken.yaml has 2 problems'
    )


def test_what_is_shown_is_the_merged_recipe(run, recipes):
    done = run('recipe', 'show', 'ours', '--set', 'compose.elements=[x]')
    assert yaml.safe_load(done.out) == {
        'version': 1,
        'description': 'Ours',
        'image': {'name': 'debian-12', 'properties': {'os_distro': 'debian'}},
        'stages': [{'compose': {'elements': ['x']}}, 'convert'],
    }
    assert run('recipe', 'show', 'ours', '-f', 'json').json['stages'] == [
        {'compose': {'elements': ['debian-minimal']}},
        'convert',
    ]


def test_valid_recipe_is_valid(run, recipe):
    done = run('recipe', 'validate', 'r.yaml', '-f', 'json')
    assert (done.status, done.err) == (0, '')
    assert done.json == [{'recipe': 'r.yaml', 'valid': True, 'problems': []}]


def test_problems_are_told_to_people_and_programs(run, recipe):
    recipe.with_name('s.yaml').write_text('version: 1\nimag: {}\n')
    done = run('recipe', 'validate', 'r.yaml', 's.yaml', 'q', '-f', 'json')
    assert done.status == 2
    assert [row['valid'] for row in done.json] == [True, False, False]
    assert done.json[1]['problems'][-1] == {
        'file': 's.yaml',
        'line': 2,
        'column': 1,
        'path': None,
        'message': 'unknown key "imag"',
        'hint': 'did you mean "image"?',
    }
    assert done.err == (
        'error: 2 of 3 recipes are not valid\n'
        '  s.yaml:1:1: "image" is missing (what is made; it has at least a '
        'name)\n'
        '  s.yaml:1:1: "stages" is missing (the stages to run, in order)\n'
        '  s.yaml:2:1: unknown key "imag" (did you mean "image"?)\n'
        '  there is no recipe "q" (see `image-pipeline recipe list`, or give '
        'a file)\n'
    )


def test_unknown_column_names_the_one_that_is_near(run, recipe):
    done = run('recipe', 'list', '-c', 'nmae')
    assert (done.status, done.out) == (2, '')
    assert done.err == (
        'error: there is no column "nmae"\nhint: did you mean "name"?\n'
    )


def test_columns_are_chosen(run, recipes):
    done = run('recipe', 'list', '-f', 'value', '-c', 'name')
    assert 'ours' in done.out.split() and 'debian-12' in done.out.split()
    assert 'Ours' not in done.out
