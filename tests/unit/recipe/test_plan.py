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

import dataclasses
import json
from pathlib import Path

import pytest

from image_pipeline import exceptions
from image_pipeline.recipe import loader, plan
from image_pipeline.testing import fakes

RECIPE = """\
version: 1
image: {name: debian-12, properties: {os_distro: debian}}
stages:
  - compose: {elements: [debian-minimal]}
  - zerofree
  - convert
  - audit
  - register
  - promote
"""

pytestmark = pytest.mark.usefixtures('installed')


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def settings(tmp_path):
    targets = {
        'local': fakes.target(),
        'prod': fakes.target(
            'prod',
            formats=('raw',),
            promote='manual',
            properties={'os_type': 'linux'},
        ),
        'edge': fakes.target('edge', formats=('qcow2', 'raw')),
    }
    return fakes.settings(tmp_path / 'state', targets=targets)


@pytest.fixture
def make(folder, settings, host):
    def made(text=RECIPE, *targets, sets=(), **arguments):
        (folder / 'r.yaml').write_text(text)
        recipe = loader.load('r.yaml', recipe_path=(), sets=sets)
        arguments.setdefault('host', host)
        return plan.make(
            recipe,
            settings=settings,
            targets=targets or ('local',),
            **arguments,
        )

    return made


def problems(call, *arguments, kind=exceptions.PlanInvalid, **named):
    with pytest.raises(exceptions.InvalidInput) as caught:
        call(*arguments, **named)
    assert type(caught.value) is kind
    return [str(problem) for problem in caught.value.problems]


def keys(made):
    return [step.key for step in made.steps]


def test_steps_are_in_the_order_of_the_recipe(make):
    assert keys(make()) == [
        'compose',
        'zerofree',
        'convert.qcow2',
        'audit.qcow2',
        'register@local',
        'promote@local',
    ]


def test_formats_are_those_of_stages_and_targets(make):
    text = RECIPE.replace('- convert', '- convert: {formats: [qcow2]}')
    made = make(text, 'prod')
    assert [key for key in keys(made) if key.startswith('convert')] == [
        'convert.raw',
        'convert.qcow2',
    ]


def test_inputs_are_bound_to_the_nearest_step_of_the_same_format(make):
    made = make(RECIPE, 'prod', 'edge')
    inputs = {step.key: dict(step.inputs) for step in made.steps}
    assert inputs == {
        'compose': {},
        'zerofree': {'disk': 'compose'},
        'convert.raw': {'disk': 'zerofree'},
        'convert.qcow2': {'disk': 'zerofree'},
        'audit.raw': {'image': 'convert.raw', 'packages': 'compose'},
        'audit.qcow2': {'image': 'convert.qcow2', 'packages': 'compose'},
        'register@prod': {
            'image': 'convert.raw',
            'audit-report': 'audit.raw',
        },
        'register@edge': {
            'image': 'convert.qcow2',
            'audit-report': 'audit.qcow2',
        },
        'promote@edge': {'registration': 'register@edge'},
    }


def test_every_input_is_made_by_an_earlier_step(make):
    seen = set()
    for step in make(RECIPE, 'local', 'prod', 'edge').steps:
        assert set(step.inputs.values()) <= seen
        seen.add(step.key)


def test_what_a_person_promotes_is_left_out_with_all_that_follows(make):
    made = make(RECIPE + '  - announce\n', 'prod', 'local')
    assert [key for key in keys(made) if '@' in key] == [
        'register@prod',
        'register@local',
        'promote@local',
        'announce@local',
    ]


def test_until_ends_with_a_stage(make):
    assert keys(make(until='convert')) == [
        'compose',
        'zerofree',
        'convert.qcow2',
    ]


def test_steps_know_their_options_with_defaults(make):
    step = make().step('compose')
    assert step.options == {'elements': ['debian-minimal'], 'size': 2}
    assert step.stage.options.elements == ('debian-minimal',)


def test_target_has_what_the_recipe_says_for_it(make):
    text = RECIPE + (
        'targets:\n'
        '  prod:\n'
        '    name: Debian 12\n'
        '    formats: [qcow2]\n'
        '    promote: auto\n'
        '    properties: {os_type: other, hw_x: true}\n'
    )
    made = make(text, 'prod')
    (target,) = made.targets
    assert (target.image_name, target.formats, target.promote) == (
        'Debian 12',
        ('qcow2',),
        'auto',
    )
    assert target.properties == {'os_type': 'other', 'hw_x': 'true'}
    step = made.step('promote@prod')
    assert (step.target, step.format) == ('prod', 'qcow2')
    assert step.context.target == target


def test_target_of_another_site_is_a_warning(make):
    made = make(RECIPE + 'targets:\n  prdo: {name: x}\n')
    assert [str(one) for one in made.warnings] == [
        'r.yaml:11:3: targets.prdo: this site has no target "prdo" (did you '
        'mean "prod"?)'
    ]


def test_every_problem_of_all_passes_is_told_at_once(make):
    text = (
        'version: 1\n'
        'image: {name: a}\n'
        'stages:\n'
        '  - compose: {elements: [debian-minmal], size: 1}\n'
        '  - zerofre\n'
        '  - register: {forced: true}\n'
    )
    assert problems(make, text, 'prd', until='conver') == [
        'r.yaml:4:26: stages[0].compose.elements[0]: there is no element '
        '"debian-minmal" (did you mean "debian-minimal"?)',
        'r.yaml:5:5: stages[1].zerofre: there is no stage "zerofre" (did you '
        'mean "zerofree"?)',
        'r.yaml:6:16: stages[2].register: unknown key "forced" (there are no '
        'options here)',
        '--target prd: there is no target "prd" (did you mean "prod"?)',
        '--until conver: the recipe has no stage "conver" (its stages are '
        'compose, zerofre, register)',
    ]


def test_options_that_do_not_fit_are_told_with_their_lines(make):
    text = (
        'version: 1\n'
        'image: {name: a}\n'
        'stages:\n'
        '  - compose: {elments: [x], size: 0}\n'
        '  - convert:\n'
        '      formats: [qcow, raw, 3]\n'
    )
    assert problems(make, text, kind=exceptions.RecipeInvalid) == [
        'r.yaml:4:5: stages[0].compose: "elements" is missing (elements to '
        'use)',
        'r.yaml:4:15: stages[0].compose: unknown key "elments" (did you mean '
        '"elements"?)',
        'r.yaml:4:35: stages[0].compose.size: 0 is less than 1',
        'r.yaml:6:17: stages[1].convert.formats[0]: "qcow" is none of '
        '"qcow2", "raw" (did you mean "qcow2"?)',
        'r.yaml:6:28: stages[1].convert.formats[2]: 3 is none of "qcow2", '
        '"raw"',
    ]


def test_wrong_value_that_was_set_is_told_where_it_was_set(make):
    assert problems(
        make, sets=['compose.size=big'], kind=exceptions.RecipeInvalid
    ) == [
        '--set compose.size=big:1:14: stages[0].compose.size: must be a '
        'whole number, not text ("big")'
    ]


def test_missing_input_is_told_with_the_stage_that_makes_it(make):
    text = 'version: 1\nimage: {name: a}\nstages: [register, convert]\n'
    assert problems(make, text) == [
        'r.yaml:3:10: stages[0].register: needs "audit-report", and no stage '
        'before it makes that (put audit before it)',
        'r.yaml:3:10: stages[0].register: needs "image", and no stage before '
        'it makes that (move convert before it)',
        'r.yaml:3:20: stages[1].convert: needs "disk", and no stage before '
        'it makes that (put compose before it)',
    ]


def test_optional_input_may_be_missing(make):
    text = RECIPE.replace('  - compose: {elements: [debian-minimal]}\n', '')
    assert not any('packages' in one for one in problems(make, text))


def test_one_of_several_images_must_be_chosen(make):
    text = RECIPE.replace('audit\n', 'bundle\n  - audit\n')
    assert make(text).step('bundle').inputs == {'image': 'convert.qcow2'}
    assert problems(make, text, 'edge') == [
        'r.yaml:7:5: stages[3].bundle: needs one "image", and "convert" '
        'makes 2 of them (plan it for one format and one target)'
    ]


def test_what_the_host_lacks_is_told_with_the_package_that_has_it(make, host):
    poor = dataclasses.replace(
        host,
        which=lambda name: None if name == 'qemu-img' else Path('/bin/x'),
        is_root=False,
        version_of=lambda name: '1.46.5',
        free_bytes=lambda folder: 2**29,
        memory_bytes=lambda: 2**20,
        writable=lambda folder: False,
    )
    told = problems(make, RECIPE, 'local', host=poor)
    state = make(check_host=False).steps[0].context.settings.state_dir
    assert told == [
        'the program mke2fs is version 1.46.5; compose, zerofree needs 1.47 '
        '(update the package that it comes from)',
        'the program qemu-img is missing; convert needs it (apt-get install '
        'qemu-utils)',
        'compose must run as root (use sudo)',
        f'the state folder {state} cannot be written (use sudo, or set '
        'another one with --state-dir)',
        f'3.0 GiB of free space are needed in {state}, and there are 512.0 '
        'MiB (make room, or set another folder with --state-dir)',
        '1.0 GiB of memory are needed, and 1.0 MiB are available',
    ]


def test_what_the_host_lacks_may_wait(make, host):
    poor = dataclasses.replace(host, is_root=False)
    assert keys(make(host=poor, check_host=False))


def test_what_the_host_lacks_is_told_with_other_problems(make, host):
    poor = dataclasses.replace(host, is_root=False)
    text = RECIPE.replace('zerofree', 'zerofre')
    assert problems(make, text, host=poor, check_host=False) == [
        'r.yaml:5:5: stages[1].zerofre: there is no stage "zerofre" (did you '
        'mean "zerofree"?)',
        'compose must run as root (use sudo)',
    ]


def test_same_problem_of_several_formats_is_told_once(make, installed):
    class Fussy(installed['audit']):
        def check(self, context):
            yield exceptions.Problem(message='is fussy')

    installed_audit = installed['audit']
    installed['audit'] = Fussy
    try:
        assert problems(make, RECIPE, 'edge') == [
            'r.yaml:7:5: stages[3].audit: is fussy'
        ]
    finally:
        installed['audit'] = installed_audit


def test_plan_is_made_again_of_its_json(make, settings, folder):
    made = make(RECIPE, 'edge', sets=['compose.size=3'], until='audit')
    value = json.loads(json.dumps(made.to_json()))
    (folder / 'r.yaml').unlink()
    again = plan.remake(value, settings=settings)
    assert again.to_json() == value
    assert keys(again) == keys(made)


def test_unknown_step_is_a_key_error(make):
    with pytest.raises(KeyError):
        make().step('nope')


def test_stage_whose_check_breaks_is_told_beside_every_other_problem(
    make, installed, monkeypatch
):
    def broken(self, context):
        raise KeyError('image')

    monkeypatch.setattr(installed['convert'], 'check', broken)
    text = RECIPE.replace('debian-minimal', 'debian-minmal')
    found = problems(make, text)
    assert found == [
        'r.yaml:4:26: stages[0].compose.elements[0]: there is no element '
        '"debian-minmal" (did you mean "debian-minimal"?)',
        'r.yaml:6:5: stages[2].convert: the stage cannot check its options: '
        "KeyError: 'image' (this is an error in the stage)",
    ]
