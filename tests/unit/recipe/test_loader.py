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

import os

import hypothesis
import pytest
import yaml
from hypothesis import strategies as st

from image_pipeline import exceptions
from image_pipeline.recipe import loader

BASE = """\
version: 1
description: Debian
image:
  name: debian-12
  properties: {os_distro: debian, os_version: 12, hw_x: true}
stages:
  - compose:
      elements: [debian-minimal, egi-cloud-image]
      environment: {DIB_RELEASE: bookworm}
  - zerofree
  - convert: {formats: [qcow2]}
targets:
  prod: {name: Debian 12, formats: [raw]}
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with recipes, which is where we stand."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'base.yaml').write_text(BASE)
    return tmp_path


def load(name, *sets, path=()):
    return loader.load(name, recipe_path=path, sets=sets)


def problems(name, *sets, path=()):
    with pytest.raises(exceptions.InvalidInput) as caught:
        load(name, *sets, path=path)
    assert caught.value.exit_status == 2
    return [str(problem) for problem in caught.value.problems]


def told(name, path=()):
    with pytest.raises(exceptions.NotFound) as caught:
        load(name, path=path)
    return caught.value.message, caught.value.hint


def write(folder, name, text):
    (folder / name).write_text(text)
    return name


def test_recipe_is_loaded_as_it_is_written(folder):
    recipe = load('base.yaml')
    assert (recipe.name, recipe.image_name) == ('base', 'debian-12')
    assert recipe.image_properties == {
        'os_distro': 'debian',
        'os_version': '12',
        'hw_x': 'true',
    }
    assert [(entry.name, entry.options) for entry in recipe.stages] == [
        (
            'compose',
            {
                'elements': ['debian-minimal', 'egi-cloud-image'],
                'environment': {'DIB_RELEASE': 'bookworm'},
            },
        ),
        ('zerofree', {}),
        ('convert', {'formats': ['qcow2']}),
    ]
    assert recipe.targets == {
        'prod': {'name': 'Debian 12', 'formats': ['raw']}
    }


def test_what_is_shown_is_a_recipe_again(folder):
    recipe = load('base.yaml')
    (folder / 'again').mkdir()
    write(folder, 'again/base.yaml', yaml.safe_dump(recipe.to_json()))
    again = load('again/base.yaml')
    assert again.to_json() == recipe.to_json()


def test_every_problem_of_the_schema_is_told_at_once(folder):
    write(
        folder,
        'r.yaml',
        'verson: 1\n'
        'image:\n'
        '  nam: 3\n'
        '  name: 13\n'
        'stages:\n'
        '  - convert: [qcow2]\n'
        '  - 3\n'
        '  - {a: {}, b: {}}\n'
        'targets: {prod: {visibilty: public, visibility: publc, '
        'formats: raw}}\n',
    )
    assert problems('r.yaml') == [
        'r.yaml:1:1: unknown key "verson" (did you mean "version"?)',
        'r.yaml:1:1: "version" is missing (write "version: 1")',
        'r.yaml:3:3: image: unknown key "nam" (did you mean "name"?)',
        'r.yaml:4:9: image.name: must be text, not a whole number (13) '
        '(write it in quotes)',
        'r.yaml:6:14: stages[0].convert: must be a mapping or nothing, not a '
        'list (["qcow2"])',
        'r.yaml:7:5: stages[1]: must be text or a mapping, not a whole '
        'number (3)',
        'r.yaml:8:5: stages[2]: must have 1 key at most (one stage an entry, '
        'its options indented below its name)',
        'r.yaml:9:18: targets.prod: unknown key "visibilty" (did you mean '
        '"visibility"?)',
        'r.yaml:9:49: targets.prod.visibility: "publc" is none of "private", '
        '"shared", "community", "public" (did you mean "public"?)',
        'r.yaml:9:65: targets.prod.formats: must be a list, not text '
        '("raw") (write [raw])',
    ]


@pytest.mark.parametrize(
    ('text', 'expected'),
    [
        (
            '- version: 1\n',
            'r.yaml:1:1: a recipe is a mapping of keys to values (it starts '
            'with "version: 1")',
        ),
        (
            'version: 2\nimage: {name: a}\nstages: [zerofree]\n',
            'r.yaml:1:10: version: must be 1, not 2',
        ),
        (
            'version: 1\nimage: {name: a/b}\nstages: [zerofree]\n',
            'r.yaml:2:15: image.name: "a/b" does not match the pattern '
            '^[^/.\\x00-\\x1f\\x7f][^/\\x00-\\x1f\\x7f]*$ (a name must not '
            'hold "/" or begin with ".")',
        ),
        (
            'version: 1\nimage: {name: a}\nstages: []\n',
            'r.yaml:3:9: stages: must not be empty',
        ),
        (
            'version: 1\nimage: {name: a}\nstages: [zerofree, zerofree]\n',
            'r.yaml:3:20: stages[1]: the stage "zerofree" is given twice '
            '(first in line 3)',
        ),
        (
            'version: 1\nimage: {name: a}\nstages: [zerofree: ]\n',
            'r.yaml:3:10: stages[0]: "zerofree:" without options takes a '
            'stage away, and this recipe extends none (write "- zerofree")',
        ),
        (
            'version: 1\nimage: {name: a, properties: {a b: 1}}\n'
            'stages: [zerofree]\n',
            'r.yaml:2:31: image.properties: the key "a b" does not match the '
            'pattern ^[A-Za-z0-9_.:-]{1,255}$',
        ),
        (
            'version: 1\nimage: {name: a, properties: {v: 1.10}}\n'
            'stages: [zerofree]\n',
            'r.yaml:2:34: image.properties.v: must be text or a whole number '
            'or true or false, not a number (1.1) (write it in quotes)',
        ),
        (
            'version: 1\nimage: {name: a, properties: '
            '{image_pipeline_state: x}}\nstages: [zerofree]\n',
            'r.yaml:2:31: image.properties: "image_pipeline_state" is a '
            'property of image-pipeline itself (properties that begin with '
            'image_pipeline_ are its records)',
        ),
    ],
)
def test_bad_recipe_gives_one_clear_problem(folder, text, expected):
    write(folder, 'r.yaml', text)
    assert problems('r.yaml') == [expected]


def test_recipe_of_10_mb_is_refused_without_being_parsed(folder):
    write(folder, 'r.yaml', 'a: 1\n' * 2_000_000)
    assert problems('r.yaml') == [
        'r.yaml: the file is larger than 256 KiB (is this a recipe?)'
    ]


def test_binary_file_is_refused(folder):
    (folder / 'r.yaml').write_bytes(b'\x7fELF\0\1')
    assert problems('r.yaml') == [
        'r.yaml: the file is binary, not text (a recipe is a YAML file)'
    ]


def test_file_without_permission_is_told(folder, monkeypatch):
    # Root may read everything, so a folder that is a file stands in.
    def refuse(self, mode):
        raise PermissionError(13, 'Permission denied')

    monkeypatch.setattr('pathlib.Path.open', refuse)
    assert problems('base.yaml') == [
        'base.yaml cannot be read: Permission denied'
    ]


def test_missing_file_names_the_one_that_is_near(folder):
    assert told('bse.yaml') == (
        'there is no file bse.yaml',
        'did you mean "base.yaml"?',
    )


def test_missing_name_names_the_one_that_is_near(folder):
    assert told('bsae', path=[folder]) == (
        'there is no recipe "bsae"',
        'did you mean "base"?',
    )


def test_missing_name_that_is_near_to_nothing_says_where_to_look(folder):
    assert told('quux') == (
        'there is no recipe "quux"',
        'see `image-pipeline recipe list`, or give a file',
    )


def test_hidden_file_is_no_recipe_that_was_meant(folder):
    write(folder, '.zuul.yaml', BASE)
    assert told('zul.yaml') == ('there is no file zul.yaml', None)
    assert list(loader.names([folder])) == ['base']


@pytest.mark.parametrize('name', ['', ' '])
def test_empty_name_is_told(folder, name):
    with pytest.raises(exceptions.NotFound, match='is empty') as caught:
        loader.find(name, [folder])
    assert 'recipe list' in caught.value.hint


def test_folder_is_no_recipe(folder):
    (folder / 'd').mkdir()
    write(folder, 'd/x.yaml', BASE)
    assert told('d') == (
        'd is a folder, not a recipe',
        'recipes in it: d/x.yaml',
    )


def test_fifo_is_no_recipe_and_does_not_hang(folder):
    os.mkfifo(folder / 'f')
    assert told('f') == ('f is not a regular file, not a recipe', None)


@pytest.mark.parametrize('name', ['', 'x' * 5000, 'a\0b', '/', '..'])
def test_strange_name_is_told(folder, name):
    with pytest.raises(exceptions.NotFound):
        load(name, path=[folder])


def test_name_that_cannot_be_one_is_told(folder):
    write(folder, 'my recipe.yaml', BASE)
    assert problems('my recipe.yaml') == [
        'my recipe.yaml: "my recipe" cannot be the name of a recipe (rename '
        'the file: letters, digits, and ._+- only)'
    ]


def test_earlier_folder_of_the_recipe_path_wins(folder):
    for name, image in (('one', 'first'), ('two', 'second')):
        (folder / name).mkdir()
        write(folder, f'{name}/r.yml', BASE.replace('debian-12', image))
    path = [folder / 'one', folder / 'two', folder / 'none']
    assert load('r', path=path).image_name == 'first'
    assert loader.names(path) == {'r': folder / 'one' / 'r.yml'}


def test_extending_recipe_merges_stages_by_name(folder):
    write(
        folder,
        'r.yaml',
        'version: 1\n'
        'extends: base\n'
        'image: {name: debian-13, properties: {os_version: null}}\n'
        'stages:\n'
        '  - compose: {environment: {DIB_RELEASE: trixie, DIB_X: y}}\n'
        '  - zerofree:\n',
    )
    assert load('r.yaml').to_json() == {
        'version': 1,
        'description': 'Debian',
        'image': {
            'name': 'debian-13',
            'properties': {'os_distro': 'debian', 'hw_x': 'true'},
        },
        'stages': [
            {
                'compose': {
                    'elements': ['debian-minimal', 'egi-cloud-image'],
                    'environment': {'DIB_RELEASE': 'trixie', 'DIB_X': 'y'},
                }
            },
            {'convert': {'formats': ['qcow2']}},
        ],
        'targets': {'prod': {'name': 'Debian 12', 'formats': ['raw']}},
    }


def test_every_value_keeps_its_position_through_extends_and_set(folder):
    write(
        folder,
        'r.yaml',
        'version: 1\nextends: ./base.yaml\n'
        'stages: [compose: {environment: {DIB_RELEASE: trixie}}]\n',
    )
    compose, _, convert = load('r.yaml', 'convert.formats=[raw, vmdk]').stages
    marks = [
        compose.node.at(['elements', 1]).mark,
        compose.node.at(['environment', 'DIB_RELEASE']).mark,
        convert.node.at(['formats', 1]).mark,
    ]
    assert [str(mark) for mark in marks] == [
        'base.yaml:8:34',
        'r.yaml:3:47',
        '--set convert.formats=[raw, vmdk]:1:23',
    ]


def test_layer_needs_no_more_than_it_changes(folder):
    write(folder, 'r.yaml', 'extends: base\n')
    assert load('r.yaml').to_json() == load('base.yaml').to_json()


def test_extends_finds_a_name_beside_the_file_and_then_in_the_path(folder):
    for name in ('site', 'own'):
        (folder / name).mkdir()
    write(folder, 'site/other.yaml', BASE.replace('debian-12', 'other'))
    write(folder, 'own/r.yaml', 'extends: other\n')
    path = [folder / 'site']
    assert load('own/r.yaml', path=path).image_name == 'other'
    write(folder, 'own/other.yaml', BASE.replace('debian-12', 'beside'))
    assert load('own/r.yaml', path=path).image_name == 'beside'


def test_missing_base_is_told_where_it_is_named(folder):
    write(folder, 'r.yaml', 'version: 1\nextends: bsae\n')
    assert problems('r.yaml') == [
        'r.yaml:2:10: extends: there is no recipe "bsae" (did you mean '
        '"base"?)'
    ]


def test_circle_is_told_with_every_position(folder):
    write(folder, 'a.yaml', 'version: 1\nextends: b\n')
    write(folder, 'b.yaml', 'extends: c.yaml\nimage: {name: x}\n')
    write(folder, 'c.yaml', 'version: 1\n\nextends: ./b.yaml\n')
    assert problems('a.yaml') == [
        'c.yaml:3:10: extends: "extends" goes in a circle: b.yaml:1:10 -> '
        'c.yaml:3:10 -> b.yaml (one of these recipes must extend none of the '
        'others)'
    ]


def test_recipe_that_extends_itself_is_a_circle(folder):
    write(folder, 'a.yaml', 'extends: a\n')
    assert problems('a.yaml') == [
        'a.yaml:1:10: extends: "extends" goes in a circle: a.yaml:1:10 -> '
        'a.yaml (one of these recipes must extend none of the others)'
    ]


def test_long_chain_of_extends_is_followed_to_its_end(folder):
    for number in range(60):
        write(folder, f'r{number}.yaml', f'extends: r{number + 1}\n')
    write(folder, 'r60.yaml', BASE)
    assert load('r0.yaml').image_name == 'debian-12'


def test_problems_of_all_files_are_told_at_once(folder):
    write(folder, 'low.yaml', BASE + 'bogus: 1\n')
    write(folder, 'mid.yaml', 'extends: low\nimage: 3\n')
    write(folder, 'r.yaml', 'extends: mid\ntargts: {}\n')
    assert problems('r.yaml') == [
        'r.yaml:2:1: unknown key "targts" (did you mean "targets"?)',
        'mid.yaml:2:8: image: must be a mapping, not a whole number (3)',
        'low.yaml:14:1: unknown key "bogus" (known: description, extends, '
        'image, stages, targets, version)',
    ]


def test_null_that_takes_nothing_away_is_told(folder):
    write(folder, 'r.yaml', 'extends: base\nimage: {properties: {os_x: null}}')
    assert problems('r.yaml') == [
        'r.yaml:2:28: image.properties.os_x: must be text or a whole number '
        'or true or false, not nothing'
    ]


def test_block_that_every_recipe_has_cannot_be_taken_away(folder):
    write(folder, 'r.yaml', 'extends: base\nstages: null\nimage: null\n')
    assert problems('r.yaml') == [
        'r.yaml:1:1: "image" is missing (what is made; it has at least a '
        'name)',
        'r.yaml:1:1: "stages" is missing (the stages to run, in order)',
    ]


def test_extends_of_nothing_is_told(folder):
    write(folder, 'r.yaml', 'extends:\nimage: {name: x}\n')
    assert problems('r.yaml') == [
        'r.yaml:1:9: extends: must be text, not nothing'
    ]


def test_stage_that_is_taken_away_must_be_there(folder):
    write(folder, 'r.yaml', 'extends: base\nstages:\n  - zerofre:\n')
    assert problems('r.yaml') == [
        'r.yaml:3:5: stages[0]: the stage "zerofre" is not in the recipe '
        'that this extends (did you mean "zerofree"?)'
    ]


def test_recipe_is_made_again_of_the_texts_that_were_kept(folder):
    write(folder, 'r.yaml', 'extends: base\nimage: {name: kept}\n')
    recipe = load('r.yaml', 'convert.formats=[raw]')
    for file in folder.iterdir():
        file.unlink()
    again = loader.reload(recipe.file, recipe.layers, recipe.sets)
    assert again == recipe


def test_set_that_breaks_the_schema_is_told_where_it_stands(folder):
    assert problems('base.yaml', 'image.name=3') == [
        '--set image.name=3:1:12: image.name: must be text, not a whole '
        'number (3) (write it in quotes)'
    ]


_WORD = st.text(st.sampled_from('abcdefgh-'), min_size=1, max_size=6)
_VALUE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(_WORD, inner, max_size=3)
    ),
    max_leaves=6,
)
_ANY_RECIPE = st.fixed_dictionaries(
    {},
    optional={
        'version': st.just(1) | _VALUE,
        'image': st.fixed_dictionaries({'name': _WORD}) | _VALUE,
        'stages': st.lists(
            _WORD | st.dictionaries(_WORD, _VALUE, max_size=2), max_size=4
        )
        | _VALUE,
        'targets': _VALUE,
        'extends': st.just('base') | _VALUE,
        'other': _VALUE,
    },
)


@hypothesis.settings(
    suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture],
)
@hypothesis.given(_ANY_RECIPE)
def test_anything_is_a_recipe_that_shows_as_itself_or_told(folder, value):
    write(folder, 'any.yaml', yaml.safe_dump(value))
    try:
        recipe = load('any.yaml')
    except exceptions.RecipeInvalid as exc:
        for problem in exc.problems:
            assert problem.file and problem.line and problem.message
        return
    (folder / 'shown').mkdir(exist_ok=True)
    write(folder, 'shown/any.yaml', yaml.safe_dump(recipe.to_json()))
    assert load('shown/any.yaml').to_json() == recipe.to_json()
