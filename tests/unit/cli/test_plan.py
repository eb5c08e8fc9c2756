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

import pytest

from image_pipeline import artifact
from image_pipeline.engine import preflight
from image_pipeline.recipe import needs


@pytest.fixture(autouse=True)
def no_programs(monkeypatch):
    """No program is run for its version."""
    monkeypatch.setattr(
        'image_pipeline.recipe.needs._version_of', lambda name: '1.0'
    )


def test_plan_says_what_would_run_and_what_it_needs(run, recipe, tmp_path):
    done = run('plan', 'r.yaml', '-f', 'json')
    assert [(row['step'], row['action']) for row in done.json] == [
        ('compose', 'run'),
        ('convert.qcow2', 'run'),
    ]
    assert done.json[0]['needs'] == {
        'root': False,
        'executables': {'no-such-program': None, 'sh': '0.1'},
        'disk_bytes': 2**30,
        'memory_bytes': 0,
    }
    assert all(row['reason'] for row in done.json)


def test_what_is_missing_is_told_after_the_plan(run, recipe):
    done = run('plan', 'r.yaml')
    assert done.status == 2
    assert '| compose       | run    |' in done.out
    assert done.err == (
        'error: r.yaml cannot run here: 1 problem\n'
        '  the program no-such-program is missing; compose needs it\n'
        'hint: see `image-pipeline doctor`\n'
    )


def test_needs_are_words_for_a_person(run, recipe):
    assert 'no-such-program, sh 0.1, 1.0 GiB disk' in run('plan', 'r.yaml').out


def test_until_and_set_are_heeded(run, recipe):
    done = run(
        'plan', 'r.yaml', '--until', 'compose',
        '--set', 'compose.elements=[q]',
        '-f', 'value', '-c', 'step',
    )  # fmt: skip
    assert done.out == 'compose\n'


def test_plan_changes_nothing(run, recipe, tmp_path):
    run('plan', 'r.yaml')
    assert sorted(path.name for path in tmp_path.iterdir()) == ['r.yaml']


def test_bad_recipe_prints_no_plan(run, recipe):
    done = run('plan', 'r.yaml', '--target', 'prod', '--until', 'x')
    assert (done.status, done.out) == (2, '')
    assert '--target prod: there is no target "prod"' in done.err
    assert '--until x: the recipe has no stage "x"' in done.err


def test_target_of_another_site_is_a_warning(run, recipe):
    with recipe.open('a') as stream:
        stream.write('targets: {prod: {name: x}}\n')
    done = run('plan', 'r.yaml', '--until', 'convert')
    assert done.err.startswith(
        'warning: r.yaml:7:11: targets.prod: this site has no target "prod"\n'
    )


@pytest.fixture
def objections(monkeypatch):
    """Let the clouds say what the test says."""

    def let(*found):
        monkeypatch.setattr(
            preflight, 'check', lambda decisions, **options: list(found)
        )

    return let


def objection(*, error=True, unavailable=False):
    make = artifact.Objection.error if error else artifact.Objection.warning
    return preflight.Found(
        target='prod',
        steps=('compose',),
        objection=dataclasses.replace(
            make('there is no room', 'make some'), unavailable=unavailable
        ),
    )


def test_objections_of_clouds_stand_at_their_steps(run, recipe, objections):
    objections(objection())
    done = run('plan', 'r.yaml', '-f', 'json')
    assert done.status == 2
    first, second = done.json
    assert first['objections'] == [objection().to_json()]
    assert second['objections'] == []
    # Beside what this host lacks.
    assert 'the run would fail: 2 problems' in done.err
    assert 'prod: there is no room (make some)' in done.err


def test_person_sees_how_many_objections_there_are(run, recipe, objections):
    objections(objection(), objection(error=False))
    assert '1 error, 1 warning' in run('plan', 'r.yaml').out


def test_warning_of_a_cloud_is_told_and_fails_nothing(
    run, recipe, objections, monkeypatch
):
    monkeypatch.setattr(needs, 'check', lambda steps, **options: [])
    objections(objection(error=False))
    done = run('plan', 'r.yaml')
    assert done.status == 0
    assert 'warning: prod: there is no room (make some)' in done.err


def test_cloud_that_does_not_answer_has_a_status_of_its_own(
    run, recipe, objections, monkeypatch
):
    monkeypatch.setattr(needs, 'check', lambda steps, **options: [])
    objections(objection(unavailable=True))
    assert run('plan', 'r.yaml').status == 5


def test_no_cloud_is_asked_if_nobody_wants_it(run, recipe, objections):
    objections(objection())
    done = run('plan', 'r.yaml', '--offline')
    assert 'there is no room' not in done.err
