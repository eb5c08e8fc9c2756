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

"""Run programs: the only door to subprocess.

Every program runs in a session (so a process group) of its own, stops when
the run is cancelled, and carries :data:`RUN_VARIABLE` in its environment, so
that what outlives a killed run can be found (:func:`kill_run`).
"""

import contextlib
import dataclasses
import os
import shlex
import shutil
import signal
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Protocol

from image_pipeline import exceptions
from image_pipeline.host import cancellation, pipes, redaction

#: The environment variable that names the run that started a process.
RUN_VARIABLE = 'IMAGE_PIPELINE_RUN'
#: How long a process group has between SIGTERM and SIGKILL, in seconds.
GRACE = 10.0
_TAIL_LINES = 40
#: How long processes that were killed have to be gone, in seconds.
_DEATH = 5.0


@dataclasses.dataclass(frozen=True, kw_only=True)
class Completed:
    """A program that ran to its end.

    :param argv: its command line, secrets redacted.
    :param returncode: its exit status; negative for a signal.
    :param stdout: what it printed; empty where ``log`` or ``on_line`` took it.
    :param stderr: likewise.
    :param seconds: how long it took.
    """

    argv: tuple[str, ...]
    returncode: int
    stdout: str
    stderr: str
    seconds: float


#: See :mod:`image_pipeline.host.redaction`.
Redactor = redaction.Redactor


class Runner(Protocol):
    """What stages need of the build host; :class:`Host` is the real one."""

    def which(self, name: str) -> Path | None:
        """Return where a program is, or None."""

    def run(
        self,
        argv: Sequence[str | os.PathLike[str]],
        *,
        stdin: str | None = None,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        log: Path | None = None,
        on_line: Callable[[str], object] | None = None,
        timeout: float | None = None,
        ok: Sequence[int] = (0,),
    ) -> Completed:
        """Run a program to its end; see :meth:`Host.run`."""

    def start(
        self,
        argv: Sequence[str | os.PathLike[str]],
        *,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        log: Path | None = None,
    ) -> contextlib.AbstractContextManager['subprocess.Popen[bytes]']:
        """Run a program beside us; see :meth:`Host.start`."""


class Host:
    """The build host of one run.

    :param run_id: the run whose id every process carries.
    :param cancelled: stops the programs under way.
    :param redact: takes secrets out of logs, errors and returned lines.
    """

    def __init__(
        self,
        *,
        run_id: str = '',
        cancelled: cancellation.CancellationToken | None = None,
        redact: Redactor | None = None,
    ) -> None:
        self.run_id = run_id
        self.cancelled = cancelled or cancellation.CancellationToken()
        self.redact = redact or Redactor()

    def which(self, name: str) -> Path | None:
        """Return where a program is, looking in the sbin folders too.

        :param name: its name, without a path.
        """
        found = shutil.which(name, path=search_path())
        return Path(found) if found else None

    def run(
        self,
        argv: Sequence[str | os.PathLike[str]],
        *,
        stdin: str | None = None,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        log: Path | None = None,
        on_line: Callable[[str], object] | None = None,
        timeout: float | None = None,
        ok: Sequence[int] = (0,),
    ) -> Completed:
        """Run a program to its end.

        :param argv: its command line; one string an argument, never a shell's.
        :param stdin: text for its standard input; none means /dev/null.
        :param cwd: the folder to run it in.
        :param env: variables to add to ours.
        :param log: a file to which both its outputs are appended, redacted.
        :param on_line: called with each line of both outputs, redacted.
        :param timeout: seconds after which it is killed.
        :param ok: the exit statuses that count as success.
        :raises CommandFailed: it could not be started, ended otherwise, or
            took too long.
        :raises Interrupted: the run was cancelled; the program was stopped.
        """
        self.cancelled.check()
        words = [os.fspath(word) for word in argv]
        shown = tuple(self.redact(word) for word in words)
        merged = log is not None or on_line is not None
        tail: deque[str] = deque(maxlen=_TAIL_LINES)
        started = time.monotonic()
        process = self._spawn(
            words,
            stdin=subprocess.PIPE if stdin is not None else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT if merged else subprocess.PIPE,
            cwd=cwd,
            env=env,
        )
        expired = threading.Event()

        def expire() -> None:
            expired.set()
            _stop(process)

        timer = threading.Timer(timeout, expire) if timeout else None
        if timer:
            timer.daemon = True
            timer.start()
        ours = [one for one in (process.stdout, process.stderr) if one]
        reading = ours, lambda: process.poll() is not None
        with self._stopped_on_cancel(process):
            try:
                pipes.feed(process.stdin, stdin)
                if merged:
                    self._pump(pipes.lines(*reading), log, on_line, tail)
                    out, err = '', ''
                else:
                    out, err = map(self.redact, pipes.collect(*reading))
                    tail.extend((err or out).splitlines()[-_TAIL_LINES:])
                process.wait()
            except BaseException:
                _stop(process, grace=0)
                raise
            finally:
                if timer:
                    timer.cancel()
                for pipe in ours:
                    pipe.close()
        self.cancelled.check()
        done = Completed(
            argv=shown,
            returncode=process.returncode,
            stdout=out,
            stderr=err,
            seconds=time.monotonic() - started,
        )
        if expired.is_set():
            raise self._failed(
                done, tail, log, f'took longer than {timeout:g} seconds'
            )
        if process.returncode not in ok:
            raise self._failed(done, tail, log, _how_it_ended(done.returncode))
        return done

    @contextlib.contextmanager
    def start(
        self,
        argv: Sequence[str | os.PathLike[str]],
        *,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        log: Path | None = None,
    ) -> Iterator['subprocess.Popen[bytes]']:
        """Run a program beside us, and stop its whole group at the end.

        :param argv: its command line.
        :param cwd: the folder to run it in.
        :param env: variables to add to ours.
        :param log: a file to which both its outputs are appended.
        :returns: a context manager that gives the process.
        :raises CommandFailed: it could not be started.
        """
        self.cancelled.check()
        words = [os.fspath(word) for word in argv]
        with contextlib.ExitStack() as stack:
            output: IO[bytes] | int = subprocess.DEVNULL
            if log is not None:
                output = stack.enter_context(log.open('ab'))
            process = self._spawn(
                words,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=cwd,
                env=env,
            )
            stack.callback(_stop, process)
            stack.enter_context(self._stopped_on_cancel(process))
            yield process

    def _spawn(
        self,
        words: list[str],
        *,
        stdin: int,
        stdout: IO[bytes] | int,
        stderr: int,
        cwd: Path | None,
        env: Mapping[str, str] | None,
    ) -> 'subprocess.Popen[bytes]':
        environment = inherited(os.environ) | {'PATH': search_path()}
        environment |= env or {}
        if self.run_id:
            environment[RUN_VARIABLE] = self.run_id
        try:
            return subprocess.Popen(
                words,
                stdin=stdin,
                stdout=stdout,
                stderr=stderr,
                cwd=cwd,
                env=environment,
                start_new_session=True,
            )
        except OSError as exc:
            raise exceptions.CommandFailed(
                f'{words[0]} could not be started: {exc.strerror}',
                argv=[self.redact(word) for word in words],
                hint='run `image-pipeline doctor` to see what is missing',
            ) from exc

    def _pump(
        self,
        lines: Iterable[bytes],
        log: Path | None,
        on_line: Callable[[str], object] | None,
        tail: deque[str],
    ) -> None:
        with contextlib.ExitStack() as stack:
            sink = stack.enter_context(log.open('a')) if log else None
            for raw in lines:
                line = self.redact(raw.decode(errors='replace'))
                tail.append(line)
                if sink:
                    sink.write(line + '\n')
                    sink.flush()
                if on_line:
                    on_line(line)

    @contextlib.contextmanager
    def _stopped_on_cancel(
        self, process: 'subprocess.Popen[bytes]'
    ) -> Iterator[None]:
        def stop() -> None:
            # In a thread: a signal handler must not wait for the group.
            threading.Thread(target=_stop, args=(process,)).start()

        remove = self.cancelled.on_cancel(stop)
        try:
            yield
        finally:
            remove()

    def _failed(
        self,
        done: Completed,
        tail: deque[str],
        log: Path | None,
        how: str,
    ) -> exceptions.CommandFailed:
        return exceptions.CommandFailed(
            f'`{shlex.join(done.argv)}` {how}',
            argv=done.argv,
            returncode=done.returncode,
            tail=tail,
            log=str(log) if log else None,
        )


def inherited(environ: Mapping[str, str]) -> dict[str, str]:
    """Return what of an environment the programs that we run get to see.

    Not ``OS_PASSWORD``: the element ``manifests`` of diskimage-builder writes
    its environment into the image.

    :param environ: ours.
    """
    return {k: v for k, v in environ.items() if not k.startswith('OS_')}


def search_path() -> str:
    """Return PATH with the sbin folders, where file system tools live."""
    folders = os.environ.get('PATH', os.defpath).split(os.pathsep)
    for folder in ('/usr/local/sbin', '/usr/sbin', '/sbin'):
        if folder not in folders:
            folders.append(folder)
    return os.pathsep.join(folders)


def kill_run(run_id: str) -> list[int]:
    """Kill every process that a run started and that still lives.

    :param run_id: the run; its own process must be dead.
    :returns: the ids of the processes that were killed.
    """
    mark = f'{RUN_VARIABLE}={run_id}'.encode()
    killed: list[int] = []
    before = -1
    deadline = time.monotonic() + _DEATH
    # Until none is left: a process may fork between the look and the kill,
    # and one that was killed is there until the kernel has ended it.
    while len(killed) > before and time.monotonic() < deadline:
        if before >= 0:
            time.sleep(0.02)
        before = len(killed)
        for folder in Path('/proc').glob('[0-9]*'):
            pid = int(folder.name)
            if pid == os.getpid():
                continue
            try:
                environ = (folder / 'environ').read_bytes().split(b'\0')
            except OSError:
                continue
            if mark in environ:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
                    killed.append(pid)
    return sorted(set(killed))


def _stop(process: 'subprocess.Popen[bytes]', *, grace: float = GRACE) -> None:
    """Stop a process group: SIGTERM, then SIGKILL; wait for its leader."""
    for number, patience in ((signal.SIGTERM, grace), (signal.SIGKILL, 5.0)):
        if number == signal.SIGTERM and not grace:
            continue
        # The group is the leader's session: members may outlive the leader.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(patience)
            if number == signal.SIGKILL:
                return


def _how_it_ended(returncode: int) -> str:
    if returncode < 0:
        try:
            name = signal.Signals(-returncode).name
        except ValueError:
            name = f'signal {-returncode}'
        return f'was killed by {name}'
    return f'failed with exit status {returncode}'
