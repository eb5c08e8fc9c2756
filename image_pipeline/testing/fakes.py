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

"""Stand-ins for the world, for unit tests of plug-ins.

A fake keeps its protocol, records what it was asked, and answers what the
test told it to; it is no mock: nothing is patched.
"""

import contextlib
import dataclasses
import itertools
import os
import shlex
import signal
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from image_pipeline import artifact, exceptions
from image_pipeline.catalogues import base as catalogue_base
from image_pipeline.conf import settings as conf_settings
from image_pipeline.host import cancellation, process
from image_pipeline.hypervisors import base as hypervisor_base
from image_pipeline.stages import base as stages_base
from image_pipeline.store import cache as store_cache


@dataclasses.dataclass(frozen=True, kw_only=True)
class Call:
    """One program that was run.

    :param argv: its command line.
    :param stdin: what it was given.
    :param cwd: where it ran.
    :param env: the variables that were added to ours.
    :param log: where its output went.
    :param timeout: seconds that it had.
    """

    argv: tuple[str, ...]
    stdin: str | None = None
    cwd: Path | None = None
    env: Mapping[str, str] = dataclasses.field(default_factory=dict)
    log: Path | None = None
    timeout: float | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Answer:
    prefix: tuple[str, ...]
    stdout: str
    stderr: str
    returncode: int
    effect: Callable[[Call], object] | None


class FakeProcess:
    """A program that runs beside us, as ``Runner.start`` gives one.

    :param call: how it was started.
    :param returncode: its exit status if it has ended already.
    """

    _pids = itertools.count(5_000_000)

    def __init__(self, call: Call, returncode: int | None = None) -> None:
        self.call = call
        self.args = call.argv
        # Above the largest id that Linux gives, so that no test kills any.
        self.pid = next(self._pids)
        self.returncode = returncode

    def poll(self) -> int | None:
        """Return the exit status, or None while it runs."""
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Return the exit status; a program that runs never ends by itself.

        :param timeout: seconds to wait.
        """
        if self.returncode is None:
            raise subprocess.TimeoutExpired(self.args, timeout or 0)
        return self.returncode

    def send_signal(self, number: int) -> None:
        """End it by a signal.

        :param number: the signal.
        """
        if self.returncode is None:
            self.returncode = -number

    def terminate(self) -> None:
        """End it."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it at once."""
        self.send_signal(signal.SIGKILL)


class FakeHost:
    """A build host on which no program runs; keeps ``process.Runner``.

    A program succeeds and prints nothing unless :meth:`answer` says else.

    :param missing: programs that are not there.
    :param cancelled: stops the programs, as on a real host.
    """

    def __init__(
        self,
        *,
        missing: Sequence[str] = (),
        cancelled: cancellation.CancellationToken | None = None,
    ) -> None:
        self.missing = set(missing)
        self.cancelled = cancelled or cancellation.CancellationToken()
        #: Every program that was run or started, in order.
        self.calls: list[Call] = []
        #: The programs that were started and must be stopped.
        self.running: list[FakeProcess] = []
        #: The call that fails, counted from 1; None: none does.
        self.fail_at: int | None = None
        self._answers: list[_Answer] = []

    @property
    def argvs(self) -> list[tuple[str, ...]]:
        """The command lines that were run, in order."""
        return [call.argv for call in self.calls]

    def answer(
        self,
        *prefix: str,
        stdout: str = '',
        stderr: str = '',
        returncode: int = 0,
        effect: Callable[[Call], object] | None = None,
    ) -> None:
        """Say what a program does; what was said last wins.

        :param prefix: the first words of its command line.
        :param stdout: what it prints.
        :param stderr: what it prints to standard error.
        :param returncode: its exit status.
        :param effect: called with the call, to make the files that the
            program would make.
        """
        self._answers.insert(
            0,
            _Answer(
                prefix=prefix,
                stdout=stdout,
                stderr=stderr,
                returncode=returncode,
                effect=effect,
            ),
        )

    def which(self, name: str) -> Path | None:
        """Return where a program is, or None.

        :param name: its name.
        """
        return None if name in self.missing else Path('/usr/bin', name)

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
    ) -> process.Completed:
        """Record a call and answer it; as :meth:`process.Host.run`."""
        answer, call = self._call(
            argv, stdin=stdin, cwd=cwd, env=env, log=log, timeout=timeout
        )
        if answer.effect:
            answer.effect(call)
        output = answer.stdout + answer.stderr
        if log is not None:
            with log.open('a') as sink:
                sink.write(output)
        for line in output.splitlines():
            if on_line is not None:
                on_line(line)
        self.cancelled.check()
        if answer.returncode not in ok:
            raise exceptions.CommandFailed(
                f'`{shlex.join(call.argv)}` failed with exit status '
                f'{answer.returncode}',
                argv=call.argv,
                returncode=answer.returncode,
                tail=output.splitlines(),
                log=str(log) if log else None,
            )
        merged = log is not None or on_line is not None
        return process.Completed(
            argv=call.argv,
            returncode=answer.returncode,
            stdout='' if merged else answer.stdout,
            stderr='' if merged else answer.stderr,
            seconds=0.0,
        )

    @contextlib.contextmanager
    def start(
        self,
        argv: Sequence[str | os.PathLike[str]],
        *,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        log: Path | None = None,
    ) -> Iterator['subprocess.Popen[bytes]']:
        """Record a call and give a process; as :meth:`process.Host.start`."""
        answer, call = self._call(argv, cwd=cwd, env=env, log=log)
        if answer.effect:
            answer.effect(call)
        if log is not None:
            with log.open('a') as sink:
                sink.write(answer.stdout + answer.stderr)
        started = FakeProcess(call, answer.returncode or None)
        self.running.append(started)
        remove = self.cancelled.on_cancel(started.terminate)
        try:
            yield cast('subprocess.Popen[bytes]', started)
        finally:
            remove()
            started.terminate()
            self.running.remove(started)

    def _call(
        self, argv: Sequence[str | os.PathLike[str]], **about: Any
    ) -> tuple[_Answer, Call]:
        self.cancelled.check()
        about['env'] = dict(about.get('env') or {})
        call = Call(argv=tuple(os.fspath(word) for word in argv), **about)
        self.calls.append(call)
        if call.argv[0] in self.missing:
            raise exceptions.CommandFailed(
                f'{call.argv[0]} could not be started: No such file or '
                'directory',
                argv=call.argv,
            )
        if len(self.calls) == self.fail_at:
            raise exceptions.CommandFailed(
                f'`{shlex.join(call.argv)}` failed with exit status 1',
                argv=call.argv,
                returncode=1,
            )
        for answer in self._answers:
            if call.argv[: len(answer.prefix)] == answer.prefix:
                return answer, call
        silent = _Answer(
            prefix=(), stdout='', stderr='', returncode=0, effect=None
        )
        return silent, call


def target(
    name: str = conf_settings.LOCAL, **changes: Any
) -> conf_settings.Target:
    """Return a target of this host.

    :param name: its name.
    :param changes: settings that differ.
    """
    values: dict[str, Any] = {
        'catalogue': 'directory',
        'hypervisor': 'qemu',
        'promote': 'auto',
    }
    return conf_settings.Target(name=name, **values | changes)


def settings(state_dir: Path, **changes: Any) -> conf_settings.Settings:
    """Return the settings of a site that sets nothing.

    :param state_dir: the state folder.
    :param changes: settings that differ.
    """
    values: dict[str, Any] = {
        'recipe_path': (),
        'elements_path': (),
        'targets': {conf_settings.LOCAL: target()},
        'mirrors': conf_settings.Mirrors(),
        'cache_max_age': 3600,
        'cache_keep_days': 30,
        'cache_max_bytes': 20 * 2**30,
        'keep_runs': 20,
        'keep_candidates': 3,
        'taskflow_connection': None,
        'max_workers': 2,
        'stage_timeouts': {},
        'accel': 'tcg',
    }
    return conf_settings.Settings(state_dir=state_dir, **values | changes)


def plan_context(state_dir: Path, **changes: Any) -> stages_base.PlanContext:
    """Return what a stage may look at while a plan is made.

    :param state_dir: the state folder.
    :param changes: what differs.
    """
    values: dict[str, Any] = {
        'image_name': 'debian-12',
        'image_properties': {'os_distro': 'debian'},
        'recipe_file': state_dir / 'debian-12.yaml',
        'settings': settings(state_dir),
        'which': lambda name: None,
        'is_root': False,
    }
    return stages_base.PlanContext(**values | changes)


@dataclasses.dataclass(kw_only=True)
class Recorded:
    """What a stage told while it ran.

    :param progress: the calls of ``context.progress``.
    :param undo: the records that it journaled.
    """

    progress: list[tuple[float, float | None, str]] = dataclasses.field(
        default_factory=list
    )
    undo: list[artifact.UndoRecord] = dataclasses.field(default_factory=list)


def stage_context(
    folder: Path,
    *,
    inputs: Mapping[str, artifact.Artifact] | None = None,
    host: process.Runner | None = None,
    cancelled: cancellation.CancellationToken | None = None,
    secrets: Mapping[str, str] | None = None,
    catalogue: catalogue_base.Catalogue | None = None,
    hypervisor: hypervisor_base.Hypervisor | None = None,
    recorded: Recorded | None = None,
    **plan: Any,
) -> stages_base.StageContext:
    """Return what a stage may use while it runs, in a folder.

    :param folder: an empty folder; work, cache and state are made in it.
    :param inputs: by kind.
    :param host: a :class:`FakeHost` if not given.
    :param cancelled: the token of the run.
    :param secrets: by name.
    :param catalogue: the target's.
    :param hypervisor: the target's.
    :param recorded: collects what the stage tells.
    :param plan: what differs in the plan's context.
    """
    told = recorded if recorded is not None else Recorded()
    token = cancelled or cancellation.CancellationToken()
    work_dir = folder / 'work'
    work_dir.mkdir(parents=True, exist_ok=True)

    def progress(
        done: float, total: float | None = None, unit: str = ''
    ) -> None:
        told.progress.append((done, total, unit))

    return stages_base.StageContext(
        run_id='run-1',
        step_id='0' * 64,
        plan=plan_context(folder / 'state', **plan),
        work_dir=work_dir,
        log=folder / 'stage.log',
        inputs=inputs or {},
        host=host or FakeHost(cancelled=token),
        cancelled=token,
        progress=progress,
        undo=told.undo.append,
        secrets=secrets or {},
        cache=store_cache.Cache(folder / 'cache'),
        catalogue=catalogue,
        hypervisor=hypervisor,
    )
