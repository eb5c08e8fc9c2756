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

"""What a console says that explains why nothing more comes.

None of it alone means that a boot fails: each may be overcome.  Where a boot
does not go on, it is most likely why.
"""

import re

# GRUB goes on after some of them, so they explain a silence, no more.
_LOADER_ERROR = re.compile(
    r'error: (?:no such device|no such partition|unknown filesystem'
    r'|file .* not found|disk .* not found|you need to load the kernel'
    r'|symbol .* not found|invalid magic).*'
)
# cloud-init's table of network devices (cloudinit/netinfo.py), one row each;
# the loopback and what has no hardware address are not meant.
_DEVICE = re.compile(
    r'ci-info: \|\s*(?P<name>[^\s|]+)\s*\|\s*(?P<up>True|False)\s*\|'
    r'\s*(?P<address>[^\s|]+)'
)
# Of udhcpc, dhclient, ifupdown, networkd's wait-online, and urllib3.
_NO_NETWORK = re.compile(
    r'no lease, failing|No DHCPOFFERS received|Failed to bring up \w+'
    r'|Failed to start .*(?:Raise network interfaces|Wait for Network to be'
    r' Configured|networking\.service|systemd-networkd-wait-online)'
    r'|start job is running for .*(?:Raise network interfaces|Wait for '
    r'Network to be Configured)'
    r'|Network is unreachable|No route to host',
)
# cloudinit/url_helper.py and the datasources of OpenStack and Ec2.
_NO_METADATA = re.compile(
    r"Calling 'http://169\.254\.169\.254\S*' failed"
    r'|Giving up on .* md from|Giving up on waiting for the metadata'
    r'|start job is running for .*(?:Initial cloud-init job|Cloud-init: '
    r'Network Stage)'
)
_CLOUD_INIT_FAILED = re.compile(
    r'Failed to start .*(?:[Cc]loud-init|cloud-(?:config|final)).*'
    r'|cloud-init\[\d+\]: Traceback \(most recent call last\)'
    r'|(?i:Failed (?:to run|running) module \S+)'
    r'|Failed loading yaml blob.*|Unhandled non-multipart .*'
)


def no_network(text: str) -> str | None:
    """Return how a console shows that no network came up, or None.

    :param text: of :func:`image_pipeline.probes.console.text_of`.
    """
    devices = {
        row['name']: row['up'] == 'True' and row['address'] != '.'
        for row in _DEVICE.finditer(text)
        if row['name'] != 'lo'
    }
    if any(devices.values()):
        return None
    if devices:
        names = ', '.join(sorted(devices))
        return f'the network did not come up: {names} has no address'
    return _quoted('the network did not come up', _NO_NETWORK, text)


def no_metadata(text: str) -> str | None:
    """Return how a console shows that no metadata could be had, or None.

    :param text: of :func:`image_pipeline.probes.console.text_of`.
    """
    return _quoted('the metadata service did not answer', _NO_METADATA, text)


def cloud_init_error(text: str) -> str | None:
    """Return what cloud-init says that it failed at, or None.

    :param text: of :func:`image_pipeline.probes.console.text_of`.
    """
    return _quoted('cloud-init failed', _CLOUD_INIT_FAILED, text)


def loader_error(text: str) -> str | None:
    """Return what the boot loader says that it failed at, or None.

    :param text: of :func:`image_pipeline.probes.console.text_of`.
    """
    return _quoted('the boot loader failed', _LOADER_ERROR, text)


def _quoted(message: str, pattern: re.Pattern[str], text: str) -> str | None:
    found = pattern.search(text)
    return f'{message} ("{found.group().strip()[:120]}")' if found else None
