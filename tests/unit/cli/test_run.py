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

from image_pipeline.store import runs


def states(value):
    return {one['step']: one['state'] for one in value['stages']}


def test_runs_are_listed_shown_and_their_logs_printed(program, fake_recipe):
    _, out, _ = program('bake', fake_recipe, '-f', 'json')
    run = json.loads(out)['run']
    _, out, _ = program('run', 'list', '-f', 'json')
    (row,) = json.loads(out)
    assert (row['run'], row['recipe'], row['state']) == (
        run,
        'one',
        'succeeded',
    )
    _, out, _ = program('run', 'list', '--recipe', 'other', '-f', 'json')
    assert json.loads(out) == []
    _, out, _ = program('run', 'show', 'latest', '-f', 'json')
    shown = json.loads(out)
    assert [one['step'] for one in shown['stages']] == [
        'fake-make',
        'fake-convert.qcow2',
        'fake-convert.raw',
    ]
    _, out, _ = program('run', 'show', run)
    assert 'fake-convert.raw' in out
    _, out, _ = program('run', 'log', run, 'fake-make')
    assert out == 'fake-make runs\n'
    _, out, _ = program('run', 'log', run)
    assert '==> fake-convert.raw <==\nfake-convert runs\n' in out
    _, out, _ = program('run', 'log', run, 'fake-convert', '--follow')
    assert out.count('fake-convert runs') == 2


def test_how_long_a_run_takes_is_not_known_before_its_end(program, tmp_path):
    program('run', 'list')
    with runs.Runs(tmp_path / 'state' / 'runs').create(
        'version: 1',
        manifest={'recipe': 'one', 'state': 'running', 'seconds': 0.0},
        run_id='run-1',
    ):
        _, out, _ = program('run', 'list', '-f', 'json')
        (row,) = json.loads(out)
        assert (row['state'], row['seconds']) == ('running', None)
        _, out, _ = program('run', 'show', 'run-1', '-f', 'json')
        assert json.loads(out)['seconds'] is None


def test_a_stage_that_a_run_does_not_have_is_bad_input(program, fake_recipe):
    program('bake', fake_recipe)
    status, _, err = program('run', 'log', 'latest', 'fake-mak')
    assert status == 2
    assert 'did you mean "fake-make"?' in err
    status, _, err = program('run', 'show', 'nothing')
    assert status == 2


def test_a_failed_run_is_resumed(program, tmp_path):
    flag = tmp_path / 'flag'
    flag.touch()
    path = tmp_path / 'bad.yaml'
    path.write_text(
        'version: 1\nimage: {name: bad}\n'
        f'stages: [fake-make, fake-convert: {{fail_if: {flag}}}]\n'
    )
    assert program('bake', path)[0] == 1
    flag.unlink()
    status, out, err = program('run', 'resume', 'latest', '-f', 'json')
    assert status == 0, err
    assert states(json.loads(out)) == {
        'fake-make': 'skipped',
        'fake-convert.qcow2': 'succeeded',
    }
    status, _, err = program('run', 'resume', 'latest')
    assert status == 1
    assert 'succeeded' in err
