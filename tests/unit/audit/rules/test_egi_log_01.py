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
from image_pipeline.testing import disks

RULE = registry.get('EGI-LOG-01')
FILTER = (
    'if $programname startswith "dhclient" or $programname == "dhcpcd" then {'
    '\n action(type="omfile" file="/var/log/dhclient.log")\n stop\n}\n'
)
BASE = {
    '/usr/lib/systemd/systemd': 'ELF',
    '/usr/sbin/rsyslogd': 'ELF',
    '/etc/rsyslog.conf': '$IncludeConfig /etc/rsyslog.d/*.conf\n',
    '/etc/rsyslog.d/50-default.conf': '*.*;auth.none -/var/log/syslog\n',
}
DHCLIENT = {'/usr/sbin/dhclient': 'ELF'}
MANAGER = {
    '/usr/lib/systemd/system/NetworkManager.service': '[Service]\n',
    '/etc/systemd/system/multi-user.target.wants/NetworkManager.service': (
        disks.Link('/usr/lib/systemd/system/NetworkManager.service')
    ),
}


def check(content):
    disk = disks.MemoryDisk(disks.gpt_disk([]))
    return RULE.check(disks.MemoryView(disk, content))


@pytest.mark.parametrize(
    'content',
    [
        DHCLIENT | {'/etc/rsyslog.d/25-dhclient.conf': FILTER},
        DHCLIENT | {'/etc/rsyslog.conf': f'{FILTER}*.* /var/log/syslog\n'},
        DHCLIENT
        | {
            '/etc/rsyslog.d/25_dhclient.conf': ':programname, isequal, '
            '"dhclient" -/var/log/dhclient.log\n& ~\n'
        },
        {'/sbin/dhcpcd': 'ELF', '/etc/rsyslog.d/25-dhclient.conf': FILTER},
        DHCLIENT | {'/etc/rsyslog.d/50-default.conf': '*.* @@loghost\n'},
        MANAGER
        | {
            '/etc/NetworkManager/conf.d/10-log.conf': '[logging]\nlevel=INFO\n'
            'domains=DEFAULT,DHCP4:WARN,DHCP6:WARN\n'
        },
        MANAGER
        | {'/etc/NetworkManager/conf.d/1.conf': '[logging]\ndomains=IP,DNS\n'},
        MANAGER
        | {
            '/etc/NetworkManager/NetworkManager.conf': '[logging]\nlevel=ERR\n'
        },
    ],
)
def test_renewals_that_are_kept_out_pass(content):
    assert check(BASE | content).outcome == 'pass'


@pytest.mark.parametrize(
    ('content', 'path', 'message'),
    [
        (DHCLIENT, '/etc/rsyslog.d/50-default.conf', 'nothing keeps'),
        (
            DHCLIENT | {'/etc/rsyslog.d/60-dhclient.conf': FILTER},
            '/etc/rsyslog.d/60-dhclient.conf',
            'after the main log',
        ),
        (
            DHCLIENT
            | {
                '/etc/rsyslog.d/25-dhclient.conf': ':programname, isequal, '
                '"dhclient" -/var/log/dhclient.log\n'
            },
            '/etc/rsyslog.d/25-dhclient.conf',
            'stop is missing',
        ),
        (MANAGER, '/etc/rsyslog.d/50-default.conf', 'NetworkManager'),
        (
            MANAGER
            | {
                '/etc/NetworkManager/conf.d/10-log.conf': '[logging]\n'
                'domains=DHCP:WARN,DEFAULT\n'
            },
            '/etc/rsyslog.d/50-default.conf',
            'NetworkManager',
        ),
        (
            MANAGER
            | {
                '/etc/NetworkManager/conf.d/10-log.conf': '[logging]\n'
                'domains=DHCP4:WARN,DHCP6\n'
            },
            '/etc/rsyslog.d/50-default.conf',
            'NetworkManager',
        ),
    ],
)
def test_renewals_in_the_main_log_are_told(content, path, message):
    verdict = check(BASE | content)
    assert verdict.outcome == 'fail'
    (evidence,) = verdict.evidence
    assert evidence.path == path
    assert message in evidence.message


@pytest.mark.parametrize('without', ['/usr/sbin/rsyslogd', 'client'])
def test_without_rsyslog_or_a_client_there_is_nothing_to_say(without):
    content = BASE | (DHCLIENT if without != 'client' else {})
    content = {k: v for k, v in content.items() if k != without}
    assert check(content).outcome == 'not-applicable'
