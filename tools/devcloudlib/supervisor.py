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


"""What runs a devcloud: the first process of its namespaces.

The first process reaps what has lost its parent, and ends when the
supervisor, its child, does; the kernel then ends all the others.  So there
is nothing to clean up after a ``kill -9`` but files.
"""

import contextlib
import functools
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable
from concurrent import futures
from pathlib import Path
from typing import Any

from devcloudlib import (
    control,
    databases,
    errors,
    furniture,
    instance,
    process,
    resources,
    saved,
    services,
)


def main(root: Path) -> int:
    """Be the first process; return when the devcloud has ended.

    :param root: the devcloud's folder.
    """
    child = os.fork()
    if child == 0:
        status = 1
        try:
            Supervisor(instance.Instance(root)).run()
            status = 0
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(status)

    def forward(number: int, _: object) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, number)

    signal.signal(signal.SIGTERM, forward)
    while True:
        pid, status = os.wait()
        if pid == child:
            return os.waitstatus_to_exitcode(status)


class Supervisor:
    """Starts everything in its order, and does what it is told.

    :param cloud: the devcloud.
    """

    def __init__(self, cloud: instance.Instance) -> None:
        self._cloud = cloud
        self._began = time.monotonic()
        self._end = threading.Event()
        self._lines: list[str] = []
        self._failure: errors.DevcloudError | None = None
        self._ready = False
        self._processes = {
            service.name: process.Process(cloud, service)
            for service in services.every(cloud)
        }
        # Step or service: what comes before it, and how it is done.
        self._work: dict[str, tuple[tuple[str, ...], Callable[[], None]]] = {
            'furniture': ((), lambda: furniture.interfaces(cloud)),
            'databases': (('furniture',), self._databases),
            'identity': (('keystone',), self._once(resources.identity)),
            'flavors': (('nova-api',), self._once(resources.compute)),
            'network': (
                ('neutron-linuxbridge',),
                self._once(resources.network),
            ),
        }
        for name, running in self._processes.items():
            self._work[name] = (running.service.after, running.start)
        self._done = {name: threading.Event() for name in self._work}

    def run(self) -> None:
        """Start everything, and answer until the end."""
        signal.signal(signal.SIGTERM, lambda *_: self._end.set())
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        furniture.mounts(self._cloud)
        with control.serve(self._cloud, self._answer):
            threading.Thread(target=self._boot, daemon=True).start()
            self._end.wait()
            self._stop()

    def _boot(self) -> None:
        threads = [
            threading.Thread(target=self._do, args=(name,), daemon=True)
            for name in self._work
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if self._failure is None:
            self._say('ready')
            self._ready = True

    def _do(self, name: str) -> None:
        before, work = self._work[name]
        for one in before:
            while not self._done[one].wait(0.5):
                if self._failure is not None:
                    return
        if self._failure is not None:
            return
        try:
            work()
        except errors.DevcloudError as error:
            self._failure = self._failure or error
        except Exception as error:  # the reason must reach the user
            traceback.print_exc()
            self._failure = self._failure or errors.DevcloudError(
                f'{name}: {error!r}', 'the whole is in log/supervisor.log'
            )
        else:
            self._say(name)
            self._done[name].set()

    def _say(self, what: str) -> None:
        line = f'{time.monotonic() - self._began:6.1f} {what}'
        self._lines.append(line)
        sys.stderr.write(f'{line}\n')
        sys.stderr.flush()

    def _once(
        self, make: Callable[[instance.Instance], None]
    ) -> Callable[[], None]:
        made = self._cloud.state / 'made' / make.__name__

        def work() -> None:
            if not made.exists():
                make(self._cloud)
                made.parent.mkdir(exist_ok=True)
                made.touch()

        return work

    def _databases(self) -> None:
        if (self._cloud.state / 'synchronised').exists():
            return
        databases.install(self._cloud)
        mariadb = process.Process(
            self._cloud, self._processes['mariadb'].service
        )
        mariadb.start()
        try:
            databases.synchronise(self._cloud)
        finally:
            mariadb.stop()
        (self._cloud.state / 'synchronised').touch()
        saved.save(self._cloud)

    def _stop(self) -> None:
        # MariaDB last, and whole.
        others = [
            running
            for name, running in self._processes.items()
            if name != 'mariadb'
        ]
        for running in others:
            running.terminate()
        deadline = time.monotonic() + 3
        while time.monotonic() < deadline and any(
            running.pid for running in others
        ):
            time.sleep(0.1)
        for running in others:
            running.kill()
        self._processes['mariadb'].stop()

    def _answer(self, question: dict[str, Any]) -> dict[str, Any]:
        match question:
            case {'do': 'status'}:
                return self._status()
            case {'do': 'start' | 'stop' | 'kill' as action, 'name': name}:
                if name not in self._processes:
                    raise errors.DevcloudError(
                        f'there is no service {name}',
                        f'there are: {", ".join(self._processes)}',
                    )
                getattr(self._processes[name], action)()
                return {}
            case {'do': 'mend'}:
                return {'mended': self._mend()}
        raise errors.DevcloudError(f'not a question: {question}')

    def _mend(self) -> list[str]:
        overridden = self._cloud.overrides()
        self._cloud.override({})
        now = time.time()
        for name in overridden:
            self._processes[name].stop()
        down = [
            running
            for running in self._processes.values()
            if running.state != 'ready'
        ]
        # What others stand on, one after the other; then these at once, for
        # some are ready only when others are.
        for running in down:
            if running.service.name in services.FOUNDATIONS:
                running.start()
        self._together([running.start for running in down])
        disturbed = [
            running
            for running in self._processes.values()
            if running.disturbed
        ]
        if any(one.service.name in services.SHARED for one in disturbed):
            # Each has a connection of its own to find again.
            self._together(
                [
                    functools.partial(running.wait, since=now)
                    for running in self._processes.values()
                ]
            )
        for running in disturbed:
            running.disturbed = False
        return [running.service.name for running in down]

    @staticmethod
    def _together(work: list[Callable[[], None]]) -> None:
        with futures.ThreadPoolExecutor(max_workers=32) as pool:
            for done in [pool.submit(one) for one in work]:
                done.result()

    def _status(self) -> dict[str, Any]:
        return {
            'ready': self._ready,
            'failure': self._failure
            and [str(self._failure), self._failure.hint],
            'lines': self._lines,
            'overrides': self._cloud.overrides(),
            'services': [
                {'name': name, 'state': running.state, 'pid': running.pid}
                for name, running in self._processes.items()
            ],
        }
