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
import types
from importlib import metadata
from pathlib import Path

import pytest

from image_pipeline import exceptions
from image_pipeline.conf import settings as conf_settings
from image_pipeline.engine import doctor
from image_pipeline.hypervisors import acceleration, firmware
from image_pipeline.recipe import needs
from image_pipeline.stages import base

GIB = 2**30
KVM = acceleration.Acceleration(name='kvm', reason='it got through')
TCG = acceleration.Acceleration(name='tcg', reason='/dev/kvm cannot be used')
OVMF = firmware.Firmware(
    code=Path('/ovmf/code'),
    code_format='raw',
    variables=Path('/ovmf/vars'),
    variables_format='raw',
)


@dataclasses.dataclass
class FakeHost:
    """Runs nothing, and fails if told so."""

    fails: bool = False
    ran: list = dataclasses.field(default_factory=list)

    def run(self, argv, **_):
        self.ran.append(argv)
        if self.fails:
            raise exceptions.CommandFailed(
                '`unshare` failed', tail=['Operation not permitted']
            )


@pytest.fixture
def settings(tmp_path):
    return types.SimpleNamespace(state_dir=tmp_path)


def make_step(stage, *, recipe='a.yaml', **host_needs):
    return types.SimpleNamespace(
        stage_name=stage,
        context=types.SimpleNamespace(recipe_file=Path(recipe)),
        needs=lambda: base.HostNeeds(**host_needs),
    )


def make_facts(*missing, **changes):
    facts = {
        'which': lambda name: (
            None if name in missing else Path('/usr/bin', name)
        ),
        'is_root': True,
        'free_bytes': lambda _: 50 * GIB,
        'memory_bytes': lambda: 4 * GIB,
        'version_of': lambda _: '7.2.22',
        'writable': lambda _: True,
    }
    return needs.HostFacts(**facts | changes)


def make_probes(**changes):
    probes = {
        'host': FakeHost(),
        'firmware': lambda: OVMF,
        'acceleration': lambda qemu: KVM,
        'mirrors': lambda: conf_settings.Mirrors(debian='http://a/debian'),
        'version': lambda name: '1.0',
    }
    return doctor.Probes(**probes | changes)


def find(findings, subject):
    [found] = [one for one in findings if one.subject == subject]
    return found


COMPOSE = make_step(
    'compose',
    executables={'unshare': None, 'mcopy': None, 'mmdebstrap': None},
    root=True,
    disk_bytes=4 * GIB,
)
SMOKE = make_step('smoke-test', executables={'qemu-system-x86_64': '6.0'})


def test_a_host_that_has_everything_lacks_nothing(settings):
    findings = doctor.judge(
        [COMPOSE, SMOKE], settings, make_facts(), make_probes()
    )
    assert {one.verdict for one in findings} == {doctor.Verdict.OK}
    assert not [one for one in findings if one.remedy]


def test_a_missing_program_names_its_package_and_its_stage(settings):
    finding = find(
        doctor.judge([COMPOSE], settings, make_facts('mcopy'), make_probes()),
        'program mcopy',
    )
    assert finding.verdict is doctor.Verdict.MISSING
    assert finding.remedy == 'apt-get install mtools'
    assert finding.needed_by == ('compose',)


def test_a_program_that_is_too_old_is_missing(settings):
    step = make_step('convert', executables={'qemu-img': '8.0'})
    finding = find(
        doctor.judge([step], settings, make_facts(), make_probes()),
        'program qemu-img',
    )
    assert finding.verdict is doctor.Verdict.MISSING
    assert finding.found == 'version 7.2.22, and 8.0 is needed'


def test_another_user_than_root_is_told_so(settings):
    finding = find(
        doctor.judge(
            [COMPOSE], settings, make_facts(is_root=False), make_probes()
        ),
        'root',
    )
    assert finding.verdict is doctor.Verdict.MISSING
    assert finding.remedy == 'use sudo'


def test_root_is_no_matter_where_no_stage_needs_it(settings):
    finding = find(
        doctor.judge(
            [SMOKE], settings, make_facts(is_root=False), make_probes()
        ),
        'root',
    )
    assert finding.verdict is doctor.Verdict.OK


def test_room_is_that_of_the_largest_recipe_not_of_all(settings):
    steps = [
        make_step('compose', recipe=recipe, disk_bytes=size * GIB)
        for recipe, size in (('a', 4), ('b', 6), ('c', 5))
    ]
    facts = make_facts(free_bytes=lambda _: 7 * GIB)
    finding = find(
        doctor.judge(steps, settings, facts, make_probes()), 'disk space'
    )
    assert finding.verdict is doctor.Verdict.OK
    assert finding.found == '7.0 GiB free, 6.0 GiB needed'


def test_too_little_room_is_missing(settings):
    facts = make_facts(free_bytes=lambda _: GIB)
    finding = find(
        doctor.judge([COMPOSE], settings, facts, make_probes()), 'disk space'
    )
    assert finding.verdict is doctor.Verdict.MISSING


def test_a_state_folder_that_cannot_be_written_is_missing(settings):
    finding = find(
        doctor.judge(
            [], settings, make_facts(writable=lambda _: False), make_probes()
        ),
        'state folder',
    )
    assert finding.verdict is doctor.Verdict.MISSING


def test_a_container_that_may_not_make_namespaces_is_told_so(settings):
    probes = make_probes(host=FakeHost(fails=True))
    finding = find(
        doctor.judge([COMPOSE], settings, make_facts(), probes), 'namespaces'
    )
    assert finding.verdict is doctor.Verdict.MISSING
    assert finding.found == 'Operation not permitted'


def test_guests_in_software_are_a_warning_only(settings):
    probes = make_probes(acceleration=lambda qemu: TCG)
    finding = find(
        doctor.judge([SMOKE], settings, make_facts(), probes), 'acceleration'
    )
    assert finding.verdict is doctor.Verdict.WARNING
    assert finding.found == 'tcg: /dev/kvm cannot be used'


def test_acceleration_is_not_probed_without_qemu(settings):
    def probe(qemu):
        raise AssertionError('there is no QEMU to probe with')

    findings = doctor.judge(
        [SMOKE],
        settings,
        make_facts('qemu-system-x86_64'),
        make_probes(acceleration=probe),
    )
    assert not [one for one in findings if one.subject == 'acceleration']


def test_firmware_that_is_not_there_is_missing(settings):
    def find_none():
        raise exceptions.StageFailed('no firmware', hint='install ovmf')

    finding = find(
        doctor.judge(
            [SMOKE], settings, make_facts(), make_probes(firmware=find_none)
        ),
        'UEFI firmware',
    )
    assert finding.verdict is doctor.Verdict.MISSING
    assert finding.remedy == 'install ovmf'


def test_a_library_that_is_not_installed_is_named(settings):
    def version(name):
        if name == 'taskflow':
            raise metadata.PackageNotFoundError(name)
        return '1.0'

    finding = find(
        doctor.judge([], settings, make_facts(), make_probes(version=version)),
        'Python libraries',
    )
    assert finding.verdict is doctor.Verdict.MISSING
    assert finding.remedy == 'pip install taskflow'


def test_a_host_whose_apt_names_no_mirror_is_told_what_to_set(settings):
    probes = make_probes(mirrors=conf_settings.Mirrors)
    finding = find(
        doctor.judge([COMPOSE], settings, make_facts(), probes), 'mirrors'
    )
    assert finding.verdict is doctor.Verdict.MISSING
    assert finding.remedy == 'set debian in [mirrors]'
