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

from typing import ClassVar

from image_pipeline import artifact
from image_pipeline.probes import base, protocol, registry, services
from image_pipeline.testing import guest_answers
from image_pipeline.testing.conformance import probe as conformance

EXPECTED = conformance.EXPECTED
GOOD = guest_answers.recorded()
changed = guest_answers.changed


def units(*more: str) -> str:
    """Return the answer of a guest with more units."""
    return changed('LIVE-UNITS', '== jobs\n', '\n'.join((*more, '== jobs\n')))


def judge(name: str, text: str) -> base.ProbeResult:
    answer = protocol.Answer(text=text)
    return base.judge(registry.load(name), answer, EXPECTED)


class TestProbes(conformance.ProbeConformance):
    probes = services.PROBES
    good = GOOD
    defects: ClassVar = [
        ('LIVE-UNITS', units('failed a.service'), 'fail', 'a.service failed'),
        ('LIVE-UNITS', units('failed a.mount'), 'fail', 'a.mount failed'),
        (
            'LIVE-UNITS',
            GOOD['LIVE-UNITS'].replace(
                '== jobs\n', '== jobs\n42 b.service start waiting\n'
            ),
            'fail',
            'b.service',
        ),
        ('LIVE-UNITS', '== none\n', 'not-applicable', 'systemd'),
        ('LIVE-UNITS', '== state\n== units\n', 'unknown', 'understood'),
        ('EGI-CON-01', units('getty@tty6.service'), 'fail', 'tty6'),
        ('EGI-CON-01', units('autovt@tty2.service'), 'fail', 'tty2'),
        (
            'EGI-CON-02',
            changed('EGI-CON-02', 'getty@tty1.service\n', ''),
            'fail',
            'no login waits on tty1',
        ),
        (
            'EGI-CON-02',
            changed('EGI-CON-02', 'screen=1\n', ''),
            'not-applicable',
            'no screen',
        ),
        (
            'EGI-ONE-02',
            units('one-context.service'),
            'fail',
            'one-context.service runs beside cloud-init',
        ),
        (
            'EGI-ONE-02',
            '== state\nrunning\n== units\nssh.service\n== jobs\n== devices\n',
            'fail',
            'nothing contextualises',
        ),
        (
            'EGI-SEC-04',
            units('chronyd.service'),
            'fail',
            'chrony, systemd-timesyncd',
        ),
        (
            'EGI-SEC-04',
            changed('EGI-SEC-04', 'systemd-timesyncd.service\n', ''),
            'fail',
            'nothing keeps the clock',
        ),
        ('EGI-PKG-01', units('gdm.service'), 'fail', 'gdm.service runs'),
        ('BOOT-06', units('open-vm-tools.service'), 'fail', 'open-vm-tools'),
        (
            'VIRT-01',
            changed('VIRT-01', 'fstrim.timer\n', ''),
            'fail',
            'fstrim.timer does not run',
        ),
        (
            'VIRT-01',
            changed('VIRT-01', 'vda=2147483136', 'vda=0'),
            'not-applicable',
            'discards',
        ),
        (
            'VIRT-02',
            changed('VIRT-02', 'qemu-guest-agent.service\n', ''),
            'fail',
            'none runs',
        ),
        (
            'VIRT-02',
            changed('VIRT-02', 'agent=1\n', ''),
            'not-applicable',
            'no port',
        ),
        (
            'VIRT-03',
            changed('VIRT-03', 'systemd-logind.service\n', ''),
            'fail',
            'power button',
        ),
        ('EGI-SEC-06', 'manager=apt\n', 'fail', 'not told'),
        (
            'EGI-SEC-06',
            'manager=apt\nAPT::Periodic::Unattended-Upgrade=1\n',
            'fail',
            'is not there',
        ),
        (
            'EGI-SEC-06',
            'manager=rpm\ntimer.dnf-automatic=disabled\n',
            'fail',
            'no timer',
        ),
        ('EGI-SEC-06', '', 'not-applicable', 'neither'),
    ]


def test_updates_are_settled_by_a_timer_on_or_masked() -> None:
    for state in ('enabled', 'masked'):
        text = f'manager=rpm\ntimer.dnf5-automatic={state}\n'
        assert judge('EGI-SEC-06', text).outcome is artifact.Outcome.PASS
