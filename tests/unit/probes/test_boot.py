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
from typing import ClassVar

from image_pipeline.probes import base, boot, protocol, registry
from image_pipeline.testing import guest_answers
from image_pipeline.testing.conformance import probe as conformance

EXPECTED = conformance.EXPECTED
GOOD = guest_answers.recorded()


class TestProbes(conformance.ProbeConformance):
    probes = boot.PROBES
    good = GOOD
    defects: ClassVar = [
        (
            'BOOT-07',
            GOOD['BOOT-07'].replace('=9000000', '=61000000'),
            'fail',
            '61',
        ),
        (
            'BOOT-07',
            GOOD['BOOT-07'].replace('=9000000', '=0'),
            'fail',
            'not end',
        ),
        ('BOOT-07', '', 'unknown', 'understood'),
        ('EGI-CON-03', 'active=tty0\n', 'fail', 'no serial console'),
        (
            'EGI-CON-03',
            'active=tty0 ttyS0\ngetty.ttyS0=failed',
            'fail',
            'login',
        ),
        ('LIVE-MEMORY', '', 'unknown', 'understood'),
    ]


def test_emulated_guest_may_be_slow_but_not_wait() -> None:
    emulated = dataclasses.replace(EXPECTED, emulated=True)
    slow = GOOD['BOOT-07'].replace('=9000000', '=400000000')
    waits = slow.replace('12.50 8.00 2', '410.00 140.00 2')
    for text, outcome in ((slow, 'pass'), (waits, 'fail')):
        answer = protocol.Answer(text=text)
        result = base.judge(registry.load('BOOT-07'), answer, emulated)
        assert result.outcome.value == outcome
        assert result.facts['to_cloud_init_end'] == 400
