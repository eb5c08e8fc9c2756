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

"""The door to subprocess, with a fake behind it."""

import os
import signal
import subprocess
from typing import ClassVar

import pytest

from image_pipeline import exceptions
from image_pipeline.host import cancellation, process


class FakePopen:
    """A program as subprocess gives it; the pipes are real."""

    #: What the next ones do: output, error output, exit status.
    script: tuple[bytes, bytes, int] = (b'', b'', 0)
    started: ClassVar[list['FakePopen']] = []

    def __init__(self, argv, **options):
        if argv[0] == 'missing':
            raise FileNotFoundError(2, 'No such file or directory')
        self.argv, self.options = argv, options
        self.pid = 5_000_001
        out, err, self.returncode = self.script
        self.stdin = None
        self.stdout = self.stderr = None
        if options['stdout'] == subprocess.PIPE:
            merged = options['stderr'] == subprocess.STDOUT
            self.stdout = self._pipe(out + err if merged else out)
            if not merged:
                self.stderr = self._pipe(err)
        self.started.append(self)

    @staticmethod
    def _pipe(data):
        reader, writer = os.pipe()
        os.write(writer, data)
        os.close(writer)
        return os.fdopen(reader, 'rb', buffering=0)

    def poll(self):
        return self.returncode

    def wait(self, timeout=None):
        return self.returncode


@pytest.fixture
def popen(monkeypatch):
    fake = type('Popen', (FakePopen,), {'started': []})
    monkeypatch.setattr(process.subprocess, 'Popen', fake)
    killed = []
    monkeypatch.setattr(
        process.os, 'killpg', lambda pid, number: killed.append(number)
    )
    fake.killed = killed
    return fake


def test_a_program_has_a_session_of_its_own_and_carries_the_run(popen):
    process.Host(run_id='run-1').run(['tool', 'x'], env={'A': 'b'})
    (started,) = popen.started
    assert started.argv == ['tool', 'x']
    assert started.options['start_new_session']
    assert started.options['stdin'] == subprocess.DEVNULL
    assert started.options['env'][process.RUN_VARIABLE] == 'run-1'
    assert started.options['env']['A'] == 'b'
    assert '/usr/sbin' in started.options['env']['PATH'].split(':')
    assert 'shell' not in started.options


def test_output_is_returned_redacted(popen):
    popen.script = (b'the secret\xff', b'and secret', 0)
    done = process.Host(redact=process.Redactor(['secret'])).run(
        ['tool', '--password=secret']
    )
    assert done.stdout == 'the ***\ufffd'
    assert done.stderr == 'and ***'
    assert done.argv == ('tool', '--password=***')


def test_lines_go_to_log_and_listener_redacted(popen, tmp_path):
    popen.script = (b'one secret\ntwo', b'', 0)
    lines = []
    host = process.Host(redact=process.Redactor(['secret']))
    host.run(['tool'], log=tmp_path / 'log', on_line=lines.append)
    assert lines == ['one ***', 'two']
    assert (tmp_path / 'log').read_text() == 'one ***\ntwo\n'


def test_a_failure_carries_argv_status_tail_and_log(popen, tmp_path):
    popen.script = (b'secret\nlast', b'', 3)
    log = tmp_path / 'log'
    with pytest.raises(exceptions.CommandFailed) as caught:
        process.Host(redact=process.Redactor(['secret'])).run(
            ['tool', 'secret'], log=log
        )
    error = caught.value
    assert error.argv == ('tool', '***')
    assert error.returncode == 3
    assert error.tail == ('***', 'last')
    assert error.log == str(log)
    assert error.message == "`tool '***'` failed with exit status 3"


def test_a_signal_is_named(popen):
    popen.script = (b'', b'', -signal.SIGKILL)
    with pytest.raises(exceptions.CommandFailed, match='killed by SIGKILL'):
        process.Host().run(['tool'])


def test_a_program_that_cannot_be_started_says_what_to_do(popen):
    with pytest.raises(exceptions.CommandFailed) as caught:
        process.Host().run(['missing'])
    assert 'missing could not be started' in caught.value.message
    assert 'doctor' in (caught.value.hint or '')


def test_nothing_starts_after_cancelling(popen):
    token = cancellation.CancellationToken()
    token.cancel('SIGINT')
    with pytest.raises(exceptions.Interrupted):
        process.Host(cancelled=token).run(['tool'])
    assert popen.started == []


def test_a_program_that_ends_because_of_cancelling_is_interrupted(popen):
    token = cancellation.CancellationToken()
    popen.script = (b'line\n', b'', -15)
    with pytest.raises(exceptions.Interrupted):
        process.Host(cancelled=token).run(
            ['tool'], on_line=lambda line: token.cancel('SIGINT')
        )


def test_an_error_in_the_listener_stops_the_program(popen):
    popen.script = (b'line\n', b'', 0)

    def listen(line):
        raise ValueError

    with pytest.raises(ValueError):
        process.Host().run(['tool'], on_line=listen)
    assert signal.SIGKILL in popen.killed


def test_a_program_beside_us_is_stopped_at_the_end_of_the_block(
    popen, tmp_path
):
    with process.Host().start(['tool'], log=tmp_path / 'log') as started:
        assert started.pid == 5_000_001
        assert popen.killed == []
    assert popen.killed == [signal.SIGTERM, signal.SIGKILL]


def test_killing_a_run_goes_by_its_whole_id(tmp_path, monkeypatch):
    for pid, run in (('10', 'run-1'), ('11', 'run-10'), ('12', 'run-1')):
        (tmp_path / pid).mkdir()
        mark = f'A=b\0{process.RUN_VARIABLE}={run}\0'
        (tmp_path / pid / 'environ').write_text(mark)
    (tmp_path / '13').mkdir()
    killed = []

    def kill(pid, number):
        killed.append((pid, number))
        (tmp_path / str(pid) / 'environ').unlink()

    monkeypatch.setattr(process.os, 'kill', kill)
    monkeypatch.setattr(process, 'Path', lambda name: tmp_path)
    assert process.kill_run('run-1') == [10, 12]
    assert set(killed) == {(10, signal.SIGKILL), (12, signal.SIGKILL)}


def test_programs_do_not_see_the_credentials_of_a_cloud():
    assert process.inherited(
        {'OS_PASSWORD': 'x', 'OSTYPE': 'y', 'A': 'z'}
    ) == {
        'OSTYPE': 'y',
        'A': 'z',
    }
