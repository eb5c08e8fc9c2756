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

import signal
import subprocess

import pytest

from image_pipeline import exceptions
from image_pipeline.host import process
from image_pipeline.testing import fakes


@pytest.fixture
def host():
    return fakes.FakeHost()


def test_program_that_nobody_spoke_of_succeeds_silently(host, tmp_path):
    done = host.run(['tool', tmp_path], stdin='x', env={'A': '1'})
    assert (done.argv, done.returncode) == (('tool', str(tmp_path)), 0)
    assert (done.stdout, done.stderr) == ('', '')
    (call,) = host.calls
    assert (call.stdin, call.env) == ('x', {'A': '1'})


def test_last_answer_wins(host):
    host.answer('tool', stdout='one')
    host.answer('tool', '--version', stdout='two')
    host.answer('tool', stdout='three')
    assert host.run(['tool', '--version']).stdout == 'three'
    assert host.run(['other']).stdout == ''


def test_failure_is_that_of_a_real_host(host, tmp_path):
    log = tmp_path / 'log'
    host.answer('tool', stdout='a\n', stderr='b\n', returncode=3)
    with pytest.raises(exceptions.CommandFailed) as caught:
        host.run(['tool', 'x y'], log=log)
    error = caught.value
    assert str(error) == "`tool 'x y'` failed with exit status 3"
    assert (error.returncode, error.tail) == (3, ('a', 'b'))
    assert (error.log, log.read_text()) == (str(log), 'a\nb\n')
    assert host.run(['tool'], ok=(0, 3)).returncode == 3


def test_lines_go_where_they_are_asked_for(host):
    lines = []
    host.answer('tool', stdout='a\nb\n')
    done = host.run(['tool'], on_line=lines.append)
    assert (lines, done.stdout) == (['a', 'b'], '')


def test_effect_makes_what_the_program_would_make(host, tmp_path):
    def make(call):
        (tmp_path / call.argv[1]).write_text('made')

    host.answer('tool', effect=make)
    host.run(['tool', 'f'])
    assert (tmp_path / 'f').read_text() == 'made'


def test_missing_program_is_not_found_and_cannot_be_started():
    host = fakes.FakeHost(missing=['tool'])
    assert host.which('tool') is None
    assert host.which('other') is not None
    with pytest.raises(exceptions.CommandFailed, match='could not be started'):
        host.run(['tool'])


def test_one_call_can_be_made_to_fail(host):
    host.fail_at = 2
    host.run(['a'])
    with pytest.raises(exceptions.CommandFailed):
        host.run(['b'])
    host.run(['c'])
    assert host.argvs == [('a',), ('b',), ('c',)]


def test_cancelled_host_runs_nothing(host):
    host.cancelled.cancel('SIGINT')
    with pytest.raises(exceptions.Interrupted):
        host.run(['tool'])
    assert host.calls == []


def test_started_program_runs_until_the_end_of_its_block(host):
    with host.start(['tool']) as started:
        assert started.poll() is None
        assert host.running == [started]
        with pytest.raises(subprocess.TimeoutExpired):
            started.wait(0.1)
    assert started.wait() == -signal.SIGTERM
    assert host.running == []


def test_started_program_ends_when_the_run_is_cancelled(host):
    with host.start(['tool']) as started:
        host.cancelled.cancel('SIGTERM')
        assert started.poll() == -signal.SIGTERM


def test_fake_host_keeps_the_protocol(host):
    runner: process.Runner = host
    for name in ('which', 'run', 'start'):
        assert callable(getattr(runner, name))


def test_context_of_a_stage_records_what_it_tells(tmp_path):
    recorded = fakes.Recorded()
    context = fakes.stage_context(tmp_path, recorded=recorded, format='raw')
    context.progress(1, 2, 'B')
    assert recorded.progress == [(1, 2, 'B')]
    assert context.work_dir.is_dir()
    assert context.plan.format == 'raw'
