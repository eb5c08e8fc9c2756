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

from image_pipeline.audit.guest import network
from image_pipeline.disk import files
from image_pipeline.testing.disks import Link, MemoryFiles

MAC = '52:54:00:12:34:56'


def found(content):
    tree = files.FileTree(MemoryFiles(content))
    return [
        (one.kind, one.value, one.interface) for one in network.settings(tree)
    ]


def test_netplan_is_read_with_lines():
    content = {
        '/etc/netplan/a.yaml': 'network:\n  ethernets:\n    nic:\n'
        f'      match: {{macaddress: "{MAC}"}}\n      set-name: eth0\n'
        '      dhcp4: true\n      addresses: [192.0.2.1/24]\n'
        '      nameservers:\n        addresses: [192.0.2.2]\n'
        '      routes:\n      - {to: default, via: 192.0.2.3}\n'
    }
    assert found(content) == [
        ('mac', MAC, 'nic'),
        ('rename', 'eth0', 'nic'),
        ('dhcp', 'true', 'nic'),
        ('address', '192.0.2.1/24', 'nic'),
        ('dns', '192.0.2.2', 'nic'),
        ('gateway', '192.0.2.3', 'nic'),
    ]
    tree = files.FileTree(MemoryFiles(content))
    assert network.settings(tree)[0].line.number == 4


def test_file_of_the_same_name_in_run_hides_that_in_etc():
    content = {
        '/etc/netplan/a.yaml': 'network: {ethernets: {a: {dhcp4: true}}}',
        '/run/netplan/a.yaml': 'network: {ethernets: {b: {dhcp4: true}}}',
    }
    assert found(content) == [('dhcp', 'true', 'b')]


@pytest.mark.parametrize(
    'text',
    [
        'network: [',
        'network: &a [*a]',
        '- ' * 10_000,
        '\0',
        'a: &a [x,x]\nb: &b [*a,*a]\nc: [*b,*b]',
        '? {a: b}\n: c',
    ],
    ids=range(6),
)
def test_broken_netplan_says_nothing_and_ends(text):
    assert found({'/etc/netplan/a.yaml': text}) == []


def test_networkd_s_drop_ins_count_and_masked_files_do_not():
    assert found(
        {
            '/usr/lib/systemd/network/80-x.network': '[Network]\nDHCP=yes\n',
            '/etc/systemd/network/80-x.network': Link('/dev/null'),
            '/etc/systemd/network/90-y.network': '[Match]\nName=en*\n'
            '[Network]\nDHCP=ipv4\n',
            '/etc/systemd/network/90-y.network.d/a.conf': '[Match]\n'
            f'MACAddress={MAC}\n',
        }
    ) == [
        ('name', 'en*', 'en*'),
        ('dhcp', 'ipv4', 'en*'),
        ('mac', MAC, None),
    ]


def test_ifupdown_s_sources_count():
    assert found(
        {
            '/etc/network/interfaces': 'auto lo\niface lo inet loopback\n'
            'source interfaces.d/*\nsource-directory /etc/more\n',
            '/etc/network/interfaces.d/a': 'iface eth0 inet dhcp\n'
            f'  hwaddress ether {MAC}\n',
            '/etc/more/b': 'iface eth1 inet static\n address 192.0.2.1\n',
            '/etc/more/b.bak': 'iface eth2 inet dhcp\n',
        }
    ) == [
        ('name', 'eth0', 'eth0'),
        ('dhcp', 'dhcp', 'eth0'),
        ('mac', f'ether {MAC}', 'eth0'),
        ('name', 'eth1', 'eth1'),
        ('dhcp', 'static', 'eth1'),
        ('address', '192.0.2.1', 'eth1'),
    ]


def test_keyfiles_and_ifcfg_files_say_the_same():
    folder = '/etc/NetworkManager/system-connections'
    assert found(
        {
            f'{folder}/a.nmconnection': '[connection]\ninterface-name=eth0\n'
            '[ethernet]\n'
            f'mac-address={MAC}\ncloned-mac-address=stable\n'
            '[ipv4]\nmethod=manual\naddress1=192.0.2.1/24\n',
            '/etc/sysconfig/network-scripts/ifcfg-eth1': 'BOOTPROTO="none"\n'
            f'HWADDR={MAC}\nIPADDR0=192.0.2.2\n#DNS1=x\n',
            '/etc/sysconfig/network-scripts/ifcfg-lo': 'IPADDR=127.0.0.1\n',
        }
    ) == [
        ('name', 'eth0', 'eth0'),
        ('mac', MAC, 'eth0'),
        ('dhcp', 'manual', 'eth0'),
        ('address', '192.0.2.1/24', 'eth0'),
        ('dhcp', 'none', 'eth1'),
        ('mac', MAC, 'eth1'),
        ('address', '192.0.2.2', 'eth1'),
    ]


def test_udev_s_persistent_names_pin_an_address():
    path = '/etc/udev/rules.d/70-persistent-net.rules'
    line = f'SUBSYSTEM=="net", ATTR{{address}}=="{MAC}", NAME="eth0"'
    assert found({path: f'# {line}\n{line}\n'}) == [
        ('rename', 'eth0', 'eth0'),
        ('mac', line, 'eth0'),
    ]


@pytest.mark.parametrize(
    'mac', ['00:00:00:00:00:00', 'ff:ff:ff:ff:ff:ff', 'stable', '1:2']
)
def test_what_is_no_network_card_s_address_is_no_mac(mac):
    content = {'/etc/systemd/network/a.link': f'[Match]\nMACAddress={mac}\n'}
    assert found(content) == []


def test_renderer_is_there_if_all_that_it_needs_is():
    ifup = {'/usr/sbin/ifup': ''}
    both = ifup | {'/etc/network/interfaces': ''}
    assert not network.renderer_there(files.FileTree(MemoryFiles(ifup)), 'eni')
    assert network.renderer_there(files.FileTree(MemoryFiles(both)), 'eni')
    assert not network.renderer_there(files.FileTree(MemoryFiles(both)), 'x')
