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
from image_pipeline.testing import images
from image_pipeline.testing.disks import Link

RULE = registry.get('HYG-09')


def check(files, without=(), **options):
    return RULE.check(images.in_memory(files, without), options)


@pytest.mark.parametrize(
    ('path', 'content', 'severity'),
    [
        (
            '/var/lib/cloud/instance',
            Link('/var/lib/cloud/instances/i'),
            'error',
        ),
        ('/var/lib/cloud/data/instance-id', 'i\n', 'error'),
        ('/var/lib/cloud/data/previous-hostname', 'x\n', 'error'),
        ('/var/lib/cloud/sem/config_scripts_per_once.once', '', 'error'),
        (
            '/etc/sudoers.d/90-cloud-init-users',
            'x ALL=(ALL) NOPASSWD:ALL\n',
            'error',
        ),
        (
            '/etc/ssh/sshd_config.d/50-cloud-init.conf',
            'PasswordAuthentication yes\n',
            'error',
        ),
    ],
    ids=str,
)
def test_what_breaks_the_rule_is_found(path, content, severity):
    verdict = check({path: content})
    assert verdict.outcome == 'fail'
    assert (verdict.severity or RULE.severity) == severity
    assert path in {one.path for one in verdict.evidence}


@pytest.mark.parametrize(
    'files',
    [
        {'/var/lib/cloud': None},
        {
            '/var/lib/cloud/data': None,
            '/var/lib/cloud/sem': None,
            '/var/lib/cloud/instances': None,
        },
        {'/var/lib/cloud/scripts/per-boot/x': 'x'},
    ],
    ids=str,
)
def test_what_does_not_break_it_passes(files):
    assert check(files).outcome == 'pass'
