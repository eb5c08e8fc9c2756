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

"""Residue of the network and the cloud that a system has seen.

Sources as in :mod:`image_pipeline.audit.guest.residue_identity`.
"""

import re

from image_pipeline.audit.guest.residue_kind import Kind, Mend

_NETWORK = (
    Kind(
        name='udev-persistent-net',
        rule='OS-NET-01',
        paths=(
            '/etc/udev/rules.d/70-persistent-net.rules',
            '/etc/udev/rules.d/80-net-name-slot.rules',
        ),
        why='the first interface would not be called eth0',
        files=True,
        links=False,
    ),
    Kind(
        name='net-hwaddr',
        rule='OS-NET-01',
        paths=('/etc/sysconfig/network-scripts/ifcfg-*',),
        why='the interface of an instance has another address',
        mend=Mend.LINES,
        line=re.compile(r'\s*(?:HWADDR|MACADDR)=\s*["\']?\S'),
        families=frozenset({'redhat'}),
    ),
    Kind(
        name='net-hostname',
        rule='HYG-05',
        paths=(
            '/etc/sysconfig/network-scripts/ifcfg-*',
            '/etc/sysconfig/network',
        ),
        why='instances would ask for the name of the build host',
        mend=Mend.LINES,
        line=re.compile(r'\s*(?:DHCP_)?HOSTNAME=\s*["\']?(?!localhost)\w'),
        families=frozenset({'redhat'}),
    ),
    Kind(
        name='machine-info',
        rule='HYG-05',
        paths=('/etc/machine-info',),
        why='it describes the build host',
        mend=Mend.LINES,
        line=re.compile(
            r'\s*(?:PRETTY_HOSTNAME|LOCATION|HARDWARE_\w+)=\s*["\']?\w'
        ),
    ),
    Kind(
        name='dhcp-client-state',
        rule='HYG-06',
        paths=(
            '/var/lib/dhclient/*',
            '/var/lib/dhcp/*',
            '/var/lib/dhcp3/*',
            '/var/lib/dhcpcd/*',
            '/var/lib/dhcpcd5/*',
            '/var/lib/systemd/network/*',
            '/var/lib/wicked/*',
            '/var/lib/NetworkManager/*',
            '/etc/dhcpcd.duid',
            '/etc/dhcpcd.secret',
        ),
        why='clones ask for the address of the build host',
        but=('/var/lib/NetworkManager/NetworkManager-intern.conf',),
        files=True,
    ),
    # virt-sysprep takes all profiles; an image may have some on purpose.
    Kind(
        name='net-nmconn',
        rule='HYG-06',
        paths=(
            '/etc/NetworkManager/system-connections/cloud-init-*',
            '/etc/netplan/50-cloud-init.yaml',
            '/etc/network/interfaces.d/50-cloud-init*',
            '/etc/systemd/network/*-cloud-init-*',
        ),
        why="cloud-init wrote it for the build host's interfaces",
        files=True,
    ),
    Kind(
        name='ifcfg-of-cloud-init',
        rule='HYG-06',
        paths=('/etc/sysconfig/network-scripts/ifcfg-*',),
        why="cloud-init wrote it for the build host's interfaces",
        line=re.compile(r'#\s*Created by cloud-init'),
    ),
    Kind(
        name='resolv-conf',
        rule='HYG-07',
        paths=('/etc/resolv.conf', '/etc/resolv.conf.ORIG'),
        why='instances would ask the name servers of the build host',
        mend=Mend.TRUNCATE,
        # The resolver of the guest itself is asked on an address of its own.
        line=re.compile(
            r'\s*(?:nameserver\s+(?!127\.|::1\b)|search\s|domain\s)'
        ),
    ),
    # What systemd-resolved's package put aside, to restore it when it goes.
    Kind(
        name='resolv-conf-backup',
        rule='HYG-07',
        paths=('/etc/.resolv.conf.systemd-resolved.bak',),
        why='instances would ask the name servers of the build host',
    ),
    Kind(
        name='proxy',
        rule='HYG-07',
        paths=(
            '/etc/environment',
            '/etc/profile.d/*',
            '/etc/systemd/system.conf.d/*',
            '/etc/systemd/system.conf',
            '/etc/dnf/dnf.conf',
            '/etc/yum.conf',
            '/etc/zypp/zypp.conf',
            '/etc/sysconfig/proxy',
            '/etc/apt/apt.conf',
            '/etc/apt/apt.conf.d/*',
            '/etc/wgetrc',
            '/etc/pip.conf',
            '~/.bashrc',
            '~/.profile',
            '~/.bash_profile',
            '~/.wgetrc',
            '~/.curlrc',
            '~/.config/pip/pip.conf',
            '~/.pip/pip.conf',
        ),
        why='instances would go through the proxy of the build host',
        mend=Mend.LINES,
        line=re.compile(
            r'(?i)(?!\s*(?:#|//))'
            r'(?:.*\b(?:https?|ftp|all)_proxy\s*[= ]\s*["\']?\w+[:.]'
            r'|\s*proxy\s*=\s*["\']?(?!_none_)\w'
            r'|.*\bAcquire::(?:https?|ftp)::Proxy(?!.*DIRECT)(?:-Auto-Detect)?[\s:])'
        ),
    ),
)
_CLOUD_INIT = (
    Kind(
        name='cloud-init-state',
        rule='HYG-09',
        paths=(
            '/var/lib/cloud/instance',
            '/var/lib/cloud/instances/*',
            '/var/lib/cloud/sem/*',
            '/var/lib/cloud/data/*',
        ),
        why='cloud-init thinks that the first boot is over',
        empty=True,
    ),
    Kind(
        name='cloud-init-files',
        rule='HYG-09',
        paths=(
            '/etc/sudoers.d/90-cloud-init-users',
            '/etc/ssh/sshd_config.d/50-cloud-init.conf',
            '/etc/ssh/sshd_config.d/*-cloud-init.conf',
        ),
        why='cloud-init wrote it when the image was booted',
    ),
    Kind(
        name='cloud-init-seed',
        rule='EGI-CI-06',
        paths=('/var/lib/cloud/seed/*',),
        why='cloud-init takes it for the data of the instance',
    ),
)
KINDS: tuple[Kind, ...] = (*_NETWORK, *_CLOUD_INIT)
