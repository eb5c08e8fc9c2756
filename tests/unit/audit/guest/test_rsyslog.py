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

from image_pipeline import exceptions
from image_pipeline.audit.guest import rsyslog
from image_pipeline.disk import files
from image_pipeline.testing import disks

#: Debian's file, cut down.
DEBIAN = '''\
module(load="imuxsock")
$WorkDirectory /var/spool/rsyslog
$IncludeConfig /etc/rsyslog.d/*.conf
# The rules
auth,authpriv.*\t\t\t/var/log/auth.log
*.*;auth,authpriv.none\t\t-/var/log/syslog
*.=debug;\\
\tauth,authpriv.none;\\
\tmail.none\t\t-/var/log/debug
*.emerg\t\t\t\t:omusrmsg:*
kern.* |/dev/xconsole
'''


def tree(content):
    return files.FileTree(disks.MemoryFiles(content))


def statements(said, **more):
    content = {'/etc/rsyslog.conf': said}
    content |= {f'/etc/rsyslog.d/{k}.conf': v for k, v in more.items()}
    return rsyslog.statements(tree(content))


def test_files_are_included_where_it_is_said():
    found = statements(DEBIAN, b=':msg, contains, "x" ~\n', a='a.* /var/a\n')
    assert [one.first.path for one in found[:5]] == [
        '/etc/rsyslog.conf',
        '/etc/rsyslog.conf',
        '/etc/rsyslog.d/a.conf',
        '/etc/rsyslog.d/b.conf',
        '/etc/rsyslog.conf',
    ]


def test_files_that_are_written_are_told_with_their_lines():
    found = [
        (line.number, path)
        for one in statements(DEBIAN)
        for line, path in one.targets
    ]
    assert found == [
        (5, '/var/log/auth.log'),
        (6, '/var/log/syslog'),
        (9, '/var/log/debug'),
    ]


@pytest.mark.parametrize(
    ('line', 'main'),
    [
        ('*.*;auth,authpriv.none -/var/log/syslog', True),
        ('*.info;mail.none;cron.none /var/log/messages', True),
        ('*.* action(type="omfile" file="/var/log/syslog")', True),
        ('mail.* /var/log/messages', False),
        ('*.* /var/log/all', False),
    ],
)
def test_the_main_log_is_what_everybody_writes_to(line, main):
    (statement,) = statements(line)
    assert statement.is_main is main


@pytest.mark.parametrize(
    ('said', 'discards'),
    [
        (':programname, isequal, "dhclient" stop', True),
        (':programname, isequal, "dhclient" /var/log/x\n& stop', True),
        (':programname, isequal, "dhclient" /var/log/x\n& ~', True),
        (':programname, isequal, "dhclient" /var/log/x', False),
        ("if $programname == 'dhclient' then stop", True),
        ("if $programname == 'dhclient' then\n  stop", True),
        (
            'if $programname startswith "dhclient" then {\n'
            ' action(type="omfile" file="/var/log/x")\n stop\n}',
            True,
        ),
        (
            'if $programname startswith "dhclient" then {\n'
            ' action(type="omfile" file="/var/log/x")\n}',
            False,
        ),
    ],
)
def test_a_filter_discards_by_stop_or_by_a_tilde(said, discards):
    (statement,) = statements(said)
    assert statement.filters('dhclient')
    assert statement.discards is discards


def test_a_word_is_not_a_filter_of_another_program():
    (statement,) = statements(':programname, isequal, "dhclient6x" stop')
    assert not statement.filters('dhclient')
    (statement,) = statements('*.* action(type="omfile" file="dhclient")')
    assert not statement.filters('dhclient')


def test_circles_of_included_files_end():
    found = statements('include(file="/etc/rsyslog.conf")\n*.* /var/log/x\n')
    assert {path for one in found for _, path in one.targets} == {'/var/log/x'}


def test_rsyslog_is_there_if_its_program_is():
    assert rsyslog.is_installed(tree({'/usr/sbin/rsyslogd': 'ELF'}))
    assert not rsyslog.is_installed(tree({'/etc/rsyslog.conf': ''}))
    assert rsyslog.statements(tree({})) == []


def test_too_many_included_files_are_not_known():
    content = {'/etc/rsyslog.conf': '$IncludeConfig /etc/rsyslog.d/*.conf\n'}
    content |= {f'/etc/rsyslog.d/{n}.conf': 'a.* /a\n' for n in range(201)}
    with pytest.raises(exceptions.ImageUnreadable):
        rsyslog.statements(tree(content))


def test_a_quote_that_is_not_closed_goes_to_the_end_of_its_line():
    found = statements('*.* "{ \\" (\n*.* /var/log/x\n')
    assert len(found) == 2
