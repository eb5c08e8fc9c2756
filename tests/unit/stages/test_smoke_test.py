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
import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from image_pipeline import artifact, exceptions
from image_pipeline.host import cancellation
from image_pipeline.hypervisors import base as hypervisor_base
from image_pipeline.probes import identity
from image_pipeline.stages import registry, smoke_test
from image_pipeline.store import cache as store_cache
from image_pipeline.testing import fake_catalogue, fakes, hypervisor
from image_pipeline.testing.conformance import stage as conformance

RECORD = artifact.ImageRecord(
    id='image-1',
    name='debian-12.candidate-1',
    final_name='debian-12',
    state=artifact.ImageState.CANDIDATE,
    sha256='ab' * 32,
    sha512='cd' * 64,
    size=1 << 20,
    virtual_size=1 << 30,
    format='qcow2',
    visibility='private',
    hidden=True,
    created_at='2026-01-01T00:00:00Z',
    path=Path('/none/image.qcow2'),
)


class TestConformance(conformance.StageConformance):
    name = 'smoke-test'
    stage_class = smoke_test.SmokeTestStage
    examples = (
        {},
        {'firmware': ['bios'], 'probes': ['HYG-05'], 'memory_mib': 512},
        {
            'waive': [
                {
                    'probe': 'BOOT-07',
                    'reason': 'a slow lab',
                    'expires': '2999-01-31',
                }
            ]
        },
    )


def catalogue_of_one() -> fake_catalogue.FakeCatalogue:
    """Return a catalogue with one image."""
    found = fake_catalogue.FakeCatalogue(fakes.target())
    found.images[RECORD.id] = RECORD
    return found


class Bench:
    """The stage on a hypervisor on which nothing runs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.recorded = fakes.Recorded()
        self.catalogue = catalogue_of_one()
        self.cancelled = cancellation.CancellationToken()
        self.hypervisor = hypervisor.FakeHypervisor(
            fakes.target(), cache=store_cache.Cache(folder / 'cache')
        )

        self.inputs = {
            artifact.REGISTRATION: artifact.Artifact(
                kind=artifact.REGISTRATION,
                path=self.folder / 'registration.json',
                digest='',
                size=0,
                properties={'image_id': RECORD.id},
            )
        }

    def audited(
        self, *results: dict[str, Any], sha256: str = RECORD.sha256
    ) -> None:
        """Give the stage the report of an audit.

        :param results: what rules said; an error that failed, if not said.
        :param sha256: of the file that was audited.
        """
        path = self.folder / 'audit.json'
        given = {'outcome': 'fail', 'severity': 'error', 'evidence': []}
        path.write_text(
            json.dumps({'results': [given | one for one in results]})
        )
        self.inputs[artifact.AUDIT_REPORT] = artifact.Artifact(
            kind=artifact.AUDIT_REPORT,
            path=path,
            digest='',
            size=0,
            properties={'image_digest': f'sha256:{sha256}'},
        )

    def run(
        self, options: dict[str, Any] | None = None, *, keep: bool = False
    ) -> list[artifact.Artifact]:
        context = fakes.stage_context(
            self.folder,
            inputs=self.inputs,
            cancelled=self.cancelled,
            catalogue=self.catalogue,
            hypervisor=self.hypervisor,
            recorded=self.recorded,
            target=fakes.target(),
        )
        context = dataclasses.replace(context, keep_on_failure=keep)
        return list(registry.make('smoke-test', options or {}).run(context))

    def report(self) -> Any:
        path = self.folder / 'work' / 'smoke-report.json'
        return json.loads(path.read_text())

    def answers(self, change: Callable[..., dict[str, str]]) -> None:
        """Let guests answer as `change(seed, shape, good)` says."""

        def prints(
            seed: hypervisor_base.Seed, shape: hypervisor_base.Shape
        ) -> bytes:
            good = hypervisor.good_answers(seed, shape)
            return hypervisor.console(seed, good | change(seed, shape, good))

        self.hypervisor.prints = prints


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def failure(bench: Bench, options: dict[str, Any] | None = None) -> Any:
    with pytest.raises(exceptions.SmokeTestFailed) as caught:
        bench.run(options)
    return caught.value


def test_good_image_passes_under_bios_and_uefi(bench: Bench) -> None:
    (report,) = bench.run()
    assert report.kind == artifact.SMOKE_REPORT
    assert report.properties['image_id'] == RECORD.id
    assert report.properties['image_digest'] == f'sha256:{RECORD.sha256}'
    assert report.properties['passed'] is True
    found = json.loads(report.path.read_text())
    assert [boot['firmware'] for boot in found['boots']] == ['bios', 'uefi']
    assert found['summary']['fail'] == found['summary']['unknown'] == 0
    assert found['memory_used'] == 100000 * 1024
    assert {one['probe'] for one in found['identity']} == set(
        identity.COMPARED
    )
    assert [boot['asking'] for boot in found['boots']] == [1.5, 1.5]


def test_image_that_passed_is_known_to_boot_with_that_memory(
    bench: Bench,
) -> None:
    bench.run({'memory_mib': 512})
    image = bench.catalogue.get(RECORD.id)
    assert image.properties == {'min_ram': '512'}
    assert image.tested_sha256 == RECORD.sha256


def test_image_that_failed_is_not_known_to_boot(bench: Bench) -> None:
    bench.answers(lambda seed, shape, good: {'HYG-05': 'hostname=other\n'})
    failure(bench)
    assert bench.catalogue.get(RECORD.id) == RECORD


def test_instances_are_taken_down_and_were_journaled(bench: Bench) -> None:
    bench.run()
    assert not any(one.alive for one in bench.hypervisor.booted)
    assert [one.kind for one in bench.recorded.undo] == ['hypervisor'] * 2


def test_disk_is_larger_than_the_image_and_seeds_differ(bench: Bench) -> None:
    bench.run({'growth_mib': 512, 'memory_mib': 256, 'vcpus': 2})
    one, other = bench.hypervisor.booted
    assert one.shape.disk_bytes == (1 << 30) + (512 << 20)
    assert (one.shape.memory_bytes, one.shape.vcpus) == (256 << 20, 2)
    assert one.seed.instance_id != other.seed.instance_id
    assert one.seed.public_key != other.seed.public_key
    assert one.seed.hostname != other.seed.hostname


def test_consoles_are_kept_beside_the_log(bench: Bench) -> None:
    bench.run()
    for name in ('bios', 'uefi'):
        kept = bench.folder / f'stage.{name}.console.log'
        assert b'Linux version' in kept.read_bytes()
    assert 'pass HYG-05' in (bench.folder / 'stage.log').read_text()


def test_single_firmware_is_booted_twice_for_the_comparison(
    bench: Bench,
) -> None:
    bench.run({'firmware': ['bios']})
    assert [boot['name'] for boot in bench.report()['boots']] == [
        'bios',
        'bios-again',
    ]


def test_probe_that_fails_is_named_with_its_boot(bench: Bench) -> None:
    bench.answers(
        lambda seed, shape, good: (
            {'EGI-LAYOUT-03': 'Filename\n/swapfile file 1 0 -2\n'}
            if shape.firmware is hypervisor_base.Firmware.UEFI
            else {}
        )
    )
    error = failure(bench)
    (problem,) = error.problems
    assert problem.path == 'uefi'
    assert 'EGI-LAYOUT-03' in problem.message
    assert '/swapfile is swapped to' in problem.message
    assert error.exit_status == 4
    assert error.evidence == (bench.folder / 'work' / 'smoke-report.json',)
    assert bench.report()['passed'] is False


@pytest.mark.parametrize(
    ('name', 'rule'),
    [('machine-id', 'HYG-03'), ('host-key', 'HYG-01'), ('seed', 'HYG-04')],
)
def test_identity_baked_into_the_image_fails(
    bench: Bench, name: str, rule: str
) -> None:
    bench.answers(
        lambda seed, shape, good: {
            'LIVE-IDENTITY': '\n'.join(
                line.partition('=')[0] + '=baked' if name in line else line
                for line in good['LIVE-IDENTITY'].splitlines()
            )
        }
    )
    (problem,) = failure(bench).problems
    assert problem.message.startswith(f'{rule} ')


def test_boot_that_panics_fails_early_with_the_console_s_last_lines(
    bench: Bench,
) -> None:
    bench.hypervisor.prints = lambda seed, shape: (
        b'Linux version 6\r\n[    1.5] Kernel panic - not syncing: VFS\r\n'
        b'[    1.6] Rebooting in 30 seconds..\r\n'
    )
    error = failure(bench)
    assert 'bios: the kernel panicked' in error.message
    assert error.tail[-1] == '[    1.6] Rebooting in 30 seconds..'
    assert Path(error.log).read_bytes().startswith(b'Linux version')
    # One problem a boot: probes that were not asked say nothing.
    assert [one.path for one in error.problems] == ['bios', 'uefi']
    diagnosis = bench.report()['boots'][0]['diagnosis']
    assert diagnosis['cause'] == 'kernel-panic'


def test_waived_failure_passes_and_stays_in_the_report(bench: Bench) -> None:
    bench.answers(lambda seed, shape, good: {'HYG-05': 'builder\n'})
    waiver = {'probe': 'HYG-05', 'reason': 'lab', 'expires': '2999-01-01'}
    bench.run({'waive': [waiver]})
    found = bench.report()
    assert found['summary']['waived'] == 2
    (probe,) = [
        one for one in found['boots'][0]['probes'] if one['probe'] == 'HYG-05'
    ]
    assert probe['outcome'] == 'waived'
    assert probe['evidence'][-1]['message'] == 'waived: lab'


def test_waiver_that_expired_waives_nothing(bench: Bench) -> None:
    bench.answers(lambda seed, shape, good: {'HYG-05': 'builder\n'})
    waiver = {'probe': 'HYG-05', 'reason': 'lab', 'expires': '2020-01-01'}
    assert len(failure(bench, {'waive': [waiver]}).problems) == 2


def test_unknown_outcome_is_no_pass(bench: Bench) -> None:
    bench.answers(lambda seed, shape, good: {'BOOT-07': 'nonsense'})
    assert 'unknown' in failure(bench).problems[0].message


def test_only_chosen_probes_are_asked_and_the_identity(bench: Bench) -> None:
    bench.run({'probes': ['HYG-05']})
    assert [one['probe'] for one in bench.report()['boots'][0]['probes']] == [
        'HYG-05',
        'LIVE-IDENTITY',
    ]


def test_failed_boot_is_left_standing_if_asked_for(bench: Bench) -> None:
    bench.answers(
        lambda seed, shape, good: (
            {'HYG-05': 'builder\n'}
            if shape.firmware is hypervisor_base.Firmware.BIOS
            else {}
        )
    )
    with pytest.raises(exceptions.SmokeTestFailed) as caught:
        bench.run(keep=True)
    (left,) = bench.hypervisor.left
    assert left.shape.firmware is hypervisor_base.Firmware.BIOS
    hint = caught.value.hint or ''
    folder = bench.folder / 'work'
    assert f'what is left is in {folder}/' in hint
    assert '`image-pipeline reap` removes it' in hint


def test_failed_boot_on_this_host_says_how_to_boot_it_again(
    bench: Bench,
) -> None:
    def breaks(
        seed: hypervisor_base.Seed,
        shape: hypervisor_base.Shape,
        good: dict[str, str],
    ) -> dict[str, str]:
        for folder in (bench.folder / 'work').iterdir():
            if folder.is_dir():
                (folder / 'start').touch()
        return {'HYG-05': 'builder\n'}

    bench.answers(breaks)
    with pytest.raises(exceptions.SmokeTestFailed) as caught:
        bench.run(keep=True)
    hint = caught.value.hint or ''
    start = Path(hint.split()[4].rstrip(':'))
    assert start.name == 'start'
    assert start.exists()
    assert 'C-a x' in hint
    assert '`image-pipeline reap` removes' in hint


def test_interruption_takes_instances_down_and_keeps_consoles(
    bench: Bench,
) -> None:
    booted = threading.Event()

    def prints(
        seed: hypervisor_base.Seed, shape: hypervisor_base.Shape
    ) -> bytes:
        booted.set()
        return b'Linux version 6\n'

    bench.hypervisor.prints = prints

    def interrupt() -> None:
        booted.wait(10)
        bench.cancelled.cancel('SIGINT')

    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(exceptions.Interrupted):
        bench.run()
    thread.join()
    assert not any(one.alive for one in bench.hypervisor.booted)


def test_hang_with_kvm_may_be_the_host_s_fault(bench: Bench) -> None:
    class Accelerated(hypervisor.FakeInstance):
        def describe(self) -> dict[str, str]:
            return {'accel': 'kvm'}

    bench.hypervisor.instance_class = Accelerated
    bench.hypervisor.prints = lambda seed, shape: b'Linux version 6\r\n'
    error = failure(bench, {'silence_limit': 1})
    assert 'accel to tcg' in error.hint


def problems(tmp_path: Path, options: dict[str, Any]) -> list[str]:
    stage = registry.make('smoke-test', options)
    context = fakes.plan_context(tmp_path, target=fakes.target())
    return [
        problem.path or ''
        for problem in stage.check(context)
        if not (problem.path or '').startswith('firmware')
    ]


def test_unknown_probes_are_found_by_the_plan(tmp_path: Path) -> None:
    waiver = {'probe': 'HYG-5', 'reason': 'x', 'expires': '2027-02-30'}
    given = {'probes': ['HYG-05', 'HYG-99'], 'waive': [waiver]}
    assert problems(tmp_path, given) == [
        'probes[1]',
        'waive[0].probe',
        'waive[0].expires',
    ]


def test_other_probes_are_another_step(tmp_path: Path) -> None:
    context = fakes.plan_context(tmp_path, target=fakes.target())
    prints = [
        registry.make('smoke-test', options).fingerprint(context)
        for options in ({}, {'probes': ['HYG-05']}, {'memory_mib': 512})
    ]
    assert prints[0] != prints[1]
    assert prints[0] == prints[2]


def test_local_target_needs_qemu(tmp_path: Path) -> None:
    context = fakes.plan_context(tmp_path, target=fakes.target())
    needs = registry.make('smoke-test', {}).needs(context)
    assert set(needs.executables) == {'qemu-img', 'qemu-system-x86_64'}
    assert not needs.root


def test_hint_that_fails_is_reported_and_fails_no_smoke_test(
    bench: Bench,
) -> None:
    bench.answers(lambda seed, shape, good: {'HYG-18': 'lang=de_DE.UTF-8\n'})
    (report,) = bench.run()
    assert report.properties['summary']['fail'] == 2
    log = (bench.folder / 'stage.log').read_text()
    assert 'bios: fail HYG-18 (info): LANG is de_DE.UTF-8' in log


def test_rule_that_passed_while_its_probe_fails_is_a_defect_of_the_audit(
    bench: Bench,
) -> None:
    bench.audited(
        {'rule': 'HYG-18', 'outcome': 'pass'},
        {'rule': 'HYG-05', 'outcome': 'pass'},
        {'rule': 'EGI-SIZE-03', 'outcome': 'fail'},
    )
    bench.answers(lambda seed, shape, good: {'HYG-18': 'lang=de_DE.UTF-8\n'})
    (report,) = bench.run()
    (found,) = bench.report()['disagreements']
    assert found == {
        'rule': 'HYG-18',
        'audit': 'pass',
        'probe': 'fail',
        'evidence': ['LANG is de_DE.UTF-8'],
    }
    # On its own it is no failure: the image is what it is.
    assert report.properties['passed'] is True
    assert report.properties['disagreements'] == [found]
    log = (bench.folder / 'stage.log').read_text()
    assert (
        'defect of the audit: HYG-18: the audit says pass, the probe fail: '
        'LANG is de_DE.UTF-8' in log
    )
    assert 'please report' in log


@pytest.mark.parametrize('outcome', ['fail', 'waived'])
def test_rule_that_failed_while_its_probe_passes_is_one_too(
    bench: Bench, outcome: str
) -> None:
    bench.audited(
        {
            'rule': 'EGI-GROW-01',
            'outcome': outcome,
            'evidence': [
                {
                    'path': '/etc/cloud/cloud.cfg',
                    'line': 7,
                    'message': 'growpart is missing',
                }
            ],
        }
    )
    bench.run()
    (found,) = bench.report()['disagreements']
    assert (found['rule'], found['audit'], found['probe']) == (
        'EGI-GROW-01',
        outcome,
        'pass',
    )
    assert found['evidence'] == ['/etc/cloud/cloud.cfg:7: growpart is missing']


def test_failure_of_both_says_where_the_audit_was_wrong(bench: Bench) -> None:
    bench.audited({'rule': 'HYG-05', 'outcome': 'pass'})
    bench.answers(lambda seed, shape, good: {'HYG-05': 'builder\n'})
    error = failure(bench)
    assert 'the audit says otherwise of HYG-05' in error.hint
    assert [one['rule'] for one in bench.report()['disagreements']] == [
        'HYG-05'
    ]


def test_audit_of_another_file_is_not_compared(bench: Bench) -> None:
    bench.audited({'rule': 'EGI-GROW-01'}, sha256='ef' * 32)
    (report,) = bench.run()
    assert report.properties['disagreements'] == []


def test_smoke_test_without_an_audit_has_nothing_to_disagree_with(
    bench: Bench,
) -> None:
    bench.run()
    assert bench.report()['disagreements'] == []
