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

"""Real processes, real signals: what a run leaves when it is stopped."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from image_pipeline.host import process
from image_pipeline.testing import stages

RECIPE = """\
version: 1
image: {name: fake}
stages:
  - fake-make
  - fake-convert: {formats: [raw], program: PROGRAM, outside: OUTSIDE}
  - fake-check
"""
#: A tool with a child that ignores SIGTERM, as a tree of tools may be.
STUBBORN = 'trap "" TERM; sleep 987 & sleep 987'


class Site:
    """A state folder, recipes, and the program as a user runs it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.state = folder / 'state'
        self.outside = folder / 'outside'
        self.environ = {**os.environ, **stages.install(folder / 'fakes')}
        self.environ.pop(process.RUN_VARIABLE, None)

    def recipe(self, *program: str, name: str = 'fake') -> str:
        text = RECIPE.replace('PROGRAM', json.dumps(list(program)))
        path = self.folder / f'{name}.yaml'
        path.write_text(text.replace('OUTSIDE', str(self.outside)))
        return str(path)

    def argv(self, *arguments: str) -> list[str]:
        program = str(Path(sys.executable).with_name('image-pipeline'))
        return [program, '--state-dir', str(self.state), *arguments]

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.argv(*arguments),
            env=self.environ,
            text=True,
            capture_output=True,
            timeout=300,
        )

    def start(self, *arguments: str) -> 'subprocess.Popen[str]':
        return subprocess.Popen(
            self.argv(*arguments),
            env=self.environ,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def runs(self) -> list[dict[str, str]]:
        found: list[dict[str, str]] = json.loads(
            self.run('run', 'list', '-f', 'json').stdout
        )
        return found

    def tools(self) -> list[int]:
        """The processes of any run of this site that live."""
        found = []
        for folder in Path('/proc').glob('[0-9]*'):
            try:
                environ = (folder / 'environ').read_bytes()
                state = (folder / 'stat').read_text().rpartition(')')[2]
            except OSError:
                continue
            if str(self.folder).encode() not in environ:
                continue
            mark = f'{process.RUN_VARIABLE}='.encode()
            if mark in environ and state.split()[0] != 'Z':
                found.append(int(folder.name))
        return found

    def left(self) -> list[Path]:
        made = list(self.folder.glob('outside*'))
        for name in ('work', 'active'):
            made.extend((self.state / 'runs').glob(f'*/{name}'))
        return made


@pytest.fixture
def site(tmp_path):
    made = Site(tmp_path)
    yield made
    for pid in made.tools():
        os.kill(pid, signal.SIGKILL)


def until(condition, seconds=300):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, 'it did not happen'
        time.sleep(0.05)


def start_and_wait_for_tools(site, *program, count):
    baker = site.start('bake', site.recipe(*program))
    until(lambda: len(site.tools()) >= count or baker.poll() is not None)
    assert baker.poll() is None, baker.communicate()
    assert site.left()
    return baker


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_the_tools_undoes_and_exits_130(site, number):
    baker = start_and_wait_for_tools(site, 'sleep', '987', count=2)
    baker.send_signal(number)
    _, err = baker.communicate(timeout=300)
    assert baker.returncode == 130, err
    assert 'Traceback' not in err
    assert 'run resume' in err
    assert site.tools() == []
    assert site.left() == []
    assert [run['state'] for run in site.runs()] == ['interrupted']


def test_a_second_ctrl_c_does_not_break_the_undo(site):
    baker = start_and_wait_for_tools(site, 'sh', '-c', STUBBORN, count=4)
    # The tools ignore SIGTERM, so there is time for impatience.  Two signals
    # of which none was seen yet are one, so it lasts until it was told.
    told = []

    def read():
        for line in baker.stderr:
            told.append(line)

    reader = threading.Thread(target=read)
    reader.start()
    while 'already stopping' not in ''.join(told) and baker.poll() is None:
        baker.send_signal(signal.SIGINT)
        time.sleep(0.1)
    assert 'already stopping' in ''.join(told)
    assert baker.wait(300) == 130
    reader.join()
    baker.stdout.close()
    baker.stderr.close()
    assert site.tools() == []
    assert site.left() == []


def test_reap_removes_what_a_kill_left(site):
    baker = start_and_wait_for_tools(site, 'sh', '-c', STUBBORN, count=4)
    baker.kill()
    baker.communicate()
    assert len(site.tools()) >= 4
    assert [run['state'] for run in site.runs()] == ['interrupted']
    told = site.run('reap', '--dry-run', '-f', 'json')
    assert {row['state'] for row in json.loads(told.stdout)} == {
        'would be undone'
    }
    assert site.tools()
    assert site.left()
    done = site.run('reap')
    assert done.returncode == 0, done.stderr
    assert site.tools() == []
    assert site.left() == []
    assert json.loads(site.run('reap', '-f', 'json').stdout) == []


def test_the_next_bake_removes_what_a_kill_left(site):
    baker = start_and_wait_for_tools(site, 'sleep', '987', count=2)
    baker.kill()
    baker.communicate()
    other = site.folder / 'other.yaml'
    other.write_text('version: 1\nimage: {name: o}\nstages: [fake-make]\n')
    done = site.run('bake', str(other))
    assert done.returncode == 0, done.stderr
    assert 'undid what run' in done.stderr
    assert site.tools() == []
    assert site.left() == []


def test_a_killed_run_is_resumed_without_what_it_had_done(site):
    gate = site.folder / 'gate'
    program = f'test -e {gate} || sleep 987'
    baker = start_and_wait_for_tools(site, 'sh', '-c', program, count=2)
    baker.kill()
    baker.communicate()
    gate.touch()
    done = site.run('run', 'resume', 'latest', '-f', 'json')
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    states = {one['step']: one['state'] for one in result['stages']}
    assert states.pop('fake-make') == 'skipped'
    assert set(states.values()) == {'succeeded'}
    log = site.run('run', 'log', 'latest', 'fake-make').stdout
    assert log.count('fake-make runs') == 1
    assert site.tools() == []


def test_a_bake_that_is_under_way_is_not_reaped(site):
    baker = start_and_wait_for_tools(site, 'sleep', '987', count=2)
    assert site.run('reap', '-f', 'json').stdout.strip() == '[]'
    assert len(site.tools()) == 2
    refused = site.run('bake', site.recipe('sleep', '987'))
    assert refused.returncode == 5
    (run,) = site.runs()
    assert run['run'] in refused.stderr
    assert f'process {baker.pid}' in refused.stderr
    baker.send_signal(signal.SIGTERM)
    baker.communicate(timeout=300)


def test_two_bakes_of_different_recipes_do_not_disturb_each_other(site):
    first = site.start('bake', site.recipe('sleep', '2', name='first'))
    second = site.start('bake', site.recipe('sleep', '1', name='second'))
    for baker in (first, second):
        _, err = baker.communicate(timeout=300)
        assert baker.returncode == 0, err
    assert [run['state'] for run in site.runs()] == ['succeeded'] * 2
    again = site.run('bake', site.recipe('sleep', '2', name='first'))
    assert 'nothing has changed' in again.stdout


def test_the_same_work_in_two_recipes_is_done_once(site):
    first = site.start('bake', site.recipe('sleep', '3', name='first'))
    second = site.start('bake', site.recipe('sleep', '3', name='second'))
    errors = []
    for baker in (first, second):
        _, err = baker.communicate(timeout=300)
        assert baker.returncode == 0, err
        errors.append(err)
    logs = (site.state / 'runs').glob('*/logs/fake-convert.raw.log')
    assert sum(log.read_text().count('convert runs') for log in logs) == 1


def test_standard_output_has_the_json_and_nothing_else(site):
    done = site.run('bake', site.recipe('echo', 'noise'), '-f', 'json')
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)['state'] == 'succeeded'
    assert 'fake-convert.raw: started' in done.stderr


def test_a_secret_is_not_in_the_process_list_nor_in_any_file(site):
    path = site.folder / 'secret.yaml'
    path.write_text(
        'version: 1\nimage: {name: s}\n'
        'stages: [fake-make: {secret: SOME_TOKEN}]\n'
    )
    site.environ['SOME_TOKEN'] = 'correct-horse-battery'
    done = site.run('bake', str(path))
    assert done.returncode == 0, done.stderr
    log = site.run('run', 'log', 'latest', 'fake-make').stdout
    assert 'it is ***' in log
    for file in site.state.rglob('*'):
        if file.is_file():
            assert b'correct-horse' not in file.read_bytes(), file


def test_a_full_disk_is_one_clear_message_and_leaves_nothing(site):
    if os.geteuid() != 0:
        pytest.skip('mounting a small file system needs root')
    site.state.mkdir()
    recipe = site.folder / 'big.yaml'
    content = 'x' * 200_000
    recipe.write_text(
        'version: 1\nimage: {name: b}\n'
        f'stages: [fake-make: {{content: {content}}}]\n'
    )
    script = (
        f'mount -t tmpfs -o size=700k none {site.state} && '
        f'{" ".join(site.argv("bake", str(recipe)))}; status=$?; '
        f'find {site.state}/runs -name work -o -name active; exit $status'
    )
    done = subprocess.run(
        ['unshare', '--mount', 'sh', '-c', script],
        env=site.environ,
        text=True,
        capture_output=True,
        timeout=120,
    )
    assert done.returncode == 1, done.stderr
    assert 'no space is left' in done.stderr.lower() or (
        'could not be written' in done.stderr
    )
    assert 'Traceback' not in done.stderr
    assert f'{site.state}/runs/' not in done.stdout


def test_a_state_folder_that_cannot_be_written_is_bad_input(site):
    site.state.write_text('a file')
    done = site.run('bake', site.recipe('true'))
    assert done.returncode == 2
    assert 'Traceback' not in done.stderr
    assert str(site.state) in done.stderr
