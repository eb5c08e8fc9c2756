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

"""QEMU on this host: the hypervisor of the target ``local``."""

import contextlib
import os
import shlex
import signal
import threading
import typing
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

from image_pipeline import artifact, exceptions
from image_pipeline.conf import settings as conf_settings
from image_pipeline.host import cancellation, process
from image_pipeline.hypervisors import (
    acceleration,
    base,
    config_drive,
    qemu_argv,
)
from image_pipeline.hypervisors import (
    firmware as uefi,
)
from image_pipeline.store import cache as store_cache

if typing.TYPE_CHECKING:
    import subprocess

#: The program that runs guests.
PROGRAM = 'qemu-system-x86_64'
#: By how much longer limits are without acceleration.  Debian 12 needed 52 s
#: from power-on to the end of cloud-init on two cores of which half was free,
#: and 155 s when two boots and a load of six shared them: eight times the
#: minute that hardware gets leaves room for both.
EMULATION_FACTOR = 8.0
# A QEMU that does not like its command line ends within this time.
_STARTS_WITHIN = 0.5
# Left to the host, and to what QEMU needs beside the guest's memory.
_SPARE_MEMORY = 512 << 20


class QemuInstance(base.Instance):
    """A guest that runs in a QEMU process of ours.

    :param instance_id: its UUID.
    :param process: the QEMU process.
    :param console_file: what its serial port printed.
    :param facts: for the report.
    """

    def __init__(
        self,
        instance_id: str,
        *,
        process: 'subprocess.Popen[bytes]',
        console_file: Path,
        facts: Mapping[str, Any],
    ) -> None:
        self.id = instance_id
        self._process = process
        self._console_file = console_file
        self._facts = dict(facts)

    def console(self) -> bytes:
        """Return all that the serial console printed so far."""
        try:
            return self._console_file.read_bytes()
        except FileNotFoundError:
            return b''

    def running(self) -> bool:
        """Whether it still runs."""
        return self._process.poll() is None

    def broken(self) -> bool:
        """Whether QEMU itself failed, rather than what runs in it."""
        return bool(self._process.poll())

    def addresses(self) -> tuple[str, ...]:
        """Return none: its network is closed."""
        return ()

    def describe(self) -> Mapping[str, Any]:
        """Return machine, acceleration and firmware."""
        return dict(self._facts)


class QemuHypervisor(base.Hypervisor):
    """Boot images with QEMU on this host; no network and no root needed."""

    executables: ClassVar[Mapping[str, str | None]] = {
        PROGRAM: None,
        'qemu-img': None,
    }

    def __init__(
        self,
        target: conf_settings.Target,
        *,
        cache: store_cache.Cache,
        accel: str = 'auto',
    ) -> None:
        super().__init__(target, cache=cache, accel=accel)
        # Boots in parallel must not probe in parallel: they would slow each
        # other's guest down.
        self._lock = threading.Lock()

    def acceleration(self, host: process.Runner) -> acceleration.Acceleration:
        """Return how guests run here; probed once.

        :param host: runs QEMU.
        :raises StageFailed: QEMU is missing.
        """
        with self._lock:
            return acceleration.decide(
                self.accel, qemu=_program(host), cache=self.cache, host=host
            )

    def time_factor(self, host: process.Runner) -> float:
        """Return by how much slower than hardware a guest runs here.

        :param host: runs QEMU.
        """
        accelerated = self.acceleration(host).name == 'kvm'
        return 1.0 if accelerated else EMULATION_FACTOR

    @classmethod
    def lacks(cls, firmware: base.Firmware) -> str | None:
        """Return why this host cannot start a firmware, or None.

        :param firmware: BIOS or UEFI.
        """
        if firmware is base.Firmware.UEFI:
            try:
                uefi.find(machine='q35')
            except exceptions.StageFailed as exc:
                return f'{exc.message}: {exc.hint}'
        return None

    def capacity(self, shape: base.Shape) -> int:
        """Return how many instances of a shape may run at once (>= 1).

        A processor each, and memory that is free now: the rest of the host
        is not pushed out.

        :param shape: the machine.
        """
        by_cpu = (os.cpu_count() or 1) // shape.vcpus
        free = _available_memory() - _SPARE_MEMORY
        return max(1, min(by_cpu, free // shape.memory_bytes))

    @contextlib.contextmanager
    def boot(
        self,
        image: artifact.ImageRecord,
        *,
        seed: base.Seed,
        shape: base.Shape,
        work_dir: Path,
        host: process.Runner,
        cancelled: cancellation.CancellationToken,
        undo: Callable[[artifact.UndoRecord], None],
        keep_on_failure: bool = False,
    ) -> Iterator[base.Instance]:
        """Boot a registered image on an overlay; see the contract.

        What is left with ``keep_on_failure`` is the overlay, the config
        drive and a script ``start`` that boots them again.

        :param image: the registered image; ``path`` must be set.
        :param seed: what the instance is told.
        :param shape: the machine.
        :param work_dir: for overlay, config drive and console log.
        :param host: runs QEMU.
        :param cancelled: stops waiting.
        :param undo: journals a record before the guest is started.
        :param keep_on_failure: leave the files when the body raises.
        """
        if image.path is None:
            raise exceptions.StageFailed(
                f'image {image.id} is not on this host, QEMU cannot boot it',
                hint='use a target whose catalogue is a directory',
            )
        accelerator = self.acceleration(host)
        # A disk cannot shrink: an image larger than the shape keeps its size.
        disk = max(shape.disk_bytes, image.virtual_size)
        console = work_dir / 'console.log'
        log = work_dir / 'qemu.log'
        undo(
            artifact.UndoRecord(
                kind='hypervisor',
                arguments={
                    'target': self.target.name,
                    'instance': seed.instance_id,
                    'folder': str(work_dir),
                },
            )
        )
        kept = False
        try:
            _create_overlay(work_dir, image, image.path, disk, host=host)
            config_drive.write(
                work_dir / 'seed.iso', seed, random_seed=os.urandom(512)
            )
            argv = qemu_argv.build(
                _program(host),
                accelerator,
                image=image,
                seed=seed,
                shape=shape,
                work_dir=work_dir,
                console=console,
            )
            _write_start(work_dir / 'start', argv)
            with host.start(argv, cwd=work_dir, log=log) as guest:
                instance = QemuInstance(
                    seed.instance_id,
                    process=guest,
                    console_file=console,
                    facts={
                        'machine': qemu_argv.machine_of(image, shape),
                        'accel': accelerator.name,
                        'accel_reason': accelerator.reason,
                        'firmware': shape.firmware.value,
                        'vcpus': shape.vcpus,
                        'memory': shape.memory_bytes,
                        'disk': disk,
                    },
                )
                _check_started(instance, log, cancelled)
                yield instance
        except BaseException:
            kept = keep_on_failure
            raise
        finally:
            if not kept:
                _remove(work_dir)

    def undo(self, arguments: Mapping[str, Any]) -> None:
        """Kill an instance's QEMU and remove its files.

        :param arguments: of the record that :meth:`boot` journaled.
        """
        mark = f'-uuid\0{arguments["instance"]}\0'.encode()
        for folder in Path('/proc').glob('[0-9]*'):
            with contextlib.suppress(OSError):
                if mark in (folder / 'cmdline').read_bytes():
                    os.kill(int(folder.name), signal.SIGKILL)
        _remove(Path(arguments['folder']))


def _available_memory() -> int:
    for line in Path('/proc/meminfo').read_text().splitlines():
        if line.startswith('MemAvailable:'):
            return int(line.split()[1]) * 1024
    return 0


def _program(host: process.Runner) -> Path:
    found = host.which(PROGRAM)
    if found is None:
        raise exceptions.StageFailed(
            f'{PROGRAM} is missing',
            hint='install the package qemu-system-x86',
        )
    return found


def _create_overlay(
    work_dir: Path,
    image: artifact.ImageRecord,
    path: Path,
    size: int,
    *,
    host: process.Runner,
) -> None:
    # The backing format is said: QEMU would guess it from a raw disk's first
    # bytes, which the image itself may choose.
    host.run(
        [
            'qemu-img',
            'create',
            '-q',
            '-f',
            'qcow2',
            '-F',
            image.format,
            '-b',
            f'{path.resolve()}',
            'overlay.qcow2',
            str(size),
        ],
        cwd=work_dir,
    )


def _check_started(
    instance: QemuInstance,
    log: Path,
    cancelled: cancellation.CancellationToken,
) -> None:
    cancelled.wait(_STARTS_WITHIN)
    # A guest that powered off that soon is a guest's failure, not QEMU's.
    if not instance.broken():
        return
    said = log.read_text(errors='replace').strip().splitlines()
    raise exceptions.SmokeTestFailed(
        f'QEMU ended at once: {said[-1] if said else "it said nothing"}',
        hint='run `image-pipeline doctor`',
    )


def _write_start(path: Path, argv: list[str]) -> None:
    """Write how to boot the kept files again, for a person at a terminal."""
    words = list(argv)
    # The console comes to the terminal, with QEMU's monitor behind C-a c.
    at = words.index('-chardev')
    words[at + 1] = 'stdio,id=console,mux=on,signal=off'
    text = f'#!/bin/sh\ncd "$(dirname "$0")"\nexec {shlex.join(words)}\n'
    path.write_text(text)
    path.chmod(0o755)


def _remove(work_dir: Path) -> None:
    """Remove what :meth:`QemuHypervisor.boot` made; logs are the caller's."""
    for name in ('overlay.qcow2', 'seed.iso', 'variables.fd', 'start'):
        (work_dir / name).unlink(missing_ok=True)
