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

"""Which instances are booted, and what is done to them."""

import dataclasses
import itertools
from pathlib import Path
from typing import Any, ClassVar

import pytest

from image_pipeline import artifact, exceptions
from image_pipeline.hypervisors import base as hypervisor_base
from image_pipeline.probes import identity, registry, report
from image_pipeline.stages import boots, smoke_options
from image_pipeline.store import cache as store_cache
from image_pipeline.testing import fakes, hypervisor

Change = hypervisor_base.Change
IMAGE = artifact.ImageRecord(
    id='image-1',
    name='tiny.candidate',
    final_name='tiny',
    state=artifact.ImageState.CANDIDATE,
    sha256='ab' * 32,
    sha512='cd' * 64,
    size=1 << 20,
    virtual_size=1 << 30,
    format='qcow2',
    visibility='private',
    hidden=True,
    created_at='2026-01-01T00:00:00Z',
)


class Changing(hypervisor.FakeInstance):
    """An instance that may be changed: it answers again, as another boot."""

    offered: tuple[Change, ...] = tuple(Change)
    #: What the identity is after a change; None: what it was.
    other_id: str | None = None

    def change(self, change: Change) -> None:
        if change not in self.offered:
            raise hypervisor_base.NotOffered(f'no {change} here')
        answers = hypervisor.good_answers(self.seed, self.shape)
        if self.other_id:
            answers[identity.ID] = answers[identity.ID].replace(
                'machine-id=', f'machine-id={self.other_id}'
            )
        # The boot before says a last word.
        self.text += hypervisor.console(self.seed, answers, boot='0' * 8)
        number = next(self.boots)
        self.text += hypervisor.console(
            self.seed, answers, boot=f'{number:08d}'
        )

    boots = itertools.count(1)


class Bench:
    def __init__(self, folder: Path, **instance: Any) -> None:
        class Instance(Changing):
            pass

        for name, value in instance.items():
            setattr(Instance, name, value)

        class Cloud(hypervisor.FakeHypervisor):
            instance_class = Instance
            refused: ClassVar[dict[str, str]] = {}

            def declines(
                self,
                image: artifact.ImageRecord,
                shape: hypervisor_base.Shape,
            ) -> str | None:
                words = [shape.firmware.value]
                words += ['volume'] if shape.volume else []
                words += [] if shape.config_drive else ['service']
                return next(
                    (
                        self.refused[one]
                        for one in words
                        if one in self.refused
                    ),
                    None,
                )

        self.cloud = Cloud(
            fakes.target(), cache=store_cache.Cache(folder / 'cache')
        )
        self.folder = folder

    def boot(
        self, *also: str, firmware: tuple[str, ...] = ('bios',)
    ) -> tuple[boots.Boots, dict[str, report.Boot]]:
        order = boots.Order(
            firmware=tuple(map(hypervisor_base.Firmware, firmware)),
            probes=registry.select(['HYG-05']),
            waived={},
            vcpus=1,
            memory_mib=128,
            growth_mib=0,
            config_drive=True,
            time_limit=10,
            silence_limit=5,
            boot_limit=5,
            allowed_ports=(),
            also=tuple(map(smoke_options.Also, also)),
        )
        smoke = boots.Boots(
            order,
            context=fakes.stage_context(self.folder),
            hypervisor=self.cloud,
            image=IMAGE,
        )
        return smoke, {boot.name: boot for boot in smoke.boot_all()}


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_single_firmware_is_booted_twice(bench: Bench) -> None:
    smoke, found = bench.boot()
    assert list(found) == ['bios', 'bios-again']
    assert smoke.skipped == []


def test_firmware_that_is_declined_is_skipped_with_the_reason(
    bench: Bench,
) -> None:
    bench.cloud.refused = {'uefi': 'the image says bios'}
    smoke, found = bench.boot(firmware=('bios', 'uefi'))
    assert list(found) == ['bios', 'bios-again']
    assert smoke.skipped == [
        report.Skipped(name='uefi', reason='the image says bios')
    ]


def test_image_that_is_booted_under_no_firmware_is_an_error(
    bench: Bench,
) -> None:
    bench.cloud.refused = {'uefi': 'the image says bios'}
    with pytest.raises(exceptions.StageFailed, match='the image says bios'):
        bench.boot(firmware=('uefi',))


def test_second_instance_has_its_metadata_from_elsewhere(
    bench: Bench,
) -> None:
    bench.boot('metadata')
    first, last = sorted(
        bench.cloud.booted, key=lambda one: one.seed.hostname, reverse=True
    )
    drives = {one.shape.config_drive for one in (first, last)}
    assert drives == {True, False}


def test_other_metadata_and_volumes_that_are_not_there_are_skipped(
    bench: Bench,
) -> None:
    bench.cloud.refused = {'service': 'no service', 'volume': 'no Cinder'}
    smoke, found = bench.boot('metadata', 'volume')
    assert list(found) == ['bios', 'bios-again']
    assert [one.name for one in smoke.skipped] == ['metadata', 'volume']


def test_volume_is_one_more_instance(bench: Bench) -> None:
    _, found = bench.boot('volume')
    assert list(found) == ['bios', 'bios-again', 'bios-volume']
    assert sum(one.shape.volume for one in bench.cloud.booted) == 1


def test_changes_are_made_to_the_first_instance_in_order(
    bench: Bench,
) -> None:
    _, found = bench.boot('rescue', 'reboot', 'resize')
    assert list(found) == [
        'bios',
        'bios-reboot',
        'bios-resize',
        'bios-rescue',
        'bios-again',
    ]
    assert found['bios-reboot'].after == 'bios'
    kept = found['bios-reboot'].probes[-1]
    assert kept.probe == identity.KEPT
    assert kept.outcome is artifact.Outcome.PASS
    # In a rescue another disk runs: nothing of it is judged.
    assert found['bios-rescue'].probes == ()
    assert not found['bios-rescue'].failed


def test_change_that_is_not_offered_is_skipped(tmp_path: Path) -> None:
    bench = Bench(tmp_path, offered=(Change.REBOOT,))
    smoke, found = bench.boot('reboot', 'rescue')
    assert list(found) == ['bios', 'bios-reboot', 'bios-again']
    assert smoke.skipped == [
        report.Skipped(name='rescue', reason='no rescue here')
    ]


def test_instance_that_is_another_one_after_a_reboot_fails(
    tmp_path: Path,
) -> None:
    bench = Bench(tmp_path, other_id='f')
    _, found = bench.boot('reboot')
    (kept,) = [
        one
        for one in found['bios-reboot'].probes
        if one.probe == identity.KEPT
    ]
    assert kept.outcome is artifact.Outcome.FAIL
    assert found['bios-reboot'].failed


def test_user_data_come_again_only_where_the_instance_starts_again(
    bench: Bench,
) -> None:
    bench.boot('reboot')
    again = [
        b'scripts/per-boot' in one.seed.user_data
        for one in sorted(
            bench.cloud.booted, key=lambda one: len(one.seed.hostname)
        )
    ]
    assert again == [True, False]


def test_private_key_is_kept_only_for_a_look(
    bench: Bench, tmp_path: Path
) -> None:
    bench.boot()
    assert list(tmp_path.rglob('id_ed25519')) == []


def test_marks_of_the_run_come_with_the_seed(bench: Bench) -> None:
    bench.boot()
    for one in bench.cloud.booted:
        assert one.seed.run_id == 'run-1'
        assert one.seed.lifetime > 3600
    assert dataclasses.is_dataclass(bench.cloud.booted[0].seed)
