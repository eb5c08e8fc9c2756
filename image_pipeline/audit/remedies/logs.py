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

"""What the element system-logs writes, for images that it did not make."""

LEASES = '/var/log/dhcp.log'
FILTER = '/etc/rsyslog.d/25-system-logs.conf'
FILTERED = '''\
if $programname startswith "dhclient" or $programname == "dhcpcd" then {
    action(type="omfile" file="/var/log/dhcp.log")
    stop
}
'''
ROTATION = '/etc/logrotate.d/system-logs'


def rotated(path: str) -> tuple[str, ...]:
    """Return the lines that let logrotate take care of a file.

    :param path: of a file that rsyslog writes.
    """
    return (
        f'{path} {{',
        '    weekly',
        '    maxsize 10M',
        '    rotate 4',
        '    missingok',
        '    notifempty',
        '    compress',
        '    postrotate',
        '        systemctl kill -s HUP rsyslog.service 2>/dev/null || true',
        '    endscript',
        '}',
    )
