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

"""Read how a guest configures its network, whoever does it.

netplan, systemd-networkd, ifupdown, NetworkManager, ifcfg files and udev's
persistent names say the same things in five languages; here they are one.
"""

import dataclasses
import re
from collections.abc import Callable, Iterator, Mapping

import yaml

from image_pipeline.audit.guest import text
from image_pipeline.disk import files

#: The services that configure a network, by the name of their unit.
STACKS = {
    'systemd-networkd': 'systemd-networkd.service',
    'NetworkManager': 'NetworkManager.service',
    'ifupdown': 'networking.service',
    'wicked': 'wicked.service',
}
#: What must be there for cloud-init to write a configuration: available() in
#: its modules cloudinit.net.*.
RENDERERS: Mapping[str, tuple[tuple[str, ...], ...]] = {
    'netplan': (('/usr/sbin/netplan', '/usr/bin/netplan', '/sbin/netplan'),),
    'networkd': (
        (
            '/usr/lib/systemd/systemd-networkd',
            '/lib/systemd/systemd-networkd',
        ),
    ),
    'network-manager': (('/etc/NetworkManager/NetworkManager.conf',),),
    'eni': (('/usr/sbin/ifup', '/sbin/ifup'), ('/etc/network/interfaces',)),
    'sysconfig': (
        (
            '/etc/sysconfig/network-scripts/ifup',
            '/usr/sbin/ifup',
            '/usr/sbin/wicked',
            '/etc/NetworkManager/NetworkManager.conf',
        ),
    ),
}

_MAC = re.compile(r'(?<![0-9a-f:])(?:[0-9a-f]{2}[:-]){5}[0-9a-f]{2}(?![:\w])')
_NO_MAC = frozenset({'00:00:00:00:00:00', 'ff:ff:ff:ff:ff:ff'})
_SECTION = re.compile(r'^\s*\[([^\]]*)\]\s*$')
_ASSIGNMENT = re.compile(r'^\s*([\w.:-]+)\s*=\s*(.*)$')
_UDEV_NAME = re.compile(r'\bNAME(?::?)="([^"$%]+)"')
#: Values of one YAML document; more is nobody's network.
_MOST_VALUES = 5_000
#: A YAML file of a network is not larger.
_MOST_TEXT = 256 << 10
_MOST_FILES = 500


@dataclasses.dataclass(frozen=True, kw_only=True)
class Setting:
    """One thing that is said about an interface.

    :param line: where.
    :param kind: ``mac``, ``name``, ``rename``, ``dhcp``, ``address``,
        ``gateway`` or ``dns``.
    :param value: what is said.
    :param interface: the interface's name, as far as it is known.
    """

    line: text.Line
    kind: str
    value: str
    interface: str | None = None


def settings(tree: files.FileTree) -> list[Setting]:
    """Return all that is said about interfaces.

    :param tree: the image's files.
    """
    return [
        setting
        for reader in (
            _netplan,
            _networkd,
            _ifupdown,
            _keyfiles,
            _ifcfg,
            _udev,
        )
        for setting in reader(tree)
        if setting.interface != 'lo'
        and (setting.kind != 'mac' or _macs(setting.value))
    ]


def renderer_there(tree: files.FileTree, name: str) -> bool:
    """Tell whether cloud-init can use a renderer.

    :param tree: the image's files.
    :param name: as in ``system_info.network.renderers``.
    """
    return name in RENDERERS and all(
        any(tree.exists(path) for path in paths) for paths in RENDERERS[name]
    )


def _macs(value: str) -> set[str]:
    found = _MAC.findall(value.lower())
    return {mac.replace('-', ':') for mac in found} - _NO_MAC


def _netplan(tree: files.FileTree) -> Iterator[Setting]:
    folders = ('/lib/netplan', '/etc/netplan', '/run/netplan')
    for path in _by_name(tree, folders, ('.yaml',)):
        lines = text.lines(tree, path)
        for where, value, number in _yaml(tree, path):
            if len(where) < 4 or where[0] != 'network':
                continue
            line = (
                lines[number]
                if number < len(lines)
                else text.Line(path=path, number=number + 1, text=value)
            )
            yield from _in_netplan(line, where[2], where[3:], value)


def _in_netplan(
    line: text.Line, device: str, where: tuple[str, ...], value: str
) -> Iterator[Setting]:
    # The name of a device that matches by something else is only a label.
    kinds = {
        'macaddress': 'mac',
        'match.macaddress': 'mac',
        'match.name': 'name',
        'set-name': 'rename',
        'dhcp4': 'dhcp',
        'dhcp6': 'dhcp',
        'addresses': 'address',
        'gateway4': 'gateway',
        'gateway6': 'gateway',
        'routes.via': 'gateway',
        'nameservers.addresses': 'dns',
    }
    key = '.'.join(part for part in where if not part.isdigit())
    if key in kinds:
        yield Setting(
            line=line, kind=kinds[key], value=value, interface=device
        )


def _networkd(tree: files.FileTree) -> Iterator[Setting]:
    kinds = {
        ('Match', 'MACAddress'): 'mac',
        ('Match', 'PermanentMACAddress'): 'mac',
        ('Link', 'MACAddress'): 'mac',
        ('NetDev', 'MACAddress'): 'mac',
        ('Match', 'Name'): 'name',
        ('Link', 'Name'): 'rename',
        ('Network', 'DHCP'): 'dhcp',
        ('Network', 'Address'): 'address',
        ('Address', 'Address'): 'address',
        ('Network', 'Gateway'): 'gateway',
        ('Route', 'Gateway'): 'gateway',
        ('Network', 'DNS'): 'dns',
    }
    folders = tuple(
        f'{base}/systemd/network'
        for base in ('/usr/lib', '/usr/local/lib', '/run', '/etc')
    )
    ends = ('.network', '.link', '.netdev')
    for path in _by_name(tree, folders, ends):
        parts = [path]
        for folder in folders:
            name = path.rpartition('/')[2]
            parts += tree.glob(f'{folder}/{name}.d/*.conf')
        for part in parts:
            yield from _ini(
                tree, part, lambda section, key: kinds.get((section, key))
            )


def _keyfiles(tree: files.FileTree) -> Iterator[Setting]:
    def kind(section: str, key: str) -> str | None:
        if 'mac-address' in key or key in (
            'match-device',
            'unmanaged-devices',
        ):
            return 'mac'
        if section == 'connection' and key == 'interface-name':
            return 'name'
        if section in ('ipv4', 'ipv6'):
            if key == 'method':
                return 'dhcp'
            if re.fullmatch(r'address(?:es)?\d*', key):
                return 'address'
            return {'gateway': 'gateway', 'dns': 'dns'}.get(key)
        return None

    for pattern in (
        '/etc/NetworkManager/system-connections/*',
        '/usr/lib/NetworkManager/system-connections/*.nmconnection',
        '/etc/NetworkManager/NetworkManager.conf',
        '/etc/NetworkManager/conf.d/*.conf',
    ):
        for path in tree.glob(pattern)[:_MOST_FILES]:
            yield from _ini(tree, path, kind)


def _ini(
    tree: files.FileTree, path: str, kind: Callable[[str, str], str | None]
) -> Iterator[Setting]:
    """Give what an ini file says; its Name is known from its first lines."""
    section, name = '', None
    for line in text.said(tree, path):
        header = _SECTION.match(line.text)
        said = _ASSIGNMENT.match(line.text)
        if header:
            section = header[1]
        elif said and not line.text.lstrip().startswith(';'):
            what = kind(section, said[1])
            if what == 'name':
                name = said[2].strip()
            if what:
                yield Setting(
                    line=line, kind=what, value=said[2].strip(), interface=name
                )


def _ifupdown(tree: files.FileTree) -> Iterator[Setting]:
    kinds = {
        'hwaddress': 'mac',
        'address': 'address',
        'gateway': 'gateway',
        'dns-nameservers': 'dns',
    }
    interface = None
    for line in _sourced(tree, '/etc/network/interfaces', [_MOST_FILES]):
        words = line.text.split()
        if words[0] == 'iface' and len(words) >= 4:
            interface = words[1]
            for kind, value in (('name', words[1]), ('dhcp', words[3])):
                yield Setting(
                    line=line, kind=kind, value=value, interface=interface
                )
        elif words[0] in kinds and len(words) > 1:
            yield Setting(
                line=line,
                kind=kinds[words[0]],
                value=' '.join(words[1:]),
                interface=interface,
            )


def _sourced(
    tree: files.FileTree, path: str, left: list[int]
) -> Iterator[text.Line]:
    """Give the lines of interfaces(5), what it sources in its place."""
    if left[0] <= 0:
        return
    left[0] -= 1
    for line in text.said(tree, path):
        words = line.text.split()
        if words[0] not in ('source', 'source-directory') or len(words) < 2:
            yield line
            continue
        pattern = words[1]
        if not pattern.startswith('/'):
            pattern = f'/etc/network/{pattern}'
        if words[0] == 'source-directory':
            pattern += '/*'
        for found in tree.glob(pattern):
            name = found.rpartition('/')[2]
            # As run-parts has it (interfaces(5), "source-directory").
            if words[0] == 'source' or re.fullmatch(r'[\w-]+', name):
                yield from _sourced(tree, found, left)


def _ifcfg(tree: files.FileTree) -> Iterator[Setting]:
    kinds = {
        'HWADDR': 'mac',
        'MACADDR': 'mac',
        'LLADDR': 'mac',
        'DEVICE': 'name',
        'BOOTPROTO': 'dhcp',
        'IPADDR': 'address',
        'IPV6ADDR': 'address',
        'GATEWAY': 'gateway',
        'IPV6_DEFAULTGW': 'gateway',
        'DNS': 'dns',
    }
    for pattern in (
        '/etc/sysconfig/network-scripts/ifcfg-*',
        '/etc/sysconfig/network/ifcfg-*',
    ):
        for path in tree.glob(pattern)[:_MOST_FILES]:
            name = path.rpartition('ifcfg-')[2]
            if name.endswith(('.template', '~', '.bak', '.rpmnew')):
                continue
            for line in text.said(tree, path):
                said = _ASSIGNMENT.match(line.text)
                kind = (
                    kinds.get(said[1].rstrip('0123456789')) if said else None
                )
                value = text.unquote(said[2]) if said else ''
                if kind and value:
                    yield Setting(
                        line=line, kind=kind, value=value, interface=name
                    )


def _udev(tree: files.FileTree) -> Iterator[Setting]:
    for path in tree.glob('/etc/udev/rules.d/*.rules')[:_MOST_FILES]:
        for line in text.said(tree, path):
            if 'net' not in line.text and 'ATTR{address}' not in line.text:
                continue
            name = _UDEV_NAME.search(line.text)
            if name:
                yield Setting(
                    line=line, kind='rename', value=name[1], interface=name[1]
                )
            yield Setting(
                line=line,
                kind='mac',
                value=line.text,
                interface=name[1] if name else None,
            )


def _by_name(
    tree: files.FileTree, folders: tuple[str, ...], ends: tuple[str, ...]
) -> list[str]:
    """Return files in the order of their names; later folders go first."""
    found: dict[str, str] = {}
    for folder in folders:
        for path in tree.glob(f'{folder}/*'):
            name = path.rpartition('/')[2]
            if name.endswith(ends):
                found[name] = path
    # A link to /dev/null masks a file of that name.
    return [
        found[name] for name in sorted(found) if tree.is_file(found[name])
    ][:_MOST_FILES]


def _yaml(
    tree: files.FileTree, path: str
) -> Iterator[tuple[tuple[str, ...], str, int]]:
    """Give the values of a YAML file: where, what, in which line from 0."""
    try:
        document = yaml.compose(
            tree.read_text(path, _MOST_TEXT), Loader=yaml.SafeLoader
        )
    except (OSError, yaml.YAMLError, RecursionError, ValueError):
        return
    waiting: list[tuple[tuple[str, ...], yaml.Node]] = []
    if document is not None:
        waiting.append(((), document))
    left = _MOST_VALUES
    while waiting and left > 0:
        left -= 1
        where, node = waiting.pop()
        if isinstance(node, yaml.ScalarNode):
            yield where, str(node.value), node.start_mark.line
        elif isinstance(node, yaml.MappingNode):
            waiting += [
                ((*where, str(key.value)), value)
                for key, value in reversed(node.value)
            ]
        elif isinstance(node, yaml.SequenceNode):
            waiting += [
                ((*where, str(index)), value)
                for index, value in reversed(list(enumerate(node.value)))
            ]
