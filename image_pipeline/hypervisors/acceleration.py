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

"""Find out whether this host really accelerates guests.

The device /dev/kvm says little: inside some virtual machines it is there, a
BIOS starts, and a stock kernel never gets anywhere, because each of its
instructions is interpreted.  So a guest of 394 bytes is run that does what a
kernel does first (``kvm_probe.S``): it answers within a fraction of a second
where KVM works, and under software emulation, which serves as a check of the
guest itself.  No answer within the bound means no acceleration.
"""

import base64
import dataclasses
import hashlib
import os
import tempfile
from pathlib import Path
from typing import Any

from image_pipeline import exceptions
from image_pipeline.host import process
from image_pipeline.store import cache as store_cache

#: The probe's guest, made of ``kvm_probe.S``.
GUEST = base64.b64decode(
    'ArCtGwAAAQD+T1HkAAAQAAAAEAAAAAAAAAAAACAAEAD6/L8AACAAMcC5AAwAAPOrxwUA'
    'ACAAAxAgAMcFABAgAAMgIAC/ACAgALiDAAAAuQACAACJBwUAACAAg8cI4vS4IAAAAA8i'
    '4LgAACAADyLYuYAAAMAPMg0AAQAADzAPIMANAQAAgA8iwA8BFVgBEADqlgAQAAgAuBAA'
    'AACO2I7AjtC8AAAhALkAJPQA/8l1/L8AAAABuQAAQADzSKu/ADIgALgyARAAZokHZsdH'
    'AggAZsdHBACOwegQZolHBsdHCAAAAAAPARwlYgEQALAR5iCwIOYhsATmIbAB5iGw/uYh'
    'sP/mobA05kOwqeZAsATmQDHb+/SD+wpy+fq+bAEQALr4AwAArITAdAPu6/iwEOb09Ov9'
    '/8OwIOYgSM9mDx9EAAAAAAAAAAAAAP//AAAAmq8A//8AAACSzwAXAEABEAAAAAAADwIA'
    'MCAAAAAAAGltYWdlLXBpcGVsaW5lOiBhY2NlbGVyYXRlZA0KAA=='
)
#: What the guest says on the serial port when it got through.
MARK = b'image-pipeline: accelerated'
#: Seconds that the guest gets; one that is accelerated needs a tenth of it.
BOUND = 5.0
#: The device that says that there may be acceleration.
DEVICE = Path('/dev/kvm')
# QEMU's exit status by isa-debug-exit: 2 * 16 + 1.
_EXIT_STATUS = 33
_CACHE = 'acceleration'


@dataclasses.dataclass(frozen=True, kw_only=True)
class Acceleration:
    """How guests run on this host.

    :param name: ``kvm`` or ``tcg``, as QEMU spells it.
    :param reason: why, for a person.
    """

    name: str
    reason: str

    @property
    def cpu(self) -> str:
        """The CPU model that has the most features with it."""
        return 'host' if self.name == 'kvm' else 'max'


def decide(
    accel: str,
    *,
    qemu: Path,
    cache: store_cache.Cache,
    host: process.Runner,
) -> Acceleration:
    """Return how guests run on this host, probing it if need be.

    The answer is remembered for this host, until it boots again or QEMU is
    another one.

    :param accel: ``auto``, ``kvm`` or ``tcg``; only ``auto`` is probed.
    :param qemu: the QEMU program.
    :param cache: remembers the answer.
    :param host: runs QEMU.
    :raises StageFailed: ``kvm`` was asked for, and there is none at all.
    """
    if accel == 'tcg':
        return Acceleration(name='tcg', reason='the setting accel says so')
    usable = os.access(DEVICE, os.R_OK | os.W_OK)
    if accel == 'kvm':
        if not usable:
            raise exceptions.StageFailed(
                f'{DEVICE} cannot be used, and the setting accel is kvm',
                hint='set it to auto, or join the group kvm',
            )
        return Acceleration(name='kvm', reason='the setting accel says so')
    if not usable:
        return Acceleration(name='tcg', reason=f'{DEVICE} cannot be used')
    key = _key(qemu)
    known = cache.load(_CACHE, key)
    if isinstance(known, dict) and known.keys() == {'name', 'reason'}:
        return Acceleration(name=known['name'], reason=known['reason'])
    found = probe(qemu, host=host)
    cache.save(_CACHE, key, dataclasses.asdict(found))
    return found


def probe(
    qemu: Path,
    *,
    host: process.Runner,
    accel: str = 'kvm',
    bound: float = BOUND,
) -> Acceleration:
    """Run the probe's guest.

    :param qemu: the QEMU program.
    :param host: runs it.
    :param accel: the accelerator to try.
    :param bound: seconds that it may take.
    :returns: that accelerator if the guest got through, else ``tcg``.
    """
    tried = Acceleration(name=accel, reason='a tiny guest got through with it')
    with tempfile.TemporaryDirectory(prefix='image-pipeline-') as folder:
        guest, console = Path(folder, 'guest'), Path(folder, 'console')
        guest.write_bytes(GUEST)
        try:
            host.run(
                _argv(qemu, tried, guest=guest, console=console),
                timeout=bound,
                ok=(_EXIT_STATUS,),
            )
        except exceptions.CommandFailed as exc:
            last = next((f': {line}' for line in exc.tail if line), '')
            return Acceleration(
                name='tcg',
                reason=f'a tiny guest did not get through with {accel}{last}',
            )
        if not console.is_file() or MARK not in console.read_bytes():
            return Acceleration(
                name='tcg', reason=f'a tiny guest said nothing with {accel}'
            )
    return tried


def _argv(
    qemu: Path, tried: Acceleration, *, guest: Path, console: Path
) -> list[str]:
    return [
        str(qemu),
        '-no-user-config',
        '-nodefaults',
        '-no-reboot',
        '-display',
        'none',
        '-machine',
        f'q35,accel={tried.name},graphics=off',
        '-cpu',
        tried.cpu,
        '-m',
        '128',
        '-device',
        'isa-debug-exit,iobase=0xf4,iosize=1',
        '-chardev',
        f'file,id=console,path={console}',
        '-serial',
        'chardev:console',
        '-kernel',
        str(guest),
    ]


def _key(qemu: Path) -> str:
    """Return what the answer depends on: this boot of this host, and QEMU."""
    facts: list[Any] = [os.uname().release, GUEST]
    try:
        facts.append(Path('/proc/sys/kernel/random/boot_id').read_text())
        status = qemu.resolve().stat()
        facts += [str(qemu.resolve()), status.st_size, status.st_mtime_ns]
    except OSError:
        facts.append(os.uname().nodename)
    return hashlib.sha256(repr(facts).encode()).hexdigest()[:32]
