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


from image_pipeline.artifact import Outcome
from image_pipeline.audit import registry
from image_pipeline.audit.rule import Severity
from image_pipeline.testing import listed

RULE = registry.get('CLOUD-08')


def test_sound_image_passes():
    assert RULE.check(listed.view()).outcome is Outcome.PASS


def judge(*others, **changes):
    found = RULE.check(listed.view(*others, **changes))
    return found.outcome, found.severity or RULE.severity


WARNING = (Outcome.FAIL, Severity.WARNING)
INFO = (Outcome.FAIL, Severity.INFO)
GIB = 1 << 30


def test_disk_that_does_not_fit_is_told():
    assert judge(virtual_size=2 * GIB + 1) == WARNING


def test_min_disk_that_is_not_set_is_a_hint():
    assert judge(min_disk=0) == INFO


def test_size_of_a_raw_image_is_that_of_its_file():
    raw = {'disk_format': 'raw', 'virtual_size': None}
    assert judge(size=3 * GIB, **raw) == WARNING
    assert judge(size=2 * GIB, **raw)[0] is Outcome.PASS


def test_size_that_is_not_known_is_a_hint():
    assert judge(virtual_size=None) == INFO


def test_bytes_for_mebibytes_are_told():
    assert judge(min_ram=512 << 20) == WARNING
    assert judge(min_disk=2 * GIB) == WARNING
