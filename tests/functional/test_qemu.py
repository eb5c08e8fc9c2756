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

"""QEMU on this host: the contract, the acceleration probe, broken disks."""

import dataclasses
import subprocess
import uuid
from pathlib import Path

import pytest

from image_pipeline import artifact, exceptions
from image_pipeline.host import cancellation, process
from image_pipeline.hypervisors import acceleration, base, qemu
from image_pipeline.store import cache as store_cache
from image_pipeline.testing import fakes
from image_pipeline.testing.conformance import hypervisor as conformance

_SOURCE = Path(acceleration.__file__).with_name('kvm_probe.S')


def record(path: Path) -> artifact.ImageRecord:
    return artifact.ImageRecord(
        id='1',
        name='candidate',
        final_name='broken',
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


class TestQemu(conformance.HypervisorConformance):
    """The real program on a disk without a boot loader."""

    def make(self, cache: store_cache.Cache) -> base.Hypervisor:
        return qemu.QemuHypervisor(fakes.target(), cache=cache, accel='tcg')

    def image(self, folder: Path) -> artifact.ImageRecord:
        path = folder / 'disk.raw'
        path.write_bytes(bytes(1 << 20))
        return record(path)

    def host(self) -> process.Runner:
        return process.Host(run_id='conformance')


class TestQemuUnderUefi(TestQemu):
    """The same with UEFI firmware."""

    shape = dataclasses.replace(
        conformance.HypervisorConformance.shape,
        firmware=base.Firmware.UEFI,
    )


def test_guest_of_the_probe_is_made_of_its_source(tmp_path: Path) -> None:
    host = process.Host()
    if not host.which('as') or not host.which('ld'):
        pytest.skip('binutils are not installed')
    subprocess.run(
        ['as', '--64', '-o', 'probe.o', _SOURCE], cwd=tmp_path, check=True
    )
    subprocess.run(
        [
            'ld',
            '-m',
            'elf_x86_64',
            '-Ttext',
            '0x100000',
            '--oformat',
            'binary',
            '-e',
            'start',
            '-o',
            'probe.bin',
            'probe.o',
        ],
        cwd=tmp_path,
        check=True,
    )
    assert (tmp_path / 'probe.bin').read_bytes() == acceleration.GUEST


def test_guest_of_the_probe_gets_through_where_guests_run() -> None:
    host = process.Host()
    program = host.which(qemu.PROGRAM)
    assert program
    # Emulation always runs guests, if slower than any accelerator; so a
    # guest that fails here would accuse every host's KVM.
    found = acceleration.probe(program, host=host, accel='tcg', bound=60)
    assert found.reason == 'a tiny guest got through with it'


def test_answer_for_this_host_comes_within_the_bound(tmp_path: Path) -> None:
    host = process.Host()
    hypervisor = qemu.QemuHypervisor(
        fakes.target(), cache=store_cache.Cache(tmp_path)
    )
    first = hypervisor.acceleration(host)
    assert first.name in {'kvm', 'tcg'}
    again = qemu.QemuHypervisor(
        fakes.target(), cache=store_cache.Cache(tmp_path)
    )
    # Remembered on disk: this host must not be asked again.
    assert again.acceleration(fakes.FakeHost()) == first


def test_cancelled_run_leaves_no_qemu_behind(tmp_path: Path) -> None:
    cancelled = cancellation.CancellationToken()
    host = process.Host(run_id='a-run', cancelled=cancelled)
    disk = tmp_path / 'disk.raw'
    disk.write_bytes(bytes(1 << 20))
    hypervisor = qemu.QemuHypervisor(
        fakes.target(), cache=store_cache.Cache(tmp_path), accel='tcg'
    )
    work_dir = tmp_path / 'work'
    work_dir.mkdir()
    seed = base.Seed(
        instance_id=str(uuid.uuid4()),
        hostname='smoke',
        public_key='ssh-ed25519 AAAA x',
        user_data=b'',
    )
    with (
        pytest.raises(exceptions.Interrupted),
        hypervisor.boot(
            record(disk),
            seed=seed,
            shape=conformance.HypervisorConformance.shape,
            work_dir=work_dir,
            host=host,
            cancelled=cancelled,
            undo=lambda record: None,
        ) as instance,
    ):
        assert seed.instance_id in _running()
        cancelled.cancel('SIGTERM')
        cancelled.wait(60)
    assert not instance.running()
    assert seed.instance_id not in _running()


def _running() -> str:
    """The command lines of every process."""
    lines = []
    for path in Path('/proc').glob('[0-9]*/cmdline'):
        try:
            lines.append(path.read_bytes().decode(errors='replace'))
        except OSError:
            continue
    return '\n'.join(lines)
