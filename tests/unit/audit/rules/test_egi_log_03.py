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

RULE = registry.get('EGI-LOG-03')
SYSLOG = {
    '/usr/lib/systemd/systemd': 'ELF',
    '/usr/sbin/rsyslogd': 'ELF',
    '/usr/sbin/logrotate': 'ELF',
    '/etc/rsyslog.conf': '*.* -/var/log/syslog\nmail.* /var/log/mail.log\n',
    '/etc/logrotate.d/rsyslog': '/var/log/*log {\n weekly\n}\n',
    '/etc/cron.daily/logrotate': '#!/bin/sh\n',
}
JOURNAL = {
    '/usr/lib/systemd/systemd-journald': 'ELF',
    '/var/log/journal': None,
}
TIMER = {
    '/usr/lib/systemd/system/logrotate.timer': '[Timer]\n',
    '/etc/systemd/system/timers.target.wants/logrotate.timer': disks.Link(
        '/usr/lib/systemd/system/logrotate.timer'
    ),
}
CONF = '/etc/systemd/journald.conf.d/10-size.conf'


def check(content):
    disk = disks.MemoryDisk(disks.gpt_disk([]))
    return RULE.check(disks.MemoryView(disk, content))


def without(content, *paths):
    return {k: v for k, v in content.items() if k not in paths}


@pytest.mark.parametrize(
    'content',
    [
        SYSLOG,
        without(SYSLOG, '/etc/cron.daily/logrotate') | TIMER,
        JOURNAL | {CONF: '[Journal]\nSystemMaxUse=200M\n'},
        JOURNAL | {CONF: '[Journal]\nStorage=volatile\n'},
        without(JOURNAL, '/var/log/journal'),
        {'/usr/sbin/rsyslogd': 'ELF', '/etc/rsyslog.conf': '*.* @@host\n'},
    ],
)
def test_logs_that_end_somewhere_pass(content):
    assert check(content).outcome == 'pass'


@pytest.mark.parametrize(
    ('content', 'message', 'severity'),
    [
        (
            SYSLOG | {'/etc/logrotate.d/rsyslog': '/var/log/syslog {\n}\n'},
            'nothing rotates /var/log/mail.log',
            None,
        ),
        (without(SYSLOG, '/usr/sbin/logrotate'), 'no logrotate', None),
        (
            without(SYSLOG, '/etc/cron.daily/logrotate'),
            'nothing runs logrotate',
            None,
        ),
        (JOURNAL, 'the journal may take', 'info'),
        (
            without(JOURNAL, '/var/log/journal')
            | {CONF: '[Journal]\nStorage=persistent\n'},
            'the journal may take',
            'info',
        ),
    ],
)
def test_a_log_without_an_end_is_told(content, message, severity):
    verdict = check(content)
    assert (verdict.outcome, verdict.severity) == ('fail', severity)
    (evidence,) = verdict.evidence
    assert message in evidence.message


def test_a_file_is_told_with_the_line_that_writes_it():
    verdict = check(without(SYSLOG, '/etc/logrotate.d/rsyslog'))
    assert [(one.path, one.line) for one in verdict.evidence] == [
        ('/etc/rsyslog.conf', 1),
        ('/etc/rsyslog.conf', 2),
    ]


def test_without_a_log_daemon_there_is_nothing_to_say():
    assert check({}).outcome == 'not-applicable'
