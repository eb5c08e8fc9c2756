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

"""The network and its firewall are spoilt; one rule says so."""

import pytest

from image_pipeline.host import process
from image_pipeline.testing import mutations
from image_pipeline.testing.disks import Link
from image_pipeline.testing.mutations import Mutation

HOST = process.Host()
UNITS = '/usr/lib/systemd/system'
WANTS = '/etc/systemd/system/multi-user.target.wants'
NETWORK = '/etc/systemd/network/50-x.network'
NETPLAN = '/etc/netplan/01-x.yaml'
MAC = '52:54:00:12:34:56'
RULES = (
    'table inet filter {\n chain input {\n'
    '  type filter hook input priority 0; policy drop;\n'
    '  tcp dport { 80, 443 } accept\n }\n}\n'
)


def service(name: str) -> dict[str, str | Link]:
    """Return an enabled service."""
    path = f'{UNITS}/{name}.service'
    return {
        path: '[Service]\nExecStart=/bin/true\n'
        '[Install]\nWantedBy=multi-user.target\n',
        f'{WANTS}/{name}.service': Link(path),
    }


MUTATIONS = {
    'NET-01 networkd': Mutation(
        rule='OS-NET-01',
        files={NETWORK: f'[Match]\nMACAddress={MAC}\n[Network]\nDHCP=yes\n'},
        where=NETWORK,
    ),
    'NET-01 netplan': Mutation(
        rule='OS-NET-01',
        files={
            NETPLAN: 'network:\n  ethernets:\n    nic:\n'
            f'      match: {{macaddress: "{MAC}"}}\n      dhcp4: true\n'
        },
        where=NETPLAN,
    ),
    'NET-01 udev': Mutation(
        rule='OS-NET-01',
        files={
            '/etc/udev/rules.d/70-persistent-net.rules': 'SUBSYSTEM=="net", '
            f'ATTR{{address}}=="{MAC}", NAME="eth0"\n'
        },
        where='/etc/udev/rules.d/70-persistent-net.rules',
    ),
    'NET-02 no service': Mutation(
        rule='OS-NET-02',
        without=frozenset(
            {f'{WANTS}/systemd-networkd.service', '/usr/sbin/netplan'}
        ),
    ),
    'NET-02 two services': Mutation(
        rule='OS-NET-02',
        files=service('NetworkManager'),
        severity='warning',
    ),
    'NET-02 nothing to write for': Mutation(
        rule='OS-NET-02',
        files={
            '/etc/cloud/cloud.cfg.d/99-z.cfg': (
                'system_info: {network: {renderers: [eni]}}\n'
            )
        },
        where='/etc/cloud/cloud.cfg.d/99-z.cfg',
    ),
    'NET-02 an address': Mutation(
        rule='OS-NET-02',
        files={NETWORK: '[Match]\nName=en*\n[Network]\nAddress=192.0.2.1/24'},
        severity='warning',
        where=NETWORK,
    ),
    'NET-03 an old name': Mutation(
        rule='OS-NET-03',
        files={NETWORK: '[Match]\nName=eth0\n[Network]\nDHCP=yes\n'},
        severity='info',
        where=NETWORK,
    ),
    'FW-01 SSH is kept out': Mutation(
        rule='OS-FW-01',
        files={**service('nftables'), '/etc/nftables.conf': RULES},
        where='/etc/nftables.conf',
    ),
}


@pytest.mark.parametrize('name', list(MUTATIONS))
def test_one_fault_makes_one_rule_fire(name, sound, tmp_path):
    mutations.check(MUTATIONS[name], sound, tmp_path, host=HOST)
