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

RULE = registry.get('HYG-06')


def check(files, without=(), **options):
    return RULE.check(images.in_memory(files, without), options)


@pytest.mark.parametrize(
    ('path', 'content', 'severity'),
    [
        ('/var/lib/dhcp/dhclient.eth0.leases', 'x', 'error'),
        ('/var/lib/dhclient/dhclient.leases', 'x', 'error'),
        ('/var/lib/NetworkManager/secret_key', 'x', 'error'),
        ('/var/lib/systemd/network/duid', 'x', 'error'),
        ('/etc/netplan/50-cloud-init.yaml', 'x', 'error'),
        ('/etc/network/interfaces.d/50-cloud-init', 'x', 'error'),
        (
            '/etc/NetworkManager/system-connections/cloud-init-eth0.nmconnection',
            'x',
            'error',
        ),
        (
            '/etc/sysconfig/network-scripts/ifcfg-eth0',
            '# Created by cloud-init on boot\n',
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
        {'/var/lib/dhcp': None},
        {'/etc/netplan/90-x.yaml': 'x'},
        {'/etc/NetworkManager/system-connections/vpn.nmconnection': 'x'},
        {
            '/etc/sysconfig/network-scripts/ifcfg-eth0': 'DEVICE=eth0\n'
            'BOOTPROTO=dhcp\n'
        },
        {'/var/lib/NetworkManager/NetworkManager-intern.conf': 'x'},
    ],
    ids=str,
)
def test_what_does_not_break_it_passes(files):
    assert check(files).outcome == 'pass'
