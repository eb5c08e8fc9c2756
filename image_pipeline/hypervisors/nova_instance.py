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

"""A server of Nova's that we booted, and what may be done to it."""

import contextlib
import dataclasses
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from image_pipeline import exceptions
from image_pipeline.clouds import cloud as clouds_cloud
from image_pipeline.hypervisors import (
    base,
    nova_choose,
    nova_console,
    nova_faults,
    nova_parts,
)

# Seconds between two looks, by how long it has been looked at: the first
# answers come soon or late.
_CONSOLE_EVERY = ((60.0, 1.0), (300.0, 2.0))
_CONSOLE_LATER = 5.0
_STATUS_EVERY = 5.0
#: Seconds that a server may take to start again; Nova gives a guest 120 to
#: stop (``wait_soft_reboot_seconds``) before it pulls the plug.
CHANGE_LIMIT = 600.0
_RUNS = frozenset(
    {
        'ACTIVE',
        'BUILD',
        'REBOOT',
        'HARD_REBOOT',
        'RESIZE',
        'VERIFY_RESIZE',
        'RESCUE',
        'PASSWORD',
    }
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Made:
    """What a server was made of.

    :param flavor: its flavor.
    :param network: its network, if it has one.
    :param hostname: what it is told that its name is.
    :param disk_bytes: its root disk.
    :param config_drive: whether it has one.
    :param volume: whether its root disk is a volume.
    :param seconds: from the request until it ran.
    """

    flavor: nova_choose.Flavor
    network: nova_choose.Network | None
    hostname: str
    disk_bytes: int
    config_drive: bool
    volume: bool
    seconds: float


class NovaInstance(base.Instance):
    """A server that runs.

    :param cloud: where.
    :param server: as Nova tells it.
    :param made: of what it was made.
    :param wait: sleeps; raises if the run is cancelled.
    :param facts: for the report.
    :param clock: tells seconds.
    """

    def __init__(
        self,
        cloud: clouds_cloud.Cloud,
        server: Any,
        *,
        made: Made,
        wait: nova_parts.Wait,
        facts: Mapping[str, Any],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.id = str(server.id)
        self._cloud = cloud
        self._server = server
        self._made = made
        self._wait = wait
        self._facts = dict(facts)
        self._clock = clock
        self._console = nova_console.Gathered()
        self._began = clock()
        self._console_at = self._status_at = -1e9
        self._running = True
        self._closed = False

    def close(self) -> None:
        """Note that it is taken down."""
        self._closed = True

    def console(self) -> bytes:
        """Return all that the serial console printed so far.

        Nova is asked at most once a second, and more seldom later.
        """
        now = self._clock()
        if not self._closed and now - self._console_at >= self._every(now):
            self._console_at = now
            self._read()
        return self._console.text

    def _every(self, now: float) -> float:
        for until, every in _CONSOLE_EVERY:
            if now - self._began < until:
                return every
        return _CONSOLE_LATER

    def _read(self) -> None:
        # It has none yet (404, 409), or Nova is down for a moment: whether
        # the server is there at all is another question.
        quiet = (
            exceptions.NotFound,
            exceptions.StateConflict,
            exceptions.Unavailable,
        )
        with (
            contextlib.suppress(*quiet),
            self._cloud.translated('Nova', 'read a console'),
        ):
            said = self._cloud.compute.get_server_console_output(self.id)
            text = said.get('output') or ''
            self._console.feed(text.encode(errors='replace'))

    def running(self) -> bool:
        """Whether it still runs."""
        if self._closed:
            return False
        now = self._clock()
        if now - self._status_at >= _STATUS_EVERY:
            self._status_at = now
            try:
                self._look()
                self._running = self._server.status in _RUNS
            except exceptions.NotFound:
                self._running = False
        return self._running

    def _look(self) -> Any:
        with self._cloud.translated('Nova', f'look at server {self.id}'):
            self._server = self._cloud.compute.get_server(self.id)
        return self._server

    def addresses(self) -> tuple[str, ...]:
        """Return its addresses; not all may be reached from here."""
        return tuple(
            str(one['addr'])
            for each in (self._server.addresses or {}).values()
            for one in each
            if one.get('addr')
        )

    def describe(self) -> Mapping[str, Any]:
        """Return flavor, network and zone."""
        flavor = self._made.flavor
        return {
            **self._facts,
            'flavor': flavor.name,
            'vcpus': flavor.vcpus,
            'memory': flavor.ram_mib * nova_choose.MIB,
            'disk': self._made.disk_bytes,
        }

    def reach(self) -> str:
        """Return how a person gets to it."""
        cloud = f'openstack --os-cloud {self._cloud.name}'
        said = f'{cloud} console log show {self.id}'
        addresses = self.addresses()
        if addresses:
            said += f', or by SSH at {", ".join(addresses)}'
        return f'server {self.id} is left: {said}'

    def as_booted(
        self, seed: base.Seed, shape: base.Shape
    ) -> tuple[base.Seed, base.Shape]:
        """Return id and name that Nova gave it, and the flavor's sizes.

        :param seed: what it was to be told.
        :param shape: the machine that was asked for.
        """
        made = self._made
        return (
            dataclasses.replace(
                seed, instance_id=self.id, hostname=made.hostname
            ),
            dataclasses.replace(
                shape,
                vcpus=made.flavor.vcpus,
                memory_bytes=made.flavor.ram_mib * nova_choose.MIB,
                disk_bytes=made.disk_bytes,
                config_drive=made.config_drive,
            ),
        )

    def change(self, change: base.Change) -> None:
        """Reboot, resize or rescue it; see the contract.

        :param change: what to do.
        :raises NotOffered: the cloud does not do that.
        :raises StageFailed: it did not work.
        """
        # The last words before it goes.
        self._read()
        {
            base.Change.REBOOT: self._reboot,
            base.Change.RESIZE: self._resize,
            base.Change.RESCUE: self._rescue,
        }[change]()
        self._running = True
        self._status_at = self._clock()
        self._began = self._clock()

    def changed(self, change: base.Change) -> None:
        """Bring it back to its own disk after a rescue.

        :param change: what was done.
        """
        if change is base.Change.RESCUE:
            self._console.restarted()
            with self._cloud.translated('Nova', 'end the rescue'):
                self._cloud.compute.unrescue_server(self.id)
            self._settle('ACTIVE', 'end the rescue')

    def _reboot(self) -> None:
        self._console.restarted()
        with self._asked('reboot a server'):
            self._cloud.compute.reboot_server(self.id, 'SOFT')
        self._settle('ACTIVE', 'reboot')

    def _rescue(self) -> None:
        if self._made.volume:
            raise base.NotOffered('a server on a volume is not rescued')
        self._console.restarted()
        with self._asked('rescue a server'):
            self._cloud.compute.rescue_server(self.id)
        self._settle('RESCUE', 'go to rescue')

    def _resize(self) -> None:
        known = nova_choose.flavors(self._cloud)
        flavor = nova_choose.larger(known, self._made.flavor)
        if flavor is None:
            raise base.NotOffered(
                f'there is no flavor larger than {self._made.flavor}'
            )
        self._console.restarted()
        with self._asked('resize a server'):
            self._cloud.compute.resize_server(self.id, flavor.id)
        self._settle('VERIFY_RESIZE', 'resize')
        with self._cloud.translated('Nova', 'confirm a resize'):
            self._cloud.compute.confirm_server_resize(self.id)
        self._settle('ACTIVE', 'resize')
        self._made = dataclasses.replace(
            self._made,
            flavor=flavor,
            disk_bytes=max(
                self._made.disk_bytes, flavor.disk_gib * nova_choose.GIB
            )
            if not self._made.volume
            else self._made.disk_bytes,
        )

    @contextlib.contextmanager
    def _asked(self, doing: str) -> Iterator[None]:
        """Take a refusal for what it is: the cloud does not offer it."""
        try:
            with self._cloud.translated('Nova', doing):
                yield
        except (
            exceptions.StageFailed,
            exceptions.StateConflict,
            exceptions.NotFound,
        ) as exc:
            raise base.NotOffered(exc.message) from exc

    def _settle(self, wanted: str, doing: str) -> None:
        """Wait until it is in a state and nothing is done to it.

        :raises NotOffered: it came back to where it was, by itself.
        :raises StageFailed: it went to ERROR, or takes too long.
        """
        end = self._clock() + CHANGE_LIMIT
        while True:
            server = self._look()
            if not server.task_state:
                if server.status == wanted:
                    return
                failed = nova_faults.failed_events(self._cloud, self.id)
                if server.status == 'ERROR':
                    said = (server.fault or {}).get('message') or 'no reason'
                    raise exceptions.StageFailed(
                        f'server {self.id} did not {doing}: {said}'
                    )
                if server.status == 'ACTIVE' and failed:
                    raise base.NotOffered(
                        f'the cloud could not {doing} it: {", ".join(failed)}'
                    )
            if self._clock() > end:
                raise exceptions.StageFailed(
                    f'server {self.id} did not {doing} within '
                    f'{CHANGE_LIMIT:.0f} s: {server.status}, '
                    f'{server.task_state or "nothing is done to it"}'
                )
            self._wait(nova_parts.POLL)
