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

import json

import pytest

from image_pipeline.testing import stages


def states(value):
    return {one['step']: one['state'] for one in value['stages']}


def test_a_recipe_is_baked_and_then_unchanged(program, fake_recipe):
    status, out, err = program('bake', fake_recipe, '-f', 'json')
    assert status == 0, err
    assert set(states(json.loads(out)).values()) == {'succeeded'}
    assert 'fake-make: succeeded' in err
    status, out, err = program('bake', fake_recipe)
    assert status == 0
    assert out.startswith('one: nothing has changed')


def test_until_ends_there_and_set_changes_the_recipe(program, fake_recipe):
    words = ('bake', fake_recipe, '--until', 'fake-make')
    _, out, _ = program(*words, '-f', 'json')
    assert states(json.loads(out)) == {'fake-make': 'succeeded'}
    _, out, _ = program(*words, '--set', 'fake-make.content=new', '-f', 'json')
    (stage,) = json.loads(out)['stages']
    assert stage['reason'] == 'options changed: content'


def test_force_runs_every_stage(program, fake_recipe):
    program('bake', fake_recipe)
    _, out, _ = program('bake', fake_recipe, '--force', '-f', 'json')
    assert set(states(json.loads(out)).values()) == {'succeeded'}


def test_several_recipes_are_all_reported(program, fake_recipe, tmp_path):
    flag = tmp_path / 'flag'
    flag.touch()
    bad = tmp_path / 'bad.yaml'
    bad.write_text(
        'version: 1\nimage: {name: bad}\n'
        f'stages: [fake-make: {{fail_if: {flag}}}]\n'
    )
    status, out, err = program('bake', bad, fake_recipe, '-f', 'json')
    assert status == 1
    assert [one['state'] for one in json.loads(out)] == [
        'failed',
        'succeeded',
    ]
    assert f'error: fake-make: {flag} is there' in err
    assert 'run resume' in err


def test_a_stage_that_breaks_when_asked_stops_no_other_recipe(
    program, fake_recipe, tmp_path, monkeypatch
):
    def broken(*args):
        raise KeyError('image_id')

    checked = tmp_path / 'checked.yaml'
    checked.write_text(
        'version: 1\nimage: {name: checked}\n'
        'stages: [fake-make, fake-convert: {formats: [raw]}, fake-check]\n'
    )
    assert program('bake', checked)[0] == 0
    monkeypatch.setattr(stages.FakeCheck, 'still_valid', broken)
    status, out, err = program('bake', checked, fake_recipe, '-f', 'json')
    assert status == 1
    assert [one['recipe'] for one in json.loads(out)] == ['one']
    assert (
        'error: fake-check.qcow2: the stage fake-check cannot say whether its '
        "former result holds: KeyError: 'image_id'\n"
        'hint: this is an error in the stage; `bake --force` does not ask\n'
    ) in err
    assert 'Traceback' not in err


def test_one_wrong_recipe_keeps_all_from_running(
    program, fake_recipe, tmp_path
):
    wrong = tmp_path / 'wrong.yaml'
    wrong.write_text('version: 1\nimage: {name: w}\nstages: [fake-mak]\n')
    status, out, err = program('bake', fake_recipe, wrong)
    assert status == 2
    assert out == ''
    assert 'did you mean "fake-make"?' in err
    assert not (tmp_path / 'state').exists()


@pytest.mark.parametrize(
    ('words', 'says'),
    [
        ((), 'give one or more recipes, or --all'),
        (('--all', 'x'), 'give recipes or --all, not both'),
    ],
)
def test_either_recipes_or_all(program, words, says):
    status, _, err = program('bake', *words)
    assert status == 2
    assert says in err


def test_fast_is_an_option_of_convert(program, fake_recipe):
    status, _, err = program('bake', fake_recipe, '--fast')
    # This recipe has no stage "convert" to set it for.
    assert status == 2
    assert 'convert' in err
