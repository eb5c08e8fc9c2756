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

from image_pipeline.audit import known, rule
from image_pipeline.testing import images


@pytest.mark.parametrize(
    'make',
    [
        known.units,
        known.cloud_config,
        known.sshd_config,
        known.passwd,
        known.network_settings,
        known.os_release,
    ],
)
def test_everything_is_made_but_once(make):
    image = images.in_memory()
    assert make(image) is make(image)


@pytest.mark.parametrize(
    ('make', 'without', 'error'),
    [
        (known.units, '/usr/lib/systemd/systemd', rule.CannotTell),
        (known.sshd_config, '/usr/sbin/sshd', rule.NotApplicable),
        (known.passwd, '/etc/passwd', rule.CannotTell),
    ],
)
def test_what_is_not_there_is_said(make, without, error):
    with pytest.raises(error):
        make(images.in_memory(without=[without]))
