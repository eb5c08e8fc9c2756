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
"""EGI-LOG-01: lease renewals do not fill the main log."""

from collections.abc import Iterator, Mapping
from typing import Any

from image_pipeline.audit import found, known, rule, view
from image_pipeline.audit.guest import logrotate, rsyslog, systemd_conf
from image_pipeline.audit.remedies import draft, drop_ins, logs
from image_pipeline.disk import edits, files

#: DHCP clients that log each renewal under their own names, and where they
#: are.
_CLIENTS: Mapping[str, tuple[str, ...]] = {
    'dhclient': ('/usr/sbin/dhclient', '/sbin/dhclient'),
    'dhcpcd': ('/usr/sbin/dhcpcd', '/sbin/dhcpcd'),
}
_MANAGER = 'NetworkManager'
_QUIET = frozenset({'WARN', 'ERR', 'OFF'})


class EgiLog01(rule.Rule):
    """What DHCP clients say at each renewal has a file of its own."""

    id = 'EGI-LOG-01'
    severity = rule.Severity.INFO
    statement = 'what a DHCP client logs at each renewal stays out of syslog'
    rationale = (
        'Where leases are short, their renewals are most of the log, and what '
        'matters is lost among them.'
    )
    source = 'EGI wiki VT-CloudCaps:BestPractices, "Syslog"'
    satisfied_by = ('element:system-logs',)
    remedy = (
        'write /etc/rsyslog.d/25-dhclient.conf: if $programname == "dhclient" '
        'or $programname == "dhcpcd" then { action(type="omfile" '
        'file="/var/log/dhclient.log") stop }; for NetworkManager in '
        '/etc/NetworkManager/conf.d/10-logging.conf, section [logging]: '
        'domains=DEFAULT,DHCP4:WARN,DHCP6:WARN'
    )
    fix = rule.Fix.YES
    probe = 'EGI-LOG-01'

    def find(
        self, subject: view.ImageView, options: Mapping[str, Any]
    ) -> Iterator[rule.Finding]:
        """Give DHCP clients whose renewals go to the main log."""
        tree = subject.files
        if not rsyslog.is_installed(tree):
            raise rule.NotApplicable('there is no rsyslog')
        clients = [
            name
            for name, paths in _CLIENTS.items()
            if any(tree.is_file(path) for path in paths)
        ]
        units = known.units(subject)
        managed = units.is_enabled(f'{_MANAGER}.service')
        if not clients and not managed:
            raise rule.NotApplicable(
                'there is no DHCP client that logs each renewal'
            )
        statements = rsyslog.statements(tree)
        for name in clients:
            yield from _filtered(statements, name)
        if managed and not _is_quiet(tree):
            yield from _filtered(statements, _MANAGER)

    def mend(
        self, subject: view.ImageView, options: Mapping[str, Any]
    ) -> Iterator[edits.Edit]:
        """Give DHCP a log of its own, and a NetworkManager that is quiet."""
        tree = subject.files
        plan = draft.Draft(tree)
        if any(
            tree.is_file(path) for each in _CLIENTS.values() for path in each
        ):
            plan.write(logs.FILTER, logs.FILTERED)
            if not logrotate.rotates(logrotate.patterns(tree), logs.LEASES):
                plan.append(logs.ROTATION, *logs.rotated(logs.LEASES))
        if known.units(subject).is_enabled(
            f'{_MANAGER}.service'
        ) and not _is_quiet(tree):
            drop_ins.put(
                plan,
                f'/etc/{_MANAGER}/conf.d/10-system-logs.conf',
                'logging',
                {'domains': 'DEFAULT,DHCP4:WARN,DHCP6:WARN'},
                _of_manager(tree),
            )
        yield from plan.edits()


def _filtered(
    statements: list[rsyslog.Statement], name: str
) -> Iterator[rule.Finding]:
    """Give why a program's messages get to the main log."""
    main: rsyslog.Statement | None = None
    for statement in statements:
        if statement.is_main:
            main = main or statement
        elif statement.filters(name):
            if not statement.discards:
                yield found.at(
                    statement.first,
                    f'{name} is filtered, but its messages go on: stop is '
                    'missing',
                )
            elif main is not None:
                yield found.at(
                    statement.first,
                    f'{name} is filtered after the main log was written '
                    f'({main.first.path}, line {main.first.number})',
                )
            return
    message = f'nothing keeps what {name} says out of the main log'
    if main is None:
        # Everything may go elsewhere, to another host for instance.
        return
    yield found.at(main.first, message)


def _of_manager(tree: files.FileTree) -> systemd_conf.Ini:
    """Return what NetworkManager is told."""
    return systemd_conf.parse(
        tree,
        [
            '/etc/NetworkManager/NetworkManager.conf',
            *systemd_conf.merged(
                tree,
                [
                    '/etc/NetworkManager/conf.d',
                    '/run/NetworkManager/conf.d',
                    '/usr/lib/NetworkManager/conf.d',
                ],
            ),
        ],
    )


def _is_quiet(tree: files.FileTree) -> bool:
    """Tell whether NetworkManager is told to be quiet about DHCP."""
    said = _of_manager(tree)
    level = said.get('logging', 'level')
    level_of = level.value.upper() if level else 'INFO'
    domains = said.get('logging', 'domains')
    # What is not named says nothing; a later word holds (nm-logging.c).
    levels = dict.fromkeys(('DHCP4', 'DHCP6'), 'OFF')
    words = domains.value.upper() if domains else 'DEFAULT'
    for word in words.replace(',', ' ').split():
        domain, colon, its = word.partition(':')
        for name in levels:
            if domain in {name, 'DHCP', 'ALL', 'DEFAULT'}:
                levels[name] = its if colon else level_of
    return all(value in _QUIET for value in levels.values())
