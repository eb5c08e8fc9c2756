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

"""A server that runs: how often Nova is asked, and what may be done to it."""

from typing import Any, cast

import pytest

from image_pipeline import exceptions
from image_pipeline.clouds import cloud as clouds_cloud
from image_pipeline.hypervisors import (
    base,
    nova_choose,
    nova_console,
    nova_instance,
)
from image_pipeline.testing import fake_compute

TINY = nova_choose.Flavor(
    id='id-tiny', name='tiny', ram_mib=256, vcpus=1, disk_gib=1
)


class Bench:
    def __init__(self, **made: Any) -> None:
        self.cloud = fake_compute.FakeCloud()
        self.cloud.compute.create_keypair(name='k', public_key='ssh')
        self.server = self.cloud.compute.create_server(
            name='n',
            key_name='k',
            networks='none',
            metadata={},
            config_drive=True,
        )
        self.printed = 'boot one\n'
        self.asked = 0
        self.cloud.compute.prints = self._print
        self.now = 1000.0
        values: dict[str, Any] = {
            'flavor': TINY,
            'network': None,
            'hostname': 'h',
            'disk_bytes': 1 << 30,
            'config_drive': True,
            'volume': False,
            'seconds': 3.0,
        }
        self.instance = nova_instance.NovaInstance(
            cast(clouds_cloud.Cloud, self.cloud),
            self.server,
            made=nova_instance.Made(**values | made),
            wait=self._wait,
            facts={'cloud': 'fake'},
            clock=lambda: self.now,
        )

    def _print(self, server: Any) -> str:
        self.asked += 1
        return self.printed

    def _wait(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_console_is_asked_for_once_a_second_at_most(bench: Bench) -> None:
    for _ in range(10):
        assert bench.instance.console() == b'boot one\n'
    assert bench.asked == 1
    bench.now += 1
    bench.instance.console()
    assert bench.asked == 2


def test_console_is_asked_for_more_seldom_later(bench: Bench) -> None:
    bench.now += 3600
    bench.instance.console()
    bench.now += 4
    bench.instance.console()
    assert bench.asked == 1


@pytest.mark.parametrize(
    'error',
    [
        exceptions.NotFound('no console yet'),
        exceptions.StateConflict('not ready'),
        exceptions.Unavailable('down for a moment'),
    ],
)
def test_console_that_cannot_be_had_is_what_it_was(
    bench: Bench, error: Exception
) -> None:
    assert bench.instance.console()

    def fail(server: Any) -> str:
        raise error

    bench.cloud.compute.prints = fail
    bench.now += 5
    assert bench.instance.console() == b'boot one\n'


def test_console_of_a_server_that_is_gone_stays(bench: Bench) -> None:
    bench.instance.console()
    bench.instance.close()
    bench.now += 60
    assert bench.instance.console() == b'boot one\n'
    assert not bench.instance.running()
    assert bench.asked == 1


@pytest.mark.parametrize(
    ('status', 'runs'),
    [('ACTIVE', True), ('REBOOT', True), ('SHUTOFF', False), ('ERROR', False)],
)
def test_state_says_whether_it_runs(
    bench: Bench, status: str, runs: bool
) -> None:
    bench.server.status = status
    assert bench.instance.running() is runs


def test_server_that_somebody_deleted_does_not_run(bench: Bench) -> None:
    bench.cloud.compute.all.clear()
    assert not bench.instance.running()


def test_addresses_are_those_that_nova_tells(bench: Bench) -> None:
    assert bench.instance.addresses() == ()
    bench.server.addresses = {'net': [{'addr': '10.0.0.5'}, {'addr': None}]}
    bench.instance.running()
    assert bench.instance.addresses() == ('10.0.0.5',)
    assert '10.0.0.5' in bench.instance.reach()


def test_reboot_keeps_what_was_printed_before(bench: Bench) -> None:
    bench.instance.console()
    bench.instance.change(base.Change.REBOOT)
    assert 'reboot_server' in bench.cloud.calls
    bench.printed = 'boot two\n'
    bench.now += 5
    assert bench.instance.console() == (
        b'boot one\n' + nova_console.AGAIN + b'boot two\n'
    )


def test_resize_takes_the_next_flavor_and_is_confirmed(bench: Bench) -> None:
    bench.instance.change(base.Change.RESIZE)
    assert bench.cloud.calls[-2:] == [
        'resize_server',
        'confirm_server_resize',
    ]
    facts = bench.instance.describe()
    assert facts['flavor'] == 'small'
    assert facts['disk'] == 5 << 30


def test_resize_needs_a_larger_flavor(bench: Bench) -> None:
    bench.cloud.compute.kinds = bench.cloud.compute.kinds[:1]
    with pytest.raises(base.NotOffered, match='no flavor larger than tiny'):
        bench.instance.change(base.Change.RESIZE)


def test_rescue_ends_with_the_own_disk(bench: Bench) -> None:
    bench.instance.change(base.Change.RESCUE)
    assert bench.server.status == 'RESCUE'
    assert bench.instance.running()
    bench.instance.changed(base.Change.RESCUE)
    assert bench.server.status == 'ACTIVE'


def test_server_on_a_volume_is_not_rescued() -> None:
    bench = Bench(volume=True)
    with pytest.raises(base.NotOffered, match='volume'):
        bench.instance.change(base.Change.RESCUE)


@pytest.mark.parametrize(
    ('change', 'call'),
    [
        (base.Change.REBOOT, 'reboot_server'),
        (base.Change.RESIZE, 'resize_server'),
        (base.Change.RESCUE, 'rescue_server'),
    ],
)
def test_refusal_means_that_it_is_not_offered(
    bench: Bench, change: base.Change, call: str
) -> None:
    bench.cloud.failures[call] = exceptions.Forbidden('policy says no')
    with pytest.raises(base.NotOffered, match='policy says no'):
        bench.instance.change(change)


def test_change_that_ends_in_error_is_a_failure(bench: Bench) -> None:
    bench.server.status = 'ERROR'
    bench.server.fault = {'message': 'out of luck'}
    with pytest.raises(exceptions.StageFailed, match='out of luck'):
        bench.instance.change(base.Change.REBOOT)


def test_change_that_nova_took_back_is_not_offered(bench: Bench) -> None:
    bench.cloud.compute.events = ['conductor_migrate_server']

    def refuse(server_id: str, flavor_id: str) -> None:
        pass

    bench.cloud.compute.resize_server = refuse  # type: ignore[method-assign]
    with pytest.raises(base.NotOffered, match='conductor_migrate_server'):
        bench.instance.change(base.Change.RESIZE)


def test_change_that_takes_for_ever_is_given_up(bench: Bench) -> None:
    bench.server.task_state = 'rebooting'
    with pytest.raises(exceptions.StageFailed, match='within 600 s'):
        bench.instance.change(base.Change.REBOOT)
