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

RULE = registry.get('OS-NET-01')
MAC = '52:54:00:12:34:56'
UDEV = '/etc/udev/rules.d'
VENDOR = '/usr/lib/udev/rules.d/75-persistent-net-generator.rules'
MASK = f'{UDEV}/75-persistent-net-generator.rules'


def check(files=None):
    return RULE.check(images.in_memory(files))


def test_sound_image_passes():
    assert check().outcome == 'pass'


@pytest.mark.parametrize(
    ('path', 'text'),
    [
        ('/etc/systemd/network/1.link', f'[Match]\nMACAddress={MAC}\n'),
        (
            '/etc/systemd/network/1.network',
            f'[Match]\nPermanentMACAddress={MAC.upper()}\n',
        ),
        (
            '/etc/netplan/1.yaml',
            f'network: {{ethernets: {{e: {{macaddress: "{MAC}"}}}}}}\n',
        ),
        (
            '/etc/sysconfig/network-scripts/ifcfg-eth0',
            f'HWADDR={MAC.replace(":", "-")}\n',
        ),
        ('/etc/sysconfig/network/ifcfg-eth0', f"LLADDR='{MAC}'\n"),
        (
            '/etc/NetworkManager/system-connections/a.nmconnection',
            f'[ethernet]\nmac-address={MAC}\n',
        ),
        (
            '/etc/network/interfaces',
            f'iface eth0 inet dhcp\n hwaddress ether {MAC}\n',
        ),
        (
            f'{UDEV}/70-persistent-net.rules',
            f'SUBSYSTEM=="net", ATTR{{address}}=="{MAC}", NAME="eth0"\n',
        ),
    ],
)
def test_address_of_a_card_is_an_error_where_it_is(path, text):
    found = check({path: text})
    assert (found.outcome, found.severity) == ('fail', None)
    assert found.evidence[0].path == path


@pytest.mark.parametrize(
    ('path', 'thing'),
    [
        (f'{UDEV}/70-persistent-net.rules', ''),
        (f'{UDEV}/70-persistent-net.rules', Link('/dev/null')),
        (f'{UDEV}/70-persistent-net.rules', f'# ATTR{{address}}=="{MAC}"\n'),
        (
            '/etc/NetworkManager/conf.d/a.conf',
            '[connection]\nethernet.cloned-mac-address=stable\n',
        ),
        (
            '/etc/systemd/network/1.link',
            '[Match]\nMACAddress=00:00:00:00:00:00\n',
        ),
    ],
)
def test_what_names_no_card_passes(path, thing):
    assert check({path: thing}).outcome == 'pass'


def test_generator_of_names_warns_unless_it_is_masked():
    found = check({VENDOR: 'x\n'})
    assert (found.outcome, found.severity) == ('fail', 'warning')
    assert check({VENDOR: 'x', MASK: Link('/dev/null')}).outcome == 'pass'
    assert check({VENDOR: 'x', MASK: ''}).outcome == 'pass'
    assert check({MASK: 'x\n'}).evidence[0].path == MASK
