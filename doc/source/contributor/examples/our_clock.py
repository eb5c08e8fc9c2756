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

"""OUR-CLOCK-01: the clock shows UTC."""

from image_pipeline.probes import base, protocol


def _judge(answer: protocol.Answer, expected: base.Expected) -> base.Verdict:
    zone = answer.text.strip()
    if not zone:
        return base.unknown('the guest has no date')
    return base.compared(f'the clock is at {zone}', zone == '+0000', '+0000')


PROBE = base.Probe(
    id='OUR-CLOCK-01',
    title='the clock shows UTC',
    snippet='date +%z\n',
    judge=_judge,
)
