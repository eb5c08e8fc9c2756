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

"""OS-NET-02: DHCP, by one network service."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from image_pipeline.audit import found, known, rule, view
from image_pipeline.audit.guest import (
    boot,
    cloud_init,
    network,
    systemd,
    systemd_conf,
    text,
)
from image_pipeline.disk import files

#: Which service carries out what a renderer of cloud-init writes; None: any.
_CARRIED_OUT: Mapping[str, frozenset[str] | None] = {
    'netplan': frozenset({'systemd-networkd', 'NetworkManager'}),
    'networkd': frozenset({'systemd-networkd'}),
    'network-manager': frozenset({'NetworkManager'}),
    'eni': frozenset({'ifupdown'}),
    'sysconfig': None,
}
#: The order in which cloud-init looks for one (net/renderers.py).
_ORDER = ('eni', 'sysconfig', 'netplan', 'network-manager', 'networkd')
_DHCP = frozenset(
    {'true', 'yes', 'ipv4', 'ipv6', 'dhcp', 'dhcp4', 'auto', 'on', '1'}
)
#: diskimage-builder's own network configuration.
_DIB = (
    '/usr/local/sbin/dhcp-all-interfaces.sh',
    '/usr/local/bin/glean.sh',
    '/usr/local/bin/simple-init',
)
_NO_IPV6 = re.compile(
    r'^-?net[./]ipv6[./]conf[./](all|default)[./]disable_ipv6$'
)


class OsNet02(rule.Rule):
    """The first card gets its address from the cloud."""

    id = 'OS-NET-02'
    severity = rule.Severity.ERROR
    statement = (
        'one network service is enabled, which cloud-init can write for, and '
        'interfaces use DHCP'
    )
    rationale = (
        'Without DHCP there is no metadata and no key; two services undo what '
        'the other does.'
    )
    source = (
        'OpenStack image guide; EGI fedcloud-vmi-templates; cloud-init, '
        'net/renderers.py; cloud-image-val, test_network_ipv6'
    )
    satisfied_by = ('element:network-dhcp',)
    remedy = (
        'enable one of systemd-networkd, NetworkManager, ifupdown and wicked, '
        'remove static addresses, and leave the rest to cloud-init'
    )
    fix = rule.Fix.BUILD_ONLY
    probe = 'OS-NET-02'

    def find(
        self, subject: view.ImageView, options: Mapping[str, Any]
    ) -> Iterator[rule.Finding]:
        """Give what keeps the network from coming up, or from IPv6."""
        tree = subject.files
        settings = known.network_settings(subject)
        for setting in settings:
            vendor = setting.line.path.startswith(('/usr/lib/', '/lib/'))
            if setting.kind in ('address', 'gateway', 'dns') and not vendor:
                if setting.value.lower() in _DHCP:
                    continue
                yield found.at(
                    setting.line,
                    'an address of one network is in the image',
                    severity=rule.Severity.WARNING,
                )
        yield from _without_ipv6(tree)
        cloud = known.cloud_config(subject)
        has_cloud_init = cloud_init.is_installed(tree)
        if has_cloud_init:
            yield from _with_cloud_init(tree, cloud)
        enabled = _enabled(known.units(subject), tree)
        yield from _services(enabled)
        by_cloud = has_cloud_init and not _is_disabled(cloud)
        if by_cloud:
            yield from _renderer(tree, cloud, enabled)
        elif 'NetworkManager' not in enabled and not any(
            setting.kind == 'dhcp' and setting.value.lower() in _DHCP
            for setting in settings
        ):
            # NetworkManager uses DHCP where nothing is said.
            yield found.said(
                'no interface is configured, and cloud-init does not do it'
            )


def _enabled(units: systemd.Units, tree: files.FileTree) -> list[str]:
    """Return the network services that a boot starts."""
    enabled = [
        name
        for name, unit in network.STACKS.items()
        if units.is_enabled(unit) or units.starts(unit)
    ]
    if not enabled and network.renderer_there(tree, 'netplan'):
        # Its generator enables networkd at boot where it has work for it.
        enabled = ['systemd-networkd']
    return enabled


def _services(enabled: list[str]) -> Iterator[rule.Finding]:
    if not enabled:
        yield found.said(
            'no network service is enabled',
            data=f'none of {", ".join(network.STACKS)}',
        )
    elif len(enabled) > 1:
        yield found.said(
            'several network services are enabled',
            data=', '.join(enabled),
            severity=rule.Severity.WARNING,
        )


def _is_disabled(cloud: cloud_init.Config) -> bool:
    """Tell whether cloud-init leaves the network alone."""
    return bool(cloud.get('network', 'config') == 'disabled')


def _renderer(
    tree: files.FileTree, cloud: cloud_init.Config, enabled: list[str]
) -> Iterator[rule.Finding]:
    keys = ('system_info', 'network', 'renderers')
    said = cloud.names(*keys)
    wanted = said or _ORDER
    there = [name for name in wanted if network.renderer_there(tree, name)]
    line = cloud.where(*keys)
    if not there:
        yield found.at(
            line,
            'cloud-init finds nothing that it can write a network '
            'configuration for',
            data=f'none of {", ".join(wanted)} is installed',
        )
        return
    carried = _CARRIED_OUT[there[0]]
    if enabled and carried is not None and not carried & set(enabled):
        yield found.at(
            line,
            f'cloud-init writes for {there[0]}, but '
            f'{" and ".join(enabled)} is enabled',
            data=', '.join(there),
        )


def _with_cloud_init(
    tree: files.FileTree, cloud: cloud_init.Config
) -> Iterator[rule.Finding]:
    for path in _DIB:
        if tree.exists(path):
            yield found.in_file(
                path,
                'it configures the network as well as cloud-init does',
                severity=rule.Severity.WARNING,
            )
    if cloud.get('disable_network_activation') is True:
        yield found.at(
            cloud.where('disable_network_activation'),
            'cloud-init does not bring up the network that it configures',
            severity=rule.Severity.WARNING,
        )


def _without_ipv6(tree: files.FileTree) -> Iterator[rule.Finding]:
    message = 'IPv6 is turned off'
    for line, command in boot.command_lines(tree):
        if '1' in boot.arguments(command, 'ipv6.disable'):
            yield found.at(
                line,
                message,
                data='ipv6.disable=1',
                severity=rule.Severity.WARNING,
            )
    paths = systemd_conf.paths(tree, 'sysctl.d')
    for path in (*paths, '/etc/sysctl.conf'):
        for line in text.said(tree, path):
            name, _, value = line.text.partition('=')
            if _NO_IPV6.match(name.strip()) and value.strip() == '1':
                yield found.at(line, message, severity=rule.Severity.WARNING)
