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

"""The example of the contributor's guide, as the guide says."""

import importlib.util
from pathlib import Path

from image_pipeline.testing.conformance import probe

_FILE = Path(__file__).parents[3] / 'doc/source/contributor/examples'
_SPEC = importlib.util.spec_from_file_location(
    'our_clock', _FILE / 'our_clock.py'
)
our_clock = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(our_clock)


class TestOurClock(probe.ProbeConformance):
    probes = (our_clock.PROBE,)
    good = {'OUR-CLOCK-01': '+0000\n'}  # noqa: RUF012 - read only
    defects = (
        ('OUR-CLOCK-01', '+0100\n', 'fail', '+0100'),
        ('OUR-CLOCK-01', '', 'unknown', 'no date'),
    )
