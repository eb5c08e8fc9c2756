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

RULE = registry.get('HYG-05')


def check(files, without=(), **options):
    return RULE.check(images.in_memory(files, without), options)


@pytest.mark.parametrize(
    ('path', 'content', 'severity'),
    [
        ('/etc/hostname', 'builder42\n', 'warning'),
        ('/etc/hostname', '# x\nbuilder42.example.org\n', 'warning'),
        ('/etc/mailname', 'b.example.org\n', 'warning'),
        (
            '/etc/hosts',
            '127.0.0.1 localhost\n127.0.1.1 builder\n::1 localhost\n',
            'warning',
        ),
        (
            '/etc/hosts',
            '127.0.0.1 localhost\n::1 localhost\n192.0.2.1 mirror\n',
            'warning',
        ),
        ('/etc/hosts', '127.0.0.1 localhost\n', 'info'),
        ('/etc/postfix/main.cf', 'myhostname = b.example.org\n', 'warning'),
        (
            '/etc/exim4/update-exim4.conf.conf',
            "dc_other_hostnames='localhost;b.example.org'\n",
            'warning',
        ),
        ('/etc/machine-info', 'PRETTY_HOSTNAME="B"\n', 'warning'),
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
        {'/etc/hostname': ''},
        {'/etc/hostname': 'debian\n'},
        {'/etc/hostname': 'localhost.localdomain\n'},
        {'/etc/mailname': 'debian\n'},
        {
            '/etc/hosts': '127.0.0.1 localhost\n'
            '::1 localhost ip6-localhost ip6-loopback\n'
            'ff02::1 ip6-allnodes\n'
        },
        {
            '/etc/hosts': '127.0.0.1 localhost localhost.localdomain\n'
            '::1 localhost localhost6\n127.0.1.1 debian\n'
        },
        {'/etc/hosts': 'not an address\n127.0.0.1 localhost\n::1 localhost\n'},
        {
            '/etc/postfix/main.cf': 'myhostname = localhost\n'
            'mydestination = $myhostname\n'
        },
        {'/etc/machine-info': 'DEPLOYMENT=production\n'},
    ],
    ids=str,
)
def test_what_does_not_break_it_passes(files):
    assert check(files).outcome == 'pass'


def test_further_names_may_be_allowed():
    assert check({'/etc/hostname': 'worker\n'}).outcome == 'fail'
    assert check({'/etc/hostname': 'worker\n'}, names=['Worker']).outcome == (
        'pass'
    )


def test_host_name_in_the_configuration_of_an_interface_is_found():
    files = {
        '/usr/lib/os-release': 'ID=rocky\n',
        '/etc/sysconfig/network-scripts/ifcfg-eth0': 'DHCP_HOSTNAME=b\n',
    }
    assert check(files).outcome == 'fail'
