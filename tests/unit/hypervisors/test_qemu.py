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

import dataclasses
import os
import uuid
from pathlib import Path

import pytest

from image_pipeline import artifact, exceptions
from image_pipeline.host import cancellation
from image_pipeline.hypervisors import base, qemu
from image_pipeline.store import cache as store_cache
from image_pipeline.testing import fakes, hypervisor
from image_pipeline.testing.conformance import hypervisor as conformance


def record(path: Path, **changes: object) -> artifact.ImageRecord:
    made = artifact.ImageRecord(
        id='1',
        name='candidate',
        final_name='debian-12',
        state=artifact.ImageState.CANDIDATE,
        sha256='',
        sha512='',
        size=path.stat().st_size,
        virtual_size=path.stat().st_size,
        format='raw',
        visibility='private',
        hidden=True,
        created_at='2026-01-01T00:00:00Z',
        path=path,
    )
    return dataclasses.replace(made, **changes)  # type: ignore[arg-type]


def image(folder: Path) -> artifact.ImageRecord:
    path = folder / 'disk.raw'
    path.write_bytes(bytes(1 << 16))
    return record(path)


class TestQemu(conformance.HypervisorConformance):
    def make(self, cache: store_cache.Cache) -> base.Hypervisor:
        return qemu.QemuHypervisor(fakes.target(), cache=cache, accel='tcg')

    def image(self, folder: Path) -> artifact.ImageRecord:
        return image(folder)


class TestFake(conformance.HypervisorConformance):
    def make(self, cache: store_cache.Cache) -> base.Hypervisor:
        return hypervisor.FakeHypervisor(fakes.target(), cache=cache)

    def image(self, folder: Path) -> artifact.ImageRecord:
        return image(folder)


class Bench:
    """A QEMU hypervisor on a host on which nothing runs."""

    def __init__(self, folder: Path) -> None:
        self.host = fakes.FakeHost()
        self.work_dir = folder / 'work'
        self.work_dir.mkdir()
        self.image = image(folder)
        self.seed = base.Seed(
            instance_id=str(uuid.uuid4()),
            hostname='smoke',
            public_key='ssh-ed25519 AAAA x',
            user_data=b'#!/bin/sh\n',
        )
        self.shape = base.Shape(
            firmware=base.Firmware.BIOS,
            vcpus=2,
            memory_bytes=512 << 20,
            disk_bytes=4 << 30,
        )
        self.qemu = qemu.QemuHypervisor(
            fakes.target(),
            cache=store_cache.Cache(folder / 'cache'),
            accel='tcg',
        )

    def boot(self, **changes: object):  # type: ignore[no-untyped-def]
        given = {
            'seed': self.seed,
            'shape': self.shape,
            'work_dir': self.work_dir,
            'host': self.host,
            'cancelled': cancellation.CancellationToken(),
            'undo': lambda record: None,
        }
        return self.qemu.boot(self.image, **given | changes)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_guest_writes_to_an_overlay_whose_backing_format_is_said(
    bench: Bench,
) -> None:
    with bench.boot():
        pass
    argv = bench.host.argvs[0]
    assert argv[:2] == ('qemu-img', 'create')
    assert argv[argv.index('-F') + 1] == 'raw'
    assert argv[argv.index('-b') + 1] == str(bench.image.path)
    assert argv[-2:] == ('overlay.qcow2', str(4 << 30))


def test_disk_is_never_smaller_than_the_image(bench: Bench) -> None:
    bench.image = dataclasses.replace(bench.image, virtual_size=9 << 30)
    with bench.boot() as instance:
        assert instance.describe()['disk'] == 9 << 30
    assert bench.host.argvs[0][-1] == str(9 << 30)


def test_files_are_gone_after_the_boot_but_for_its_logs(
    bench: Bench,
) -> None:
    with bench.boot() as instance:
        (bench.work_dir / 'console.log').write_bytes(b'hello')
        assert (bench.work_dir / 'seed.iso').exists()
        assert instance.console() == b'hello'
    left = {path.name for path in bench.work_dir.iterdir()}
    assert left == {'console.log', 'qemu.log'}


def test_failed_boot_can_be_kept_with_a_script_to_boot_it_again(
    bench: Bench,
) -> None:
    with pytest.raises(KeyError), bench.boot(keep_on_failure=True):
        raise KeyError
    start = bench.work_dir / 'start'
    assert os.access(start, os.X_OK)
    assert 'stdio,id=console,mux=on' in start.read_text()
    assert (bench.work_dir / 'seed.iso').exists()


def test_qemu_that_ends_at_once_is_an_error_with_its_last_words(
    bench: Bench,
) -> None:
    bench.host.answer(
        '/usr/bin/qemu-system-x86_64',
        stderr='qemu: could not open disk\n',
        returncode=1,
    )
    with (
        pytest.raises(exceptions.SmokeTestFailed) as caught,
        bench.boot(),
    ):
        pytest.fail('the body must not be reached')
    assert 'could not open disk' in caught.value.message
    assert not (bench.work_dir / 'seed.iso').exists()


def test_image_in_a_cloud_cannot_be_booted_here(bench: Bench) -> None:
    bench.image = dataclasses.replace(bench.image, path=None)
    with pytest.raises(exceptions.StageFailed), bench.boot():
        pytest.fail('the body must not be reached')


def test_missing_qemu_is_named_with_its_package(bench: Bench) -> None:
    bench.host.missing.add('qemu-system-x86_64')
    with pytest.raises(exceptions.StageFailed) as caught:
        bench.qemu.time_factor(bench.host)
    assert 'qemu-system-x86' in (caught.value.hint or '')


def test_emulated_guests_get_more_time(bench: Bench) -> None:
    assert bench.qemu.time_factor(bench.host) == qemu.EMULATION_FACTOR > 1


def test_undo_removes_the_files_of_a_boot_that_was_killed(
    bench: Bench,
) -> None:
    records: list[artifact.UndoRecord] = []
    for name in ('overlay.qcow2', 'seed.iso', 'console.log'):
        (bench.work_dir / name).touch()
    with bench.boot(undo=records.append):
        pass
    (bench.work_dir / 'overlay.qcow2').touch()
    bench.qemu.undo(records[0].arguments)
    left = {path.name for path in bench.work_dir.iterdir()}
    assert left == {'console.log', 'qemu.log'}
