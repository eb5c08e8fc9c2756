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

"""The smoke test on broken disks: each cause is told, early."""

import dataclasses
import os
import shutil
import subprocess
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from image_pipeline import artifact, exceptions
from image_pipeline.host import process
from image_pipeline.hypervisors import qemu
from image_pipeline.probes import base as base_probe
from image_pipeline.probes import protocol, registry, script
from image_pipeline.stages import base
from image_pipeline.stages import registry as stages_registry
from image_pipeline.store import cache as store_cache
from image_pipeline.testing import fakes

NONCE = '0123456789abcdef'


def boot_sector(text: bytes, *, end: bytes) -> bytes:
    """Return a disk whose boot sector prints to the serial port, and ends.

    :param text: what it prints.
    :param end: what it does then, as machine code.
    """
    code = (
        b'\xfa\x31\xc0\x8e\xd8'  # cli; xor ax, ax; mov ds, ax
        b'\xbe%s'  # mov si, text
        b'\xba\xf8\x03'  # mov dx, 0x3f8
        b'\xac\x84\xc0\x74\x03\xee\xeb\xf8'  # lodsb; test; jz; out; jmp
    )
    length = len(code) - 2 + 2 + len(end)
    at = (0x7C00 + length).to_bytes(2, 'little')
    sector = (code.replace(b'%s', at) + end + text + b'\0').ljust(510, b'\0')
    assert len(sector) == 510
    return (sector + b'\x55\xaa').ljust(1 << 20, b'\0')


HALT = b'\xf4\xeb\xfd'  # hlt; jmp
RESET = b'\xb0\xfe\xe6\x64' + HALT  # out 0x64, 0xfe: the keyboard's reset
# ACPI: SLP_EN of PIIX4's PM1a control register, port 0x604 of machine q35.
POWER_OFF = b'\xba\x04\x06\xb8\x00\x20\xef' + HALT


class Catalogue:
    def __init__(self, path: Path, **properties: str) -> None:
        self.path = path
        self.properties = properties

    def get(self, image_id: str) -> artifact.ImageRecord:
        size = self.path.stat().st_size
        return artifact.ImageRecord(
            id=image_id,
            name='broken.candidate',
            final_name='broken',
            state=artifact.ImageState.CANDIDATE,
            sha256='00' * 32,
            sha512='00' * 64,
            size=size,
            virtual_size=size,
            format='raw',
            visibility='private',
            hidden=True,
            created_at='2026-01-01T00:00:00Z',
            path=self.path,
            properties=self.properties,
        )


def context_of(
    folder: Path,
    disk: bytes,
    *,
    recorded: fakes.Recorded | None = None,
    **properties: str,
) -> base.StageContext:
    """Return what the smoke test of a disk may use."""
    path = folder / 'disk.raw'
    path.write_bytes(disk)
    return fakes.stage_context(
        folder,
        inputs={
            artifact.REGISTRATION: artifact.Artifact(
                kind=artifact.REGISTRATION,
                path=path,
                digest='',
                size=0,
                properties={'image_id': 'image-1'},
            )
        },
        host=process.Host(run_id='broken'),
        catalogue=Catalogue(path, **properties),  # type: ignore[arg-type]
        hypervisor=qemu.QemuHypervisor(
            fakes.target(),
            cache=store_cache.Cache(folder / 'cache'),
            accel='tcg',
        ),
        recorded=recorded,
        target=fakes.target(),
    )


def failure(
    context: base.StageContext, options: dict[str, Any] | None = None
) -> exceptions.SmokeTestFailed:
    """Return how a smoke test failed."""
    given = {'firmware': ['bios'], 'memory_mib': 128, 'growth_mib': 1}
    stage = stages_registry.make('smoke-test', given | (options or {}))
    with pytest.raises(exceptions.SmokeTestFailed) as caught:
        list(stage.run(context))
    return caught.value


def smoke(
    folder: Path,
    disk: bytes,
    options: dict[str, Any] | None = None,
    **properties: str,
) -> exceptions.SmokeTestFailed:
    """Return how the smoke test of a broken disk failed, and left nothing."""
    context = context_of(folder, disk, **properties)
    error = failure(context, options)
    # What the overlay and the config drive took is given back.
    assert {path.suffix for path in context.work_dir.rglob('*.*')} == {
        '.json',
        '.log',
    }
    return error


def test_empty_disk_has_no_boot_loader_under_bios_and_uefi(
    tmp_path: Path,
) -> None:
    error = smoke(tmp_path, bytes(1 << 20), {'firmware': ['bios', 'uefi']})
    assert [problem.path for problem in error.problems] == ['bios', 'uefi']
    for problem in error.problems:
        assert 'found no boot loader' in problem.message
    assert any('No bootable device' in line for line in error.tail)


def test_panic_is_told_with_the_console_s_last_lines(tmp_path: Path) -> None:
    said = b'Linux version 6\r\nKernel panic - not syncing: no init\r\n'
    error = smoke(tmp_path, boot_sector(said, end=HALT))
    assert 'the kernel panicked' in error.message
    assert error.tail[-1] == 'Kernel panic - not syncing: no init'
    assert error.log and b'Kernel panic' in Path(error.log).read_bytes()


def test_silent_console_is_told_long_before_the_time_limit(
    tmp_path: Path,
) -> None:
    limits = {'silence_limit': 1, 'time_limit': 600}
    error = smoke(tmp_path, boot_sector(b'', end=HALT), limits)
    assert 'nothing on the console' in error.message
    assert 'does not use the serial console' in error.message


def test_kernel_that_hangs_is_told_from_a_silent_one(tmp_path: Path) -> None:
    said = b'[    0.000000] Linux version 6.1\r\n'
    # Long enough for a busy host to come to the text.
    limits = {'silence_limit': 2, 'time_limit': 600}
    error = smoke(tmp_path, boot_sector(said, end=HALT), limits)
    assert 'after the start of the kernel' in error.message


def test_machine_that_restarts_for_ever_is_told(tmp_path: Path) -> None:
    error = smoke(tmp_path, boot_sector(b'', end=RESET))
    assert 'restarts again and again' in error.message


def test_machine_that_powers_off_is_told(tmp_path: Path) -> None:
    error = smoke(
        tmp_path,
        boot_sector(b'bye\r\n', end=POWER_OFF),
        hw_machine_type='q35',
    )
    assert 'the machine stopped' in error.message
    assert error.tail[-1].endswith('bye')


def test_failed_boot_that_is_kept_boots_again_until_it_is_reaped(
    tmp_path: Path,
) -> None:
    recorded = fakes.Recorded()
    context = context_of(
        tmp_path,
        boot_sector(b'bye\r\n', end=POWER_OFF),
        recorded=recorded,
        hw_machine_type='q35',
    )
    error = failure(dataclasses.replace(context, keep_on_failure=True))
    start = next(context.work_dir.rglob('start'))
    assert error.hint and str(start) in error.hint
    again = subprocess.run(
        [start],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=300,
        check=True,
    )
    assert b'bye' in again.stdout
    for record in recorded.undo:
        context.hypervisor.undo(record.arguments)
    assert not list(context.work_dir.rglob('overlay.qcow2'))
    assert not start.exists()


def ask(folder: Path, shell: list[str], *, noise: bool) -> dict[str, Any]:
    """Return what the guest's script answers on this host."""
    (folder / 'probes').mkdir()
    probes = registry.select(None)
    asked = base_probe.asked_as(probes)
    for probe in probes:
        if asked[probe.id] == probe.id:
            (folder / 'probes' / probe.id).write_text(probe.snippet)
    long = 'echo one; head -c 3000 /dev/zero | tr "\\0" x; exit 3\n'
    (folder / 'probes' / 'LONG').write_text(long)
    (folder / 'probes' / 'HUGE').write_text('head -c 9999 /dev/zero')
    tty = folder / 'tty'
    tty.touch()
    stop = threading.Event()

    def disturb() -> None:
        with tty.open('ab', buffering=0) as console:
            while not stop.is_set():
                console.write(b'[   12.345678] random: crng init done\r\n')
                time.sleep(0.001)

    thread = threading.Thread(target=disturb)
    if noise:
        thread.start()
    try:
        subprocess.run(
            [*shell, script.GUEST_SCRIPT],
            env=os.environ
            | {
                'IP_NONCE': NONCE,
                'IP_DIR': str(folder),
                'IP_WAIT': '1',
                'IP_ROUNDS': '4',
                'IP_PAUSE': '0',
                'IP_TTY': str(tty),
            },
            check=True,
            # Some look through folders, which may be full on this host.
            timeout=600,
        )
    finally:
        stop.set()
        if noise:
            thread.join()
    receiver = protocol.Receiver(NONCE)
    receiver.feed(tty.read_bytes())
    return receiver.answers()


@pytest.mark.parametrize('noise', [False, True])
@pytest.mark.parametrize('shell', ['dash', 'bash', 'busybox'])
def test_guest_s_script_answers_in_any_shell_and_noise(
    tmp_path: Path, shell: str, noise: bool
) -> None:
    if not shutil.which(shell):
        pytest.skip(f'{shell} is not installed')
    words = ['busybox', 'sh'] if shell == 'busybox' else [shell]
    answers = ask(tmp_path, words, noise=noise)
    asked = set(base_probe.asked_as(registry.select(None)).values())
    assert asked | {'hello', 'asked', 'LONG', 'HUGE'} == answers.keys()
    assert protocol.asking(answers) is not None
    assert answers['HYG-05'].text.strip() == os.uname().nodename
    assert answers['LONG'].text == 'one\n' + 'x' * 3000
    assert answers['LONG'].status == 3
    assert (len(answers['HUGE'].text), answers['HUGE'].whole) == (6156, False)
