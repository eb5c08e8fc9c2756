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

"""EGI-SEC-03: no services that nobody asked for."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from image_pipeline.audit import found, known, rule, view
from image_pipeline.audit.guest import systemd, systemd_conf, text
from image_pipeline.audit.remedies import draft, drop_ins
from image_pipeline.audit.remedies import units as remedy
from image_pipeline.disk import edits, files

#: By unit: what it offers to the network.  SECANT scans for ports 19, 53, 123
#: and 161; the others are what the CIS benchmarks ask to be removed.
_SERVICES = {
    'apache2.service': 'HTTP',
    'avahi-daemon.service': 'mDNS',
    'bind9.service': 'DNS',
    'chargen.socket': 'chargen',
    'cockpit.socket': 'a console on the web',
    'cups.service': 'printing',
    'cups-browsed.service': 'printing',
    'dhcpd.service': 'DHCP',
    'dnsmasq.service': 'DNS',
    'dovecot.service': 'mail boxes',
    'httpd.service': 'HTTP',
    'inetd.service': 'inetd',
    'isc-dhcp-server.service': 'DHCP',
    'mariadb.service': 'a database',
    'memcached.service': 'a cache',
    'mysql.service': 'a database',
    'mysqld.service': 'a database',
    'named.service': 'DNS',
    'nfs-server.service': 'NFS',
    'nginx.service': 'HTTP',
    'nmbd.service': 'SMB names',
    'postgresql.service': 'a database',
    'redis-server.service': 'a database',
    'rpcbind.service': 'the port mapper',
    'rpcbind.socket': 'the port mapper',
    'rsh.socket': 'rsh',
    'rsync.service': 'rsync',
    'rsyncd.service': 'rsync',
    'slapd.service': 'LDAP',
    'smbd.service': 'SMB',
    'snmpd.service': 'SNMP',
    'squid.service': 'a proxy',
    'telnet.socket': 'telnet',
    'tftp.socket': 'TFTP',
    'tftpd-hpa.service': 'TFTP',
    'unbound.service': 'DNS',
    'vsftpd.service': 'FTP',
    'xinetd.service': 'inetd',
    'ypserv.service': 'NIS',
}
_ALLOWED_SOCKETS = frozenset({'ssh.socket', 'sshd.socket'})
_LISTEN = ('ListenStream', 'ListenDatagram')
#: A port on every address, or on one that is not the machine's own.
_PORT = re.compile(r'(?:\S+:)?\d{1,5}')
_POSTFIX = '/etc/postfix/main.cf'
_OWN = ('127.', '[::1]', 'localhost:')


class EgiSec03(rule.Rule):
    """Only SSH listens."""

    id = 'EGI-SEC-03'
    severity = rule.Severity.WARNING
    statement = 'no service but SSH listens on the network'
    rationale = (
        'Each open port is a way in, and a finding of the next scan of the '
        'site.'
    )
    source = (
        'docs.egi.eu, Images: "Disable all services unless necessary"; '
        'SECANT, probe open_ports (53, 19, 123, 161); CIS benchmarks'
    )
    satisfied_by = ('element:egi-cloud-image',)
    remedy = (
        'remove the package, or disable its unit with systemctl disable; '
        'bind mail to the loopback interface'
    )
    fix = rule.Fix.YES
    probe = 'EGI-SEC-03'
    options: ClassVar[Mapping[str, Any]] = {
        'type': 'object',
        'additionalProperties': False,
        'properties': {
            'allowed': {
                'type': 'array',
                'items': {'type': 'string'},
                'default': [],
                'description': 'Units that may be enabled, for appliances.',
            },
        },
    }

    def find(
        self, subject: view.ImageView, options: Mapping[str, Any]
    ) -> Iterator[rule.Finding]:
        """Give each unit that listens, and mail that is open to all."""
        units = known.units(subject)
        allowed = set(options['allowed'])
        for name, offers in _SERVICES.items():
            if (
                name not in allowed
                and units.is_enabled(name)
                and _may_run(subject.files, units, name)
            ):
                yield found.in_file(
                    (units.links(name) or (units.path(name) or '',))[0],
                    f'{name} offers {offers}',
                )
        for name, line in _listening(units, allowed):
            yield found.at(line, f'{name} listens on the network')
        for where, said in _mail(subject.files, units, allowed):
            yield found.at(
                where, 'mail is accepted from the network', data=said
            )
        yield from _resolved(subject.files, units)

    def mend(
        self, subject: view.ImageView, options: Mapping[str, Any]
    ) -> Iterator[edits.Edit]:
        """Give services that are off, and mail from the machine alone."""
        tree = subject.files
        units = known.units(subject)
        allowed = set(options['allowed'])
        plan = draft.Draft(tree)
        for name in _SERVICES:
            if name not in allowed and units.is_enabled(name):
                remedy.disable(plan, units, name)
        for name, _ in _listening(units, allowed):
            remedy.disable(plan, units, name)
        for where, _ in _mail(tree, units, allowed):
            if where is None or where.path == _POSTFIX:
                if where is not None:
                    plan.comment(where)
                plan.append(_POSTFIX, 'inet_interfaces = loopback-only')
            else:
                key = where.text.partition('=')[0]
                plan.replace(where, f"{key}='127.0.0.1 ; ::1'")
        if any(_resolved(tree, units)):
            drop_ins.put(
                plan,
                '/etc/systemd/resolved.conf.d/10-network-dhcp.conf',
                'Resolve',
                {'LLMNR': 'no'},
                systemd_conf.read(tree, 'resolved.conf'),
            )
        yield from plan.edits()


def _may_run(tree: files.FileTree, units: systemd.Units, name: str) -> bool:
    """Tell whether a unit's conditions let it run.

    Debian's rsync.service waits for an rsyncd.conf, for instance.
    """
    for setting in units.settings(name).all('Unit', 'ConditionPathExists'):
        path = setting.value.lstrip('|!')
        if path.startswith('/run/') or not path.startswith('/'):
            continue
        if tree.exists(path) == setting.value.startswith('!'):
            return False
    return True


def _listening(
    units: systemd.Units, allowed: set[str]
) -> Iterator[tuple[str, text.Line]]:
    """Give the sockets on the network, and the lines that say so."""
    names = sorted(name for name in units.started if name.endswith('.socket'))
    for name in names:
        if name in allowed | _ALLOWED_SOCKETS or name in _SERVICES:
            continue
        said = units.settings(name)
        for key in _LISTEN:
            for setting in said.all('Socket', key):
                if _PORT.fullmatch(
                    setting.value
                ) and not setting.value.startswith(_OWN):
                    yield name, setting.line


def _mail(
    tree: files.FileTree, units: systemd.Units, allowed: set[str]
) -> Iterator[tuple[text.Line | None, str]]:
    """Give what lets mail in from the network, and what it says."""
    if (
        units.is_enabled('postfix.service')
        and 'postfix.service' not in allowed
    ):
        said = [
            line
            for line in text.said(tree, _POSTFIX)
            if line.text.partition('=')[0].strip() == 'inet_interfaces'
        ]
        # The last one counts, and the default is all.
        value = said[-1].text.partition('=')[2].strip() if said else 'all'
        if value not in ('loopback-only', 'localhost', '127.0.0.1'):
            yield said[-1] if said else None, f'inet_interfaces = {value}'
    if units.is_enabled('exim4.service') and 'exim4.service' not in allowed:
        for line in text.said(tree, '/etc/exim4/update-exim4.conf.conf'):
            key, _, value = line.text.partition('=')
            if key.strip() == 'dc_local_interfaces' and not _is_own(
                text.unquote(value)
            ):
                yield line, line.text.strip()


def _is_own(value: str) -> bool:
    """Tell whether all of exim's interfaces are the machine's own."""
    addresses = [one.strip() for one in value.split(';') if one.strip()]
    return bool(addresses) and all(
        one.startswith('127.') or one == '::1' for one in addresses
    )


def _resolved(
    tree: files.FileTree, units: systemd.Units
) -> Iterator[rule.Finding]:
    if not units.is_enabled('systemd-resolved.service'):
        return
    setting = systemd_conf.read(tree, 'resolved.conf').get('Resolve', 'LLMNR')
    if setting is not None:
        value, line = setting.value, setting.line
    else:
        value, line = _default(tree), None
    if value.lower() in ('yes', 'true', 'on', '1'):
        yield found.at(
            line,
            'systemd-resolved answers LLMNR on port 5355',
            data=None if line else 'LLMNR is not set; the default is yes',
            severity=rule.Severity.INFO,
        )


def _default(tree: files.FileTree) -> str:
    """Return the default of LLMNR, which differs by distribution.

    systemd ships its defaults as comments; upstream's own is yes.
    """
    for folder in ('/etc/systemd', '/usr/lib/systemd'):
        for line in text.lines(tree, f'{folder}/resolved.conf'):
            if line.text.startswith('#LLMNR='):
                return line.text.partition('=')[2].strip()
    return 'yes'
