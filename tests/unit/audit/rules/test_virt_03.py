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

import pytest

from image_pipeline.audit import registry
from image_pipeline.testing import disks
from image_pipeline.testing.disks import Link

RULE = registry.get('VIRT-03')
UNITS, ETC = '/usr/lib/systemd/system', '/etc/systemd/system'
BASE = {
    '/usr/lib/systemd/systemd': 'ELF\n',
    '/etc/machine-id': 'a' * 32,
    f'{UNITS}/systemd-logind.service': '[Service]\n',
    '/usr/lib/modules/6.1.0/modules.dep': 'kernel/virtio-rng.ko:\n',
}
IGNORED = {'/etc/systemd/logind.conf': '[Login]\nHandlePowerKey=ignore\n'}
ACPID = {
    f'{UNITS}/acpid.service': '[Service]\n',
    f'{ETC}/multi-user.target.wants/acpid.service': Link(
        f'{UNITS}/acpid.service'
    ),
}
MASKED = {f'{ETC}/systemd-logind.service': Link('/dev/null')}


def check(*files):
    content = dict(BASE)
    for one in files:
        content |= one
    return RULE.check(disks.MemoryView(disks.MemoryDisk(), content))


@pytest.mark.parametrize(
    ('files', 'outcome'),
    [
        ([], 'pass'),
        ([IGNORED], 'fail'),
        ([IGNORED, ACPID], 'pass'),
        ([MASKED], 'fail'),
        ([MASKED, ACPID], 'pass'),
        ([{'/etc/systemd/logind.conf': '[Login]\nHandlePowerKey=poweroff\n'}],
         'pass'),
        ([{'/etc/systemd/logind.conf': '[Login]\n#HandlePowerKey=ignore\n'}],
         'pass'),
        ([IGNORED, {'/etc/systemd/logind.conf.d/9.conf':
                    '[Login]\nHandlePowerKey=poweroff\n'}], 'pass'),
    ],
)  # fmt: skip
def test_somebody_listens_to_the_power_button(files, outcome):
    assert check(*files).outcome == outcome


def test_kernel_without_the_driver_for_entropy_is_a_hint():
    verdict = check(
        {'/usr/lib/modules/6.1.0/modules.dep': 'kernel/ext4.ko:\n'}
    )
    assert (verdict.outcome, verdict.severity) == ('fail', 'info')


def test_driver_may_be_built_in():
    verdict = check(
        {
            '/usr/lib/modules/6.1.0/modules.dep': '',
            '/usr/lib/modules/6.1.0/modules.builtin': 'kernel/virtio-rng.ko\n',
        }
    )
    assert verdict.outcome == 'pass'
