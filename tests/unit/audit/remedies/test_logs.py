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


from image_pipeline.audit.guest import logrotate, rsyslog
from image_pipeline.audit.remedies import logs
from image_pipeline.testing import disks


def test_leases_are_filed_apart_and_rotated():
    view = disks.MemoryView(
        disks.MemoryDisk(disks.gpt_disk([])),
        {
            '/etc/rsyslog.conf': '$IncludeConfig /etc/rsyslog.d/*.conf\n',
            logs.FILTER: logs.FILTERED,
            logs.ROTATION: '\n'.join(logs.rotated(logs.LEASES)),
        },
    )
    (statement,) = rsyslog.statements(view.files)
    assert statement.discards
    assert [path for _, path in statement.targets] == [logs.LEASES]
    assert logrotate.patterns(view.files) == [logs.LEASES]
