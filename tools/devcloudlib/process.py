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


"""A service's processes: started, stopped, killed and watched."""

import contextlib
import os
import signal
import subprocess
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

from devcloudlib import config, errors, instance, services

#: Seconds for a service to get ready, on a machine that does other things.
_READY = 600
#: Seconds for a service to end by itself.
_END = 15

#: Ours, before the distribution's; each says why.
_PROGRAMS = Path(__file__).parent / 'programs'

#: What all services have, and nothing of whoever starts devcloud: a proxy of
#: the environment would be asked for our own addresses.
_ENVIRONMENT = {
    'PATH': f'{_PROGRAMS}:/usr/sbin:/usr/bin:/sbin:/bin',
    'LC_ALL': 'C.UTF-8',
    'HOME': '/root',
}


class Process:
    """A service that runs, or could.

    :param cloud: the devcloud.
    :param service: what to run.
    """

    def __init__(
        self, cloud: instance.Instance, service: services.Service
    ) -> None:
        self.service = service
        self._cloud = cloud
        self._popen: subprocess.Popen[bytes] | None = None
        self._since = 0.0
        self._stopped = False
        self._ready = False
        self._lock = threading.Lock()
        #: Whether it was stopped or killed since somebody set this to False.
        self.disturbed = False

    @property
    def state(self) -> str:
        """One of waiting, starting, ready, stopped and ended."""
        if self._popen is None:
            return 'stopped' if self._stopped else 'waiting'
        if self._popen.poll() is not None:
            return 'stopped' if self._stopped else 'ended'
        return 'ready' if self._ready else 'starting'

    @property
    def pid(self) -> int | None:
        """The process in the devcloud's own count, if it runs."""
        running = self.state in {'starting', 'ready'}
        return self._popen.pid if running and self._popen else None

    def start(self) -> None:
        """Start it, unless it runs, and wait until it is ready.

        :raises DevcloudError: if it ends, or is not ready in time.
        """
        with self._lock:
            if self.pid is None:
                self._spawn()
        self.wait(since=self._since)

    def wait(self, *, since: float) -> None:
        """Wait until it is ready.

        :param since: what it has said before is not believed, in seconds
            since the epoch.
        :raises DevcloudError: if it ends, or is not ready in time.
        """
        deadline = time.monotonic() + _READY
        while not services.is_ready(self.service, self._cloud, since):
            if self.pid is None:
                raise errors.DevcloudError(
                    f'{self.service.name} ended: {self._last_words()}',
                    f'its log: devcloud log {self.service.name}',
                )
            if time.monotonic() > deadline:
                raise errors.DevcloudError(
                    f'{self.service.name} is not ready after {_READY} s',
                    f'its log: devcloud log {self.service.name}',
                )
            time.sleep(0.2)
        self._ready = True

    def stop(self) -> None:
        """End it as a service manager would, and all that it started."""
        self.disturbed = True
        self._signal(signal.SIGTERM)
        if self._popen is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._popen.wait(_END)
        self.kill()

    def terminate(self) -> None:
        """Ask it to end, and do not wait."""
        self._stopped = True
        self._signal(signal.SIGTERM)

    def kill(self) -> None:
        """Kill it and all that it started, as a crash would."""
        self._stopped = self.disturbed = True
        if self._popen is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._popen.pid, signal.SIGKILL)
            self._popen.wait()

    def _signal(self, number: int) -> None:
        self._stopped = True
        if self._popen is not None and self._popen.poll() is None:
            self._popen.send_signal(number)

    def _spawn(self) -> None:
        name = self.service.name
        if name in config.CONFIGURABLE:
            config.write(self._cloud, name)
        if self._popen is not None:
            # What outlived it would hold its port.
            self.kill()
        with (self._cloud.log / f'{name}.log').open('a') as log:
            now = datetime.now(UTC).isoformat(timespec='seconds')
            log.write(f'{services.STARTED}{name} {now}\n')
            log.flush()
            self._since = time.time()
            self._ready = self._stopped = False
            self._popen = subprocess.Popen(
                self.service.argv,
                cwd='/',
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**_ENVIRONMENT, **self.service.env},
                start_new_session=True,
            )

    def _last_words(self) -> str:
        log = self._cloud.log / f'{self.service.name}.log'
        lines = log.read_text(errors='replace').splitlines()
        said = [line for line in lines[-50:] if line.strip()]
        return said[-1][-300:] if said else 'it said nothing'
