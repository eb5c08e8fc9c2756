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

RULE = registry.get('HYG-01')


def check(files, without=(), **options):
    return RULE.check(images.in_memory(files, without), options)


@pytest.mark.parametrize(
    ('path', 'content', 'severity'),
    [
        ('/etc/ssh/ssh_host_rsa_key', 'x', 'error'),
        ('/etc/ssh/ssh_host_ed25519_key.pub', 'x', 'error'),
        ('/etc/ssh/ssh_host_key', 'x', 'error'),
        ('/etc/dropbear/dropbear_rsa_host_key', 'x', 'error'),
        ('/etc/dropbear/initramfs/dropbear_ed25519_host_key', 'x', 'error'),
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
        {},
        {'/etc/ssh/ssh_host_rsa_key': ''},
        {'/etc/ssh/moduli': 'x'},
        {'/usr/share/doc/x/ssh_host_rsa_key': 'x'},
        {'/etc/ssh/ssh_known_hosts': 'x'},
    ],
    ids=str,
)
def test_what_does_not_break_it_passes(files):
    assert check(files).outcome == 'pass'
