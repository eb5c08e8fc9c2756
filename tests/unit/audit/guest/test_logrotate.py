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

from image_pipeline.audit.guest import logrotate
from image_pipeline.disk import files
from image_pipeline.testing import disks

RSYSLOG = '''\
/var/log/syslog
/var/log/mail.log
"/var/log/with space.log" {
\trotate 4
\tpostrotate
\t\tif true; then { /usr/lib/rsyslog/rsyslog-rotate; }
\t\t/not/a/log
\tendscript
}
# /var/log/comment {
/var/log/*.err { weekly }
/var/log/apt/* {
  monthly
}
'''


@pytest.fixture
def found():
    content = {
        '/etc/logrotate.conf': 'weekly\ninclude /etc/logrotate.d\n'
        '/var/log/wtmp {\n monthly\n}\n',
        '/etc/logrotate.d/rsyslog': RSYSLOG,
        '/etc/logrotate.d/old.dpkg-old': '/var/log/old {\n}\n',
        '/etc/logrotate.d/folder': None,
    }
    return logrotate.patterns(files.FileTree(disks.MemoryFiles(content)))


@pytest.mark.parametrize(
    'path',
    [
        '/var/log/syslog',
        '/var/log/mail.log',
        '/var/log/with space.log',
        '/var/log/x.err',
        '/var/log/apt/term.log',
        '/var/log/wtmp',
    ],
)
def test_what_a_stanza_names_is_rotated(found, path):
    assert logrotate.rotates(found, path)


@pytest.mark.parametrize(
    'path',
    [
        '/var/log/dhclient.log',
        '/var/log/comment',
        '/var/log/old',
        '/var/log/deep/x.err',
        '/var/log/apt/a/b',
        '/not/a/log',
    ],
)
def test_what_none_names_is_not(found, path):
    assert not logrotate.rotates(found, path)


def test_logrotate_is_there_if_its_program_is():
    there = {'/usr/sbin/logrotate': 'ELF'}
    assert logrotate.is_installed(files.FileTree(disks.MemoryFiles(there)))
    assert not logrotate.is_installed(files.FileTree(disks.MemoryFiles({})))
