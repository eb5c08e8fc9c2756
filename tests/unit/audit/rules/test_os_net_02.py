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

RULE = registry.get('OS-NET-02')
UNITS = '/usr/lib/systemd/system'
WANTS = '/etc/systemd/system/multi-user.target.wants'
NETWORKD = f'{WANTS}/systemd-networkd.service'
CLOUD = '/etc/cloud/cloud.cfg.d/99-z.cfg'
DHCP = '/etc/systemd/network/90-network-dhcp.network'
STATIC = '/etc/systemd/network/10-x.network'


def enabled(name):
    return {
        f'{UNITS}/{name}': '[Service]\nExecStart=/bin/true\n',
        f'{WANTS}/{name}': Link(f'{UNITS}/{name}'),
    }


def check(files=None, without=()):
    return RULE.check(images.in_memory(files, without))


def test_sound_image_passes():
    assert check().outcome == 'pass'


def test_no_service_is_an_error_and_two_are_a_warning():
    none = check(without=[NETWORKD, '/usr/sbin/netplan'])
    assert (none.outcome, none.severity) == ('fail', None)
    two = check(enabled('NetworkManager.service'))
    assert (two.outcome, two.severity) == ('fail', 'warning')


def test_netplan_starts_networkd_by_itself():
    assert check(without=[NETWORKD]).outcome == 'pass'


@pytest.mark.parametrize('renderers', ['[eni]', '[network-manager]', '[x]'])
def test_cloud_init_without_anything_to_write_for_is_an_error(renderers):
    text = f'system_info: {{network: {{renderers: {renderers}}}}}\n'
    found = check({CLOUD: text})
    assert (found.outcome, found.severity) == ('fail', None)


def test_cloud_init_that_writes_for_what_is_off_is_an_error():
    files = {
        '/usr/sbin/ifup': 'x',
        '/etc/network/interfaces': 'auto lo\n',
        CLOUD: 'system_info: {network: {renderers: [eni, netplan]}}\n',
    }
    found = check(files)
    assert 'writes for eni' in found.evidence[0].message
    assert check(
        files | enabled('networking.service'), [NETWORKD]
    ).outcome == ('pass')


def test_networkmanager_of_red_hat_passes():
    files = {
        **enabled('NetworkManager.service'),
        '/etc/NetworkManager/NetworkManager.conf': '[main]\n',
        CLOUD: 'system_info: {network: {renderers: [sysconfig, '
        'network-manager]}}\n',
    }
    assert check(files, [NETWORKD, '/usr/sbin/netplan']).outcome == 'pass'


@pytest.mark.parametrize(
    'text',
    [
        '[Network]\nAddress=192.0.2.1/24\n',
        '[Address]\nAddress=2001:db8::1/64\n',
        '[Network]\nGateway=192.0.2.1\n',
        '[Network]\nDNS=192.0.2.1\n',
    ],
)
def test_address_of_one_network_warns(text):
    found = check({STATIC: f'[Match]\nName=en*\n{text}'})
    assert (found.outcome, found.severity) == ('fail', 'warning')


def test_networks_that_systemd_ships_for_containers_pass():
    path = '/usr/lib/systemd/network/80-container-host0.network'
    text = '[Match]\nName=host0\n[Network]\nAddress=192.0.2.0/28\n'
    assert check({path: text}).outcome == 'pass'


@pytest.mark.parametrize(
    ('path', 'text'),
    [
        ('/etc/kernel/cmdline', 'ipv6.disable=1\n'),
        ('/etc/sysctl.d/1.conf', 'net.ipv6.conf.all.disable_ipv6 = 1\n'),
        ('/etc/sysctl.conf', 'net/ipv6/conf/default/disable_ipv6=1\n'),
        ('/usr/local/sbin/dhcp-all-interfaces.sh', 'x\n'),
        (CLOUD, 'disable_network_activation: true\n'),
    ],
)
def test_what_stands_in_the_way_warns_where_it_is(path, text):
    found = check({path: text})
    assert (found.outcome, found.severity) == ('fail', 'warning')
    assert found.evidence[0].path == path


def test_cloud_init_may_leave_the_network_to_the_image():
    files = {CLOUD: 'network: {config: disabled}\n'}
    assert check(files).outcome == 'pass'
    found = check(files, [DHCP])
    assert 'no interface is configured' in found.evidence[0].message


def test_image_without_cloud_init_needs_dhcp_of_its_own():
    without = ['/usr/bin/cloud-init']
    assert check(without=without).outcome == 'pass'
    assert check(without=[*without, DHCP]).outcome == 'fail'
