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
"""Logs are spoilt; one rule says so."""

import pytest

from image_pipeline.host import process
from image_pipeline.testing import mutations
from image_pipeline.testing.disks import Content
from image_pipeline.testing.mutations import Mutation

HOST = process.Host()
D = '/etc/rsyslog.d'
#: Debian's rsyslog with its rotation.
RSYSLOG: dict[str, Content] = {
    '/usr/sbin/rsyslogd': 'ELF\n',
    '/usr/sbin/logrotate': 'ELF\n',
    '/etc/rsyslog.conf': '$IncludeConfig /etc/rsyslog.d/*.conf\n'
    'auth,authpriv.* /var/log/auth.log\n'
    '*.*;auth,authpriv.none -/var/log/syslog\n',
    '/etc/logrotate.d/rsyslog': '/var/log/syslog\n/var/log/*.log\n{\n'
    '\trotate 4\n}\n',
    '/etc/cron.daily/logrotate': '#!/bin/sh\n',
}
DHCLIENT: dict[str, Content] = {'/usr/sbin/dhclient': 'ELF\n'}
FILTER = ':programname, isequal, "dhclient" -/var/log/dhclient.log\n'
MUTATIONS = {
    '01 renewals in the main log': Mutation(
        rule='EGI-LOG-01',
        files=RSYSLOG | DHCLIENT,
        severity='info',
        where='/etc/rsyslog.conf',
    ),
    '01 a filter that does not stop': Mutation(
        rule='EGI-LOG-01',
        files=RSYSLOG | DHCLIENT | {f'{D}/25-dhclient.conf': FILTER},
        severity='info',
        where=f'{D}/25-dhclient.conf',
    ),
    '02 the tilde of the wiki': Mutation(
        rule='EGI-LOG-02',
        files=RSYSLOG | DHCLIENT | {f'{D}/25_dhclient.conf': f'{FILTER}& ~\n'},
        severity='warning',
        where=f'{D}/25_dhclient.conf',
    ),
    '03 a file that is not rotated': Mutation(
        rule='EGI-LOG-03',
        files=RSYSLOG | {f'{D}/30-app.conf': 'local0.* /var/log/app/all\n'},
        severity='warning',
        where=f'{D}/30-app.conf',
    ),
    '03 nothing runs logrotate': Mutation(
        rule='EGI-LOG-03',
        files={
            path: content
            for path, content in RSYSLOG.items()
            if not path.startswith('/etc/cron')
        },
        severity='warning',
    ),
    '03 a journal without a bound': Mutation(
        rule='EGI-LOG-03',
        without=frozenset({'/etc/systemd/journald.conf.d/10-size.conf'}),
        severity='info',
    ),
}


@pytest.mark.parametrize('name', list(MUTATIONS))
def test_one_fault_makes_one_rule_fire(name, sound, tmp_path):
    mutations.check(MUTATIONS[name], sound, tmp_path, host=HOST)
