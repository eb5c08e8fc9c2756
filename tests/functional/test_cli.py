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

"""The program as a process: what it imports, and how it is stopped."""

import os
import signal
import subprocess
import sys

import pytest

#: Each of these takes longer than all that `--help` needs.
_CLOUDS = {'glanceclient', 'keystoneauth1', 'openstack', 'requests'}
_HEAVY = {
    'diskimage_builder',
    'jsonschema',
    'networkx',
    'oslo_config',
    'oslo_utils',
    'pycdlib',
    'pytsk3',
    'rich',
    'sqlalchemy',
    'taskflow',
    'yaml',
} | _CLOUDS


def _imported(pipeline, *argv):
    """Return the packages that a command imports."""
    done = subprocess.run(
        [
            sys.executable,
            '-X',
            'importtime',
            '-m',
            'image_pipeline.cli.main',
            '--state-dir',
            str(pipeline.state_dir),
            *argv,
        ],
        env=pipeline.environment,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return {
        line.rpartition('|')[2].strip().partition('.')[0]
        for line in done.stderr.splitlines()
        if line.startswith('import time:')
    }


@pytest.mark.parametrize(
    'argv', [['--help'], ['--version'], ['help'], ['bake', '--help']]
)
def test_help_imports_nothing_heavy(pipeline, argv):
    assert _imported(pipeline, *argv) & _HEAVY == set()


def test_showing_a_recipe_imports_no_engine(pipeline):
    heavy = {'taskflow', 'sqlalchemy', 'rich', 'networkx', 'pytsk3'}
    assert _imported(pipeline, 'recipe', 'show', 'debian-12') & heavy == set()


@pytest.mark.parametrize(
    'argv',
    [['target', 'show', 'local'], ['image', 'list'], ['plan', 'debian-12']],
)
def test_command_for_this_host_imports_no_clients_of_clouds(pipeline, argv):
    assert _imported(pipeline, *argv) & _CLOUDS == set()


def test_result_on_standard_output_is_unspoilt(pipeline, tmp_path):
    recipe = tmp_path / 'r.yaml'
    recipe.write_text(
        'version: 1\nimage: {name: x}\n'
        'stages: [compose: {elements: [debian-minimal]}]\n'
        'targets: {elsewhere: {name: y}}\n'
    )
    done = pipeline('-vv', 'recipe', 'validate', recipe, '-f', 'json')
    assert done.json == [
        {'recipe': str(recipe), 'valid': True, 'problems': []}
    ]
    assert 'this site has no target "elsewhere"' in done.err


def test_closed_pipe_is_quiet(pipeline):
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, 'w') as pipe:
        done = subprocess.run(
            [
                sys.executable,
                '-m',
                'image_pipeline.cli.main',
                'stage',
                'list',
            ],
            env=pipeline.environment,
            stdout=pipe,
            stderr=subprocess.PIPE,
            text=True,
            timeout=120,
        )
    assert (done.returncode, done.stderr) == (141, '')


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_signal_is_130_without_a_traceback(pipeline, tmp_path, number):
    # The program waits for this one's writer when it reads it.
    fifo = tmp_path / 'site.conf'
    os.mkfifo(fifo)
    with (
        pipeline.start('--config-file', fifo, 'target', 'list') as process,
        fifo.open('w'),
    ):
        process.send_signal(number)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (130, '')
    assert err == 'error: interrupted\n'
