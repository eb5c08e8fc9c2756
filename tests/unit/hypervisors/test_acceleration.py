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

from pathlib import Path

import pytest

from image_pipeline import exceptions
from image_pipeline.hypervisors import acceleration
from image_pipeline.store import cache as store_cache
from image_pipeline.testing import fakes

QEMU = Path('/usr/bin/qemu-system-x86_64')


class Bench:
    """A host with a KVM device, on which a guest does what a test says."""

    def __init__(self, folder: Path) -> None:
        self.host = fakes.FakeHost()
        self.cache = store_cache.Cache(folder / 'cache')

    def guest(
        self, *, says: bytes = acceleration.MARK, returncode: int = 33
    ) -> None:
        def effect(call: fakes.Call) -> None:
            chardev = call.argv[call.argv.index('-chardev') + 1]
            Path(chardev.partition('path=')[2]).write_bytes(says)

        self.host.answer(
            str(QEMU), returncode=returncode, effect=effect, stderr='no MSR'
        )

    def decide(self, accel: str = 'auto') -> acceleration.Acceleration:
        return acceleration.decide(
            accel, qemu=QEMU, cache=self.cache, host=self.host
        )


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    device = tmp_path / 'kvm'
    device.touch()
    monkeypatch.setattr(acceleration, 'DEVICE', device)
    return Bench(tmp_path)


def test_guest_that_gets_through_proves_kvm(bench: Bench) -> None:
    bench.guest()
    found = bench.decide()
    assert (found.name, found.cpu) == ('kvm', 'host')


def test_answer_is_remembered(bench: Bench) -> None:
    bench.guest()
    assert bench.decide() == bench.decide()
    assert len(bench.host.calls) == 1


def test_guest_that_hangs_means_emulation_and_that_is_remembered(
    bench: Bench,
) -> None:
    bench.guest(returncode=-15)
    found = bench.decide()
    assert (found.name, found.cpu) == ('tcg', 'max')
    assert 'no MSR' in found.reason
    assert bench.decide() == found
    assert len(bench.host.calls) == 1


def test_probe_is_bounded(bench: Bench) -> None:
    bench.guest()
    bench.decide()
    assert bench.host.calls[0].timeout == acceleration.BOUND <= 10


def test_guest_without_its_mark_proves_nothing(bench: Bench) -> None:
    bench.guest(says=b'SeaBIOS')
    assert bench.decide().name == 'tcg'


def test_host_without_the_device_is_not_probed(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(acceleration, 'DEVICE', Path('/none'))
    assert bench.decide().name == 'tcg'
    assert bench.host.calls == []


def test_choice_of_the_site_is_not_probed(bench: Bench) -> None:
    assert bench.decide('kvm').name == 'kvm'
    assert bench.decide('tcg').name == 'tcg'
    assert bench.host.calls == []


def test_kvm_by_order_without_the_device_is_an_error(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(acceleration, 'DEVICE', Path('/none'))
    with pytest.raises(exceptions.StageFailed):
        bench.decide('kvm')


def test_guest_is_a_multiboot_kernel() -> None:
    magic, flags, checksum = (
        int.from_bytes(acceleration.GUEST[at : at + 4], 'little')
        for at in (0, 4, 8)
    )
    assert magic == 0x1BADB002
    assert (magic + flags + checksum) % (1 << 32) == 0
