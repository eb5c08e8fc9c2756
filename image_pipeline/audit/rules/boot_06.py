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

"""BOOT-06: tools and settings of one hypervisor are not in the image."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from image_pipeline.audit import found, rule, view
from image_pipeline.audit.guest import packages, text
from image_pipeline.disk import files

_INFO = rule.Severity.INFO
#: Their units say in which hypervisor they start: elsewhere they only take
#: space.  The others do not.
_PACKAGES = (
    (
        re.compile(r'open-vm-tools(?:-desktop)?|hyperv-(?:daemons|tools)'),
        _INFO,
    ),
    (re.compile(r'hypervkvpd|linux-cloud-tools-.*|xe-guest-utilities'), _INFO),
    (re.compile(r'virtualbox-(?:guest|ose-guest)-.*'), None),
    (
        re.compile(r'waagent|walinuxagent|WALinuxAgent|python3?-azure-agent'),
        None,
    ),
    (
        re.compile(r'google-(?:guest-agent|compute-engine|osconfig-agent)'),
        None,
    ),
    (re.compile(r'amazon-ssm-agent|ec2-instance-connect|ec2-net-utils'), None),
    (re.compile(r'(?:xserver-xorg-video-|x?org-x11-drv-)?nvidia-.*'), None),
)
_PLACES = (
    '/etc/X11/xorg.conf',
    '/opt/VBoxGuestAdditions-*',
    '/usr/lib/vmware-tools',
    '/etc/vmware-tools/locations',
)
#: What must not be blocked is EGI-SEC-10's.
_PIN = re.compile(r'^\s*alias\s+(?:eth|scsi_hostadapter)\d*\s+(?!virtio)\S+')


class Boot06(rule.Rule):
    """Tools and settings of one hypervisor are not in the image."""

    id = 'BOOT-06'
    severity = rule.Severity.WARNING
    statement = (
        'there are no tools and no drivers of another hypervisor or cloud'
    )
    rationale = (
        'An image that has adapted itself to where it was made is slow, or '
        'does not boot, elsewhere.'
    )
    source = (
        'docs.egi.eu, Images; EGI fedcloud-vmi-templates; "Inside an image '
        'factory" (2013)'
    )
    satisfied_by = ('element:cloud-kernel',)
    remedy = (
        'remove the packages, /etc/X11/xorg.conf, and lines of '
        '/etc/modprobe.d that name virtio'
    )
    fix = rule.Fix.BUILD_ONLY
    probe = 'BOOT-06'
    options: ClassVar[Mapping[str, Any]] = {
        'type': 'object',
        'additionalProperties': False,
        'properties': {
            'allowed': {
                'type': 'array',
                'items': {'type': 'string'},
                'default': [],
                'description': 'Packages that the image may have: nvidia '
                'drivers in an image for GPUs.',
            }
        },
    }

    def find(
        self, subject: view.ImageView, options: Mapping[str, Any]
    ) -> Iterator[rule.Finding]:
        """Give packages, tools without a package, and pinned drivers."""
        tree = subject.files
        for path in (path for one in _PLACES for path in tree.glob(one)):
            yield found.in_file(path, 'it belongs to one hypervisor')
        yield from _pins(tree)
        allowed = set(options['allowed'])
        for package in packages.of(subject):
            if package.name in allowed:
                continue
            for pattern, severity in _PACKAGES:
                if pattern.fullmatch(package.name):
                    yield found.said(
                        f'{package.name} {package.full_version} is for '
                        'another hypervisor or cloud',
                        severity=severity,
                    )


def _pins(tree: files.FileTree) -> Iterator[rule.Finding]:
    for pattern in ('/etc/modprobe.d/*.conf', '/etc/modprobe.conf'):
        for path in tree.glob(pattern):
            for line in text.said(tree, path):
                if _PIN.match(line.text):
                    yield found.at(
                        line, 'it chooses drivers of one hypervisor'
                    )
