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

"""Real programs through the one door to subprocess."""

import os
import signal
import threading
import time
import uuid
from pathlib import Path

import pytest

from image_pipeline import exceptions
from image_pipeline.host import cancellation, process


def test_output_comes_back_and_secrets_do_not():
    host = process.Host(redact=process.Redactor(['hunter2']))
    done = host.run(['sh', '-c', 'echo hunter2; echo oops >&2'])
    assert done.stdout == '***\n'
    assert done.stderr == 'oops\n'
    assert done.argv[2] == 'echo ***; echo oops >&2'


def test_both_outputs_go_to_the_log_line_by_line(tmp_path):
    log = tmp_path / 'log'
    lines = []
    process.Host().run(
        ['sh', '-c', 'echo one; echo two >&2; printf three'],
        log=log,
        on_line=lines.append,
    )
    assert sorted(lines) == ['one', 'three', 'two']
    assert sorted(log.read_text().split()) == ['one', 'three', 'two']


def test_much_output_and_input_do_not_block_each_other():
    text = 'x' * 3_000_000
    assert process.Host().run(['cat'], stdin=text).stdout == text


def test_standard_input_is_given_or_empty():
    assert process.Host().run(['cat'], stdin='text').stdout == 'text'
    assert process.Host().run(['cat']).stdout == ''


def test_a_failure_has_its_last_lines(tmp_path):
    with pytest.raises(exceptions.CommandFailed) as caught:
        process.Host().run(
            ['sh', '-c', 'seq 100; exit 3'], log=tmp_path / 'log'
        )
    assert caught.value.returncode == 3
    assert caught.value.tail[-1] == '100'
    assert len(caught.value.tail) < 100
    assert 'exit status 3' in caught.value.message


def test_other_exit_statuses_can_be_success():
    assert process.Host().run(['sh', '-c', 'exit 3'], ok=(0, 3)).returncode


def test_a_program_that_is_not_there_is_one_clear_message():
    with pytest.raises(exceptions.CommandFailed, match='no-such-program'):
        process.Host().run(['no-such-program'])


def test_a_time_limit_kills_the_whole_group(tmp_path):
    mark = tmp_path / 'mark'
    # A busy host may not have come to the mark when the time is over.
    for limit in (1, 10, 100):
        with pytest.raises(exceptions.CommandFailed, match='longer than'):
            process.Host().run(['sh', '-c', marked(mark)], timeout=limit)
        if mark.exists():
            break
    assert not alive(int(mark.read_text()))


def test_cancelling_stops_the_whole_group(tmp_path):
    token = cancellation.CancellationToken()
    mark = tmp_path / 'mark'

    def cancel():
        until(mark.exists)
        token.cancel('test')

    threading.Thread(target=cancel).start()
    with pytest.raises(exceptions.Interrupted):
        process.Host(cancelled=token).run(['sh', '-c', marked(mark)])
    assert not alive(int(mark.read_text()))


def test_after_cancelling_nothing_starts():
    token = cancellation.CancellationToken()
    token.cancel('test')
    with pytest.raises(exceptions.Interrupted):
        process.Host(cancelled=token).run(['true'])


def test_a_daemon_that_keeps_the_pipe_does_not_hold_us_up(tmp_path):
    # Such as gpg-agent: its own session, our pipe.
    log, run = tmp_path / 'log', str(uuid.uuid4())
    script = 'setsid sleep 987 & echo done'
    process.Host(run_id=run).run(['sh', '-c', script], log=log)
    assert log.read_text() == 'done\n'
    # It was still alive when we came back.
    assert process.kill_run(run)


def test_a_program_beside_us_ends_with_its_block(tmp_path):
    with process.Host().start(
        ['sh', '-c', 'echo hello; sleep 987'], log=tmp_path / 'log'
    ) as started:
        assert started.poll() is None
        pid = started.pid
    assert not alive(pid)


def test_what_a_run_started_is_found_and_killed():
    # Others may run these tests on this host, too.
    run = str(uuid.uuid4())
    host = process.Host(run_id=run)
    with host.start(['sh', '-c', 'setsid sleep 987 & sleep 987']):
        until(lambda: len(started_by(run)) >= 3)
        assert process.kill_run(run[:-1]) == []
        assert len(process.kill_run(run)) >= 3
    assert started_by(run) == []
    assert process.kill_run(run) == []


def test_the_sbin_folders_are_looked_into(monkeypatch):
    monkeypatch.setenv('PATH', '/usr/bin:/bin')
    assert process.Host().which('mke2fs')
    assert process.Host().which('no-such-program') is None


def marked(mark):
    """A script whose child's process id is in a file, whole or not at all."""
    return f'sleep 987 & echo $! > {mark}.new; mv {mark}.new {mark}; wait'


def until(condition):
    deadline = time.monotonic() + 300
    while not condition():
        assert time.monotonic() < deadline, 'it did not happen'
        time.sleep(0.02)


def started_by(run):
    """The processes that carry a run's mark."""
    mark = f'{process.RUN_VARIABLE}={run}'.encode()
    found = []
    for folder in Path('/proc').glob('[0-9]*'):
        try:
            if mark in (folder / 'environ').read_bytes().split(b'\0'):
                found.append(int(folder.name))
        except OSError:
            continue
    return found


def alive(pid):
    for _ in range(50):
        try:
            os.kill(pid, 0)
            with open(f'/proc/{pid}/stat') as stat:
                if stat.read().rpartition(')')[2].split()[0] == 'Z':
                    return False
        except (ProcessLookupError, FileNotFoundError):
            return False
        time.sleep(0.1)
    os.kill(pid, signal.SIGKILL)
    return True
