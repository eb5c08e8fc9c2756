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

"""What a guest does for its hypervisor is spoilt; one rule says so."""

import pytest

from image_pipeline.host import process
from image_pipeline.testing import images, mutations
from image_pipeline.testing.disks import File
from image_pipeline.testing.mutations import Mutation

HOST = process.Host()
UNITS = '/usr/lib/systemd/system'
WANTS = '/etc/systemd/system'
SECURE = {
    'os_secure_boot': 'required',
    'hw_firmware_type': 'uefi',
    'hw_machine_type': 'q35',
}
ENCRYPTED = SECURE | {'os_secure_boot': 'disabled', 'hw_mem_encryption': 'yes'}
CONFIG = f'/boot/config-{images.KERNEL}'


AGENT = {
    '/usr/sbin/qemu-ga': File('ELF\n', mode=0o755),
    f'{UNITS}/qemu-guest-agent.service': '[Service]\n'
    'ExecStart=/usr/sbin/qemu-ga\n',
    '/usr/lib/udev/rules.d/60-qemu-guest-agent.rules': 'SUBSYSTEM=='
    '"virtio-ports", ENV{SYSTEMD_WANTS}="qemu-guest-agent.service"\n',
}
PROMISED = {'hw_qemu_guest_agent': 'yes'}
FROZEN = PROMISED | {'os_require_quiesce': 'yes'}


def fstab(options: str) -> str:
    before = images.FILES['/etc/fstab']
    assert isinstance(before, str)
    return before.replace('errors=remount-ro', options)


def grub(word: str) -> str:
    before = images.FILES['/boot/grub/grub.cfg']
    assert isinstance(before, str)
    return before.replace(' ro ', f' ro {word} ')


MUTATIONS = {
    '01 discard at each deletion': Mutation(
        rule='VIRT-01',
        files={'/etc/fstab': fstab('errors=remount-ro,discard')},
        severity='info',
        where='/etc/fstab',
    ),
    '01 timer is off': Mutation(
        rule='VIRT-01',
        without=frozenset({f'{WANTS}/timers.target.wants/fstrim.timer'}),
        # Else a first boot enables it.
        files={
            '/etc/systemd/system-preset/10-site.preset': 'disable '
            'fstrim.timer\n'
        },
        severity='info',
        where=f'{UNITS}/fstrim.timer',
    ),
    '02 agent that is not there': Mutation(
        rule='VIRT-02', properties=PROMISED
    ),
    '02 agent that does not freeze': Mutation(
        rule='VIRT-02',
        files=AGENT
        | {
            '/etc/sysconfig/qemu-ga': 'FILTER_RPC_ARGS='
            '"--block-rpcs=guest-exec,guest-fsfreeze-freeze"\n'
        },
        properties=FROZEN,
        where='/etc/sysconfig/qemu-ga',
    ),
    '03 power button is ignored': Mutation(
        rule='VIRT-03',
        files={
            '/etc/systemd/logind.conf.d/99-site.conf': '[Login]\n'
            'HandlePowerKey=ignore\n'
        },
        severity='warning',
        where='/etc/systemd/logind.conf.d/99-site.conf',
    ),
    '04 clock source': Mutation(
        rule='VIRT-04',
        files={'/boot/grub/grub.cfg': grub('clocksource=tsc')},
        severity='info',
        where='/boot/grub/grub.cfg',
    ),
    '04 chrony that does not step': Mutation(
        rule='VIRT-04',
        files={'/etc/chrony/chrony.conf': 'pool pool.ntp.org iburst\n'},
        severity='info',
        where='/etc/chrony/chrony.conf',
    ),
    '05 boot loader is not signed': Mutation(
        rule='VIRT-05',
        properties=SECURE,
        where='/boot/efi/EFI/BOOT/BOOTX64.EFI',
    ),
    '05 no memory encryption': Mutation(
        rule='VIRT-05',
        files={CONFIG: 'CONFIG_X86=y\n'},
        properties=ENCRYPTED,
        where=CONFIG,
    ),
}


@pytest.mark.parametrize('name', list(MUTATIONS))
def test_one_fault_makes_one_rule_fire(name, sound, tmp_path):
    mutations.check(MUTATIONS[name], sound, tmp_path, host=HOST)


@pytest.mark.parametrize(
    'properties',
    [PROMISED, FROZEN, ENCRYPTED],
    ids=['agent', 'frozen snapshots', 'encrypted memory'],
)
def test_claims_that_are_true_are_sound(properties, tmp_path):
    path = images.build(
        tmp_path / 'disk.raw',
        host=HOST,
        files=AGENT | {CONFIG: 'CONFIG_AMD_MEM_ENCRYPT=y\n'},
    )
    found = mutations.audit(path, PROMISED | properties)
    outcomes = {result.rule: result.outcome for result in found.results}
    assert outcomes['VIRT-02'] == 'pass'
    assert outcomes['VIRT-05'] in ('pass', 'not-applicable')
