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

"""What every hypervisor must do, as tests; see the package for their use."""

import abc
import contextlib
import json
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest

from image_pipeline import artifact, exceptions
from image_pipeline.host import cancellation, process
from image_pipeline.hypervisors import base
from image_pipeline.stages import keys
from image_pipeline.store import cache as store_cache
from image_pipeline.testing import fakes


class HypervisorConformance(abc.ABC):
    """The contract of a hypervisor.

    .. code-block:: python

        class TestMine(hypervisor.HypervisorConformance):
            def make(self, cache):
                return mine.MineHypervisor(fakes.target(), cache=cache)

            def image(self, folder):
                ...
    """

    #: The machine that is booted; as small as will do.
    shape = base.Shape(
        firmware=base.Firmware.BIOS,
        vcpus=1,
        memory_bytes=128 << 20,
        disk_bytes=64 << 20,
    )

    @abc.abstractmethod
    def make(self, cache: store_cache.Cache) -> base.Hypervisor:
        """Return the hypervisor under test.

        :param cache: its cache.
        """

    @abc.abstractmethod
    def image(self, folder: Path) -> artifact.ImageRecord:
        """Return an image that may be booted; it need not get anywhere.

        :param folder: an empty folder.
        """

    def host(self) -> process.Runner:
        """Return the host that programs run on."""
        return fakes.FakeHost()

    @pytest.fixture
    def hypervisor(self, tmp_path: Path) -> base.Hypervisor:
        """Return the hypervisor under test."""
        return self.make(store_cache.Cache(tmp_path / 'cache'))

    @pytest.fixture
    def boot(self, hypervisor: base.Hypervisor, tmp_path: Path) -> '_Booter':
        """Return what boots the image."""
        folder = tmp_path / 'image'
        folder.mkdir()
        return _Booter(
            hypervisor, self.image(folder), self.shape, self.host(), tmp_path
        )

    def test_instance_runs_inside_and_not_after(self, boot: '_Booter') -> None:
        with boot() as instance:
            assert instance.id
            assert instance.running()
        assert not instance.running()

    def test_console_is_bytes_that_only_grow(self, boot: '_Booter') -> None:
        with boot() as instance:
            first = instance.console()
            assert isinstance(first, bytes)
            assert instance.console().startswith(first)

    def test_facts_are_json_and_addresses_text(self, boot: '_Booter') -> None:
        with boot() as instance:
            json.dumps(dict(instance.describe()))
            assert all(isinstance(one, str) for one in instance.addresses())

    def test_record_is_journaled_before_the_instance_is(
        self, boot: '_Booter'
    ) -> None:
        class StopError(Exception):
            pass

        def stop(record: artifact.UndoRecord) -> None:
            assert record.kind == 'hypervisor'
            json.dumps(dict(record.arguments))
            raise StopError

        # Where the journal cannot be written, nothing may be made.
        with pytest.raises(StopError), boot(undo=stop):
            pytest.fail('the body must not be reached')
        assert boot.files() == []

    def test_failure_in_the_body_is_handed_on_and_all_is_taken_down(
        self, boot: '_Booter'
    ) -> None:
        class OopsError(Exception):
            pass

        with pytest.raises(OopsError), boot() as instance:
            raise OopsError
        assert not instance.running()

    def test_image_itself_stays_untouched(self, boot: '_Booter') -> None:
        path = boot.image.path
        if path is None:
            pytest.skip('the image is not on this host')
        before = path.read_bytes(), path.stat().st_mtime_ns
        with boot():
            pass
        assert (path.read_bytes(), path.stat().st_mtime_ns) == before

    def test_undoing_takes_down_and_may_be_repeated(
        self, boot: '_Booter', hypervisor: base.Hypervisor
    ) -> None:
        records: list[artifact.UndoRecord] = []
        with boot(undo=records.append):
            pass
        for record in (*records, *records):
            hypervisor.undo(record.arguments)

    def test_two_instances_run_at_once_and_have_their_own_ids(
        self, boot: '_Booter'
    ) -> None:
        with boot() as one, boot() as other:
            assert one.running() and other.running()
            assert one.id != other.id

    def test_cancelled_run_boots_nothing(self, boot: '_Booter') -> None:
        token = cancellation.CancellationToken()
        token.cancel('a test')
        with pytest.raises(exceptions.Interrupted), boot(cancelled=token):
            pytest.fail('the body must not be reached')

    def test_time_factor_and_capacity_are_at_least_one(
        self, hypervisor: base.Hypervisor
    ) -> None:
        assert hypervisor.time_factor(self.host()) >= 1
        assert hypervisor.capacity(self.shape) >= 1

    def test_host_is_said_to_lack_a_firmware_in_words(
        self, hypervisor: base.Hypervisor
    ) -> None:
        for firmware in base.Firmware:
            lacks = hypervisor.lacks(firmware)
            assert lacks is None or len(lacks) > 10
        assert all(isinstance(name, str) for name in hypervisor.executables)


class _Booter:
    def __init__(
        self,
        hypervisor: base.Hypervisor,
        image: artifact.ImageRecord,
        shape: base.Shape,
        host: process.Runner,
        folder: Path,
    ) -> None:
        self.image = image
        self._hypervisor = hypervisor
        self._shape = shape
        self._host = host
        self._folder = folder
        self._count = 0

    def __call__(
        self,
        *,
        undo: Callable[[artifact.UndoRecord], None] = lambda record: None,
        cancelled: cancellation.CancellationToken | None = None,
    ) -> contextlib.AbstractContextManager[base.Instance]:
        self._count += 1
        work_dir = self._folder / f'boot-{self._count}'
        work_dir.mkdir()
        return self._hypervisor.boot(
            self.image,
            seed=base.Seed(
                instance_id=str(uuid.uuid4()),
                hostname=f'conformance-{self._count}',
                # A cloud looks whether it is one.
                public_key=keys.make(None),
                user_data=b'#!/bin/sh\ntrue\n',
            ),
            shape=self._shape,
            work_dir=work_dir,
            host=self._host,
            cancelled=cancelled or cancellation.CancellationToken(),
            undo=undo,
        )

    def files(self) -> list[str]:
        return sorted(
            path.name
            for folder in self._folder.glob('boot-*')
            for path in folder.iterdir()
        )
