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

from image_pipeline.audit import registry, subjects
from image_pipeline.testing import disks
from image_pipeline.testing.disks import Link

RULE = registry.get('VIRT-02')
SERVICE = '/usr/lib/systemd/system/qemu-guest-agent.service'
BASE = {'/usr/lib/systemd/systemd': 'ELF\n', '/etc/machine-id': 'a' * 32}
DEBIAN = BASE | {
    '/usr/sbin/qemu-ga': 'ELF\n',
    SERVICE: '[Service]\nExecStart=-/usr/sbin/qemu-ga\n',
    '/lib/udev/rules.d/60-qemu-guest-agent.rules': 'TAG+="systemd", '
    'ENV{SYSTEMD_WANTS}="qemu-guest-agent.service"\n',
}
EL = BASE | {
    '/usr/bin/qemu-ga': 'ELF\n',
    SERVICE: '[Service]\n[Install]\nWantedBy=dev-virtio\\x2dports.device\n',
}
AGENT = {'hw_qemu_guest_agent': 'yes'}
FROZEN = AGENT | {'os_require_quiesce': 'True'}


def check(files, **properties):
    image = disks.MemoryView(disks.MemoryDisk(), files)
    return RULE.check(
        subjects.RegisteredImageView(
            name='x', properties=properties, image=image
        )
    )


@pytest.mark.parametrize(
    ('files', 'properties', 'outcome'),
    [
        (DEBIAN, AGENT, 'pass'),
        (DEBIAN, {'hw_qemu_guest_agent': 'true'}, 'pass'),
        (DEBIAN, FROZEN, 'pass'),
        (BASE, {}, 'pass'),
        (BASE, {'hw_qemu_guest_agent': 'no'}, 'pass'),
        (BASE, AGENT, 'fail'),
        (EL, AGENT, 'fail'),
        (DEBIAN, {'os_require_quiesce': 'yes'}, 'fail'),
        (
            DEBIAN
            | {
                '/etc/systemd/system/qemu-guest-agent.service': Link(
                    '/dev/null'
                )
            },
            AGENT,
            'fail',
        ),
    ],
)
def test_promise_of_an_agent_is_kept(files, properties, outcome):
    files = files | {'/etc/systemd/system-preset/00-x.preset': 'disable *\n'}
    verdict = check(files, **properties)
    assert verdict.outcome == outcome
    assert verdict.severity is None


def test_agent_of_the_red_hat_family_is_enabled():
    link = '/etc/systemd/system/dev-virtio.device.wants/'
    files = EL | {f'{link}qemu-guest-agent.service': Link(SERVICE)}
    assert check(files, **AGENT).outcome == 'pass'


def test_agent_that_nobody_tells_of_is_a_hint():
    verdict = check(DEBIAN)
    assert (verdict.outcome, verdict.severity) == ('fail', 'info')


def test_commands_that_are_refused_matter_where_snapshots_need_them():
    files = DEBIAN | {
        '/etc/sysconfig/qemu-ga': 'BLACKLIST_RPC=guest-fsfreeze-thaw\n'
    }
    assert check(files, **AGENT).outcome == 'pass'
    verdict = check(files, **FROZEN)
    assert verdict.outcome == 'fail'
    assert verdict.evidence[0].line == 1


def test_without_the_image_nothing_can_be_told():
    verdict = RULE.check(
        subjects.RegisteredImageView(name='x', properties=AGENT)
    )
    assert verdict.outcome == 'unknown'
