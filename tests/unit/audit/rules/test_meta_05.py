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

from image_pipeline import artifact
from image_pipeline.audit import registry
from image_pipeline.testing import mutations

RULE = registry.get('META-05')
STATE = artifact.ImageState


@pytest.mark.parametrize(
    ('state', 'tested', 'outcome'),
    [
        (STATE.CURRENT, 'ab' * 32, 'pass'),
        (STATE.PREVIOUS, 'ab' * 32, 'pass'),
        (STATE.CURRENT, None, 'fail'),
        (STATE.PREVIOUS, None, 'fail'),
        (STATE.CURRENT, 'cd' * 32, 'fail'),
        (STATE.CANDIDATE, None, 'not-applicable'),
        (STATE.RETIRED, None, 'not-applicable'),
        (STATE.REJECTED, None, 'not-applicable'),
    ],
)
def test_what_users_get_was_booted(state, tested, outcome):
    record = {'state': state, 'tested_sha256': tested}
    assert RULE.check(mutations.registered({}, record)).outcome == outcome


def test_image_that_is_not_registered_is_not_judged():
    assert RULE.check(mutations.registered({})).outcome == 'not-applicable'
