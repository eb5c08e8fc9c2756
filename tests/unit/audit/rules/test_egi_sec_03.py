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

RULE = registry.get('EGI-SEC-03')
UNITS = '/usr/lib/systemd/system'
WANTS = '/etc/systemd/system/multi-user.target.wants'


def enabled(name, text='[Service]\nExecStart=/bin/true\n'):
    return {f'{UNITS}/{name}': text, f'{WANTS}/{name}': Link(f'../{name}')}


def check(files=None, **options):
    return RULE.check(images.in_memory(files), options)


def test_sound_image_passes():
    assert check().outcome == 'pass'


@pytest.mark.parametrize(
    'name', ['rpcbind.socket', 'named.service', 'snmpd.service']
)
def test_service_that_is_enabled_fails(name):
    found = check(enabled(name))
    assert (found.outcome, found.severity) == ('fail', None)
    assert found.evidence[0].path == f'{WANTS}/{name}'


def test_service_that_is_there_but_disabled_passes():
    assert check({f'{UNITS}/named.service': ''}).outcome == 'pass'


@pytest.mark.parametrize(
    ('condition', 'outcome'),
    [
        ('/etc/rsyncd.conf', 'pass'),
        ('!/etc/rsyncd.conf', 'fail'),
        ('/etc/fstab', 'fail'),
        ('!/run/nologin', 'fail'),
    ],
)
def test_service_that_waits_for_a_file_does_not_listen(condition, outcome):
    unit = f'[Unit]\nConditionPathExists={condition}\n'
    assert check(enabled('rsync.service', unit)).outcome == outcome


def test_service_of_an_appliance_is_allowed():
    files = enabled('nginx.service')
    assert check(files, allowed=['nginx.service']).outcome == 'pass'


@pytest.mark.parametrize(
    ('listen', 'outcome'),
    [
        ('ListenStream=9090', 'fail'),
        ('ListenDatagram=0.0.0.0:69', 'fail'),
        ('ListenStream=[::]:8080', 'fail'),
        ('ListenStream=127.0.0.1:9090', 'pass'),
        ('ListenStream=[::1]:9090', 'pass'),
        ('ListenStream=/run/x.sock', 'pass'),
        ('ListenNetlink=route 1361', 'pass'),
    ],
)
def test_socket_counts_if_it_is_open_to_the_network(listen, outcome):
    files = enabled('odd.socket', f'[Socket]\n{listen}\n')
    assert check(files).outcome == outcome


def test_ssh_by_a_socket_passes():
    files = enabled('ssh.socket', '[Socket]\nListenStream=22\n')
    assert check(files).outcome == 'pass'


@pytest.mark.parametrize(
    ('text', 'outcome'),
    [
        ('inet_interfaces = all\n', 'fail'),
        ('', 'fail'),
        ('inet_interfaces = loopback-only\n', 'pass'),
        ('inet_interfaces = all\ninet_interfaces = localhost\n', 'pass'),
    ],
)
def test_mail_must_be_local(text, outcome):
    files = {**enabled('postfix.service'), '/etc/postfix/main.cf': text}
    assert check(files).outcome == outcome


@pytest.mark.parametrize(
    ('value', 'outcome'),
    [("'127.0.0.1 ; ::1'", 'pass'), ("''", 'fail'), ("'0.0.0.0'", 'fail')],
)
def test_exim_must_be_local(value, outcome):
    files = {
        **enabled('exim4.service'),
        '/etc/exim4/update-exim4.conf.conf': f'dc_local_interfaces={value}\n',
    }
    assert check(files).outcome == outcome


def test_llmnr_is_a_hint():
    found = check(
        {'/etc/systemd/resolved.conf.d/10-network-dhcp.conf': '[Resolve]\n'}
    )
    assert (found.outcome, found.severity) == ('fail', 'info')


def test_default_of_llmnr_is_what_the_distribution_s_file_says():
    without = ['/etc/systemd/resolved.conf.d/10-network-dhcp.conf']
    for said, outcome in (('yes', 'fail'), ('no', 'pass')):
        files = {'/usr/lib/systemd/resolved.conf': f'#LLMNR={said}\n'}
        found = RULE.check(images.in_memory(files, without))
        assert found.outcome == outcome
