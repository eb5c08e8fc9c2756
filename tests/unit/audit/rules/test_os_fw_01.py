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

RULE = registry.get('OS-FW-01')
UNITS = '/usr/lib/systemd/system'
WANTS = '/etc/systemd/system/multi-user.target.wants'
NFT = '/etc/nftables.conf'
DROP = (
    'table inet filter {{\n chain input {{\n  type filter hook input priority '
    '0; policy drop;\n  {}\n }}\n}}\n'
)


def check(name=None, files=None, **options):
    said = dict(files or {})
    if name:
        said[f'{UNITS}/{name}.service'] = '[Service]\nExecStart=/bin/true\n'
        said[f'{WANTS}/{name}.service'] = Link(f'{UNITS}/{name}.service')
    return RULE.check(images.in_memory(said), options)


def test_image_without_a_firewall_passes():
    assert check().outcome == 'pass'
    assert check(firewall='none').outcome == 'pass'


def test_rules_that_nothing_loads_pass():
    assert check(files={NFT: DROP.format('')}).outcome == 'pass'


def test_firewall_that_keeps_ssh_out_is_an_error():
    found = check('nftables', {NFT: DROP.format('')})
    assert (found.outcome, found.severity) == ('fail', 'error')
    assert (found.evidence[0].path, found.evidence[0].line) == (NFT, 3)


def test_firewall_that_lets_ssh_in_is_a_matter_of_the_profile():
    files = {NFT: DROP.format('tcp dport 22 accept')}
    assert check('nftables', files).outcome == 'pass'
    found = check('nftables', files, firewall='none')
    assert (found.outcome, found.severity) == ('fail', None)


def test_firewall_that_cannot_be_read_is_no_pass():
    assert check('SuSEfirewall2').outcome == 'unknown'
    assert check('firewalld').outcome == 'unknown'


@pytest.mark.parametrize('enabled', ['yes', 'no'])
def test_ufw_that_is_installed_need_not_be_on(enabled):
    files = {'/etc/ufw/ufw.conf': f'ENABLED={enabled}\n'}
    outcome = 'fail' if enabled == 'yes' else 'pass'
    assert check('ufw', files).outcome == outcome
