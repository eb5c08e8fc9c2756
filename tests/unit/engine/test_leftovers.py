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

"""What dead runs left in clouds: who is asked, and for how long."""

import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest

from image_pipeline import exceptions
from image_pipeline.conf import settings as conf_settings
from image_pipeline.engine import leftovers, targets
from image_pipeline.hypervisors import base
from image_pipeline.store import store as store_module
from image_pipeline.testing import fakes

FOUND = base.Leftover(name='image-pipeline-r-0', run_id='r', kinds=('server',))


class Cloud:
    """A hypervisor and a catalogue in which runs have left things."""

    found: ClassVar[list[base.Leftover]] = []
    error: ClassVar[Exception | None] = None
    asked: ClassVar[list[Any]] = []
    hold: ClassVar[threading.Event | None] = None

    def reap(self, **options: Any) -> Iterator[base.Leftover]:
        self.asked.append(options)
        if self.hold:
            self.hold.wait()
        if self.error:
            raise self.error
        yield from self.found

    def recover(self) -> Iterable[str]:
        return ['removed the half registered image 4f1c']

    def leftovers(self) -> Iterable[str]:
        return ['the half registered image 4f1c']


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> type[Cloud]:
    class Fresh(Cloud):
        found: ClassVar[list[base.Leftover]] = [FOUND]
        asked: ClassVar[list[Any]] = []

    monkeypatch.setattr(targets, 'hypervisor', lambda *_: Fresh())
    monkeypatch.setattr(targets, 'catalogue', lambda *_: Fresh())
    return Fresh


@pytest.fixture
def store(tmp_path: Path) -> store_module.Store:
    return store_module.Store(tmp_path / 'state')


LOCAL = fakes.target()
REMOTE = fakes.target('there', cloud='there')


def clouds(
    store: store_module.Store, *chosen: conf_settings.Target, **options: Any
) -> list[leftovers.Reaped]:
    return list(
        leftovers.clouds(
            chosen,
            settings=fakes.settings(store.runs.root.parent),
            store=store,
            **options,
        )
    )


def test_servers_and_images_of_clouds_are_looked_for(
    cloud: type[Cloud], store: store_module.Store
) -> None:
    found = clouds(store, LOCAL, REMOTE)
    assert [one.what for one in found] == [
        'image-pipeline-r-0 (server)',
        'removed the half registered image 4f1c',
    ]
    assert {one.target for one in found} == {'there'}


def test_dry_run_changes_nothing(
    cloud: type[Cloud], store: store_module.Store
) -> None:
    found = clouds(store, REMOTE, dry_run=True)
    assert found[0].what == 'image-pipeline-r-0 (server)'
    assert not any('removed' in one.what for one in found)
    assert cloud.asked[0]['dry_run'] is True


def test_cloud_that_cannot_be_asked_is_a_line_with_the_reason(
    cloud: type[Cloud], store: store_module.Store
) -> None:
    cloud.error = exceptions.Unavailable('Nova is down')
    found = clouds(store, REMOTE)
    assert found[0].problem == 'Nova is down'
    assert found[1].problem == ''


def test_run_that_is_not_known_here_is_neither_dead_nor_alive(
    store: store_module.Store,
) -> None:
    store.prepare()
    tell = leftovers.alive(store)
    assert tell('20260101-000000-none-0000') is None
    with store.runs.create('', manifest={}, run_id='r-1'):
        assert tell('r-1') is True
    assert tell('r-1') is False


def quickly(
    store: store_module.Store, *chosen: conf_settings.Target, seconds: float
) -> list[leftovers.Reaped]:
    told: list[leftovers.Reaped] = []
    leftovers.quickly(
        chosen,
        settings=fakes.settings(store.runs.root.parent),
        store=store,
        told=told.append,
        seconds=seconds,
    )
    return told


def test_bake_tells_what_it_removed(
    cloud: type[Cloud], store: store_module.Store
) -> None:
    (found,) = quickly(store, REMOTE, seconds=60)
    assert found.what == 'image-pipeline-r-0 (server)'


def test_bake_on_this_host_asks_nobody(
    cloud: type[Cloud], store: store_module.Store
) -> None:
    assert quickly(store, LOCAL, seconds=60) == []
    assert cloud.asked == []


def test_bake_says_nothing_of_a_cloud_that_cannot_be_asked(
    cloud: type[Cloud], store: store_module.Store
) -> None:
    cloud.error = RuntimeError('whatever it is')
    assert quickly(store, REMOTE, seconds=60) == []


def test_bake_does_not_wait_for_a_cloud_that_is_slow(
    cloud: type[Cloud], store: store_module.Store
) -> None:
    cloud.hold = threading.Event()
    try:
        assert quickly(store, REMOTE, seconds=0.01) == []
    finally:
        cloud.hold.set()
