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

RULE = registry.get('EGI-LOG-02')


def check(content):
    disk = disks.MemoryDisk(disks.gpt_disk([]))
    return RULE.check(disks.MemoryView(disk, content))


@pytest.mark.parametrize(
    'line',
    [
        '& stop',
        '# & ~',
        ':msg, contains, "~" /var/log/x',
        'mail.* ~/log',
        ':msg, contains, "~" stop',
    ],
)
def test_what_is_no_tilde_passes(line):
    said = f'*.* @@host\n{line}\n'
    assert check({'/etc/rsyslog.conf': said}).outcome == 'pass'


@pytest.mark.parametrize(
    'line', ['& ~', '&~', ':msg, contains, "x" ~', '*.* ~  ', '& ~ # discard']
)
def test_a_tilde_is_told_with_its_line(line):
    verdict = check(
        {
            '/etc/rsyslog.conf': 'include(file="/etc/rsyslog.d/*.conf")\n',
            '/etc/rsyslog.d/25_dhclient.conf': f'# dhclient\n{line}\n',
        }
    )
    (evidence,) = verdict.evidence
    assert (verdict.outcome, evidence.path, evidence.line) == (
        'fail',
        '/etc/rsyslog.d/25_dhclient.conf',
        2,
    )


def test_without_a_configuration_there_is_nothing_to_say():
    assert check({}).outcome == 'not-applicable'
