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
"""EGI-LOG-03: logs are rotated, and the journal has a bound."""

from collections.abc import Iterator, Mapping
from typing import Any

from image_pipeline.audit import found, known, rule, view
from image_pipeline.audit.guest import logrotate, rsyslog, systemd_conf
from image_pipeline.audit.remedies import draft, drop_ins, logs
from image_pipeline.audit.remedies import units as remedy
from image_pipeline.disk import edits, files

_JOURNALD = (
    '/usr/lib/systemd/systemd-journald',
    '/lib/systemd/systemd-journald',
)
_TIMER = 'logrotate.timer'
_CRON = ('/etc/cron.daily/logrotate', '/etc/cron.hourly/logrotate')


class EgiLog03(rule.Rule):
    """No log grows until the root is full."""

    id = 'EGI-LOG-03'
    severity = rule.Severity.WARNING
    statement = (
        'every file that rsyslog writes is rotated, the journal bounded'
    )
    rationale = (
        'A log that is not rotated fills a small root; journald keeps up to a '
        'tenth of the disk, 4 GiB at most, unless it is told less.'
    )
    source = (
        'EGI wiki VT-CloudCaps:BestPractices, "add this file for log '
        'rotation"; journald.conf(5), SystemMaxUse='
    )
    satisfied_by = ('element:system-logs',)
    remedy = (
        'name the file in /etc/logrotate.d/, enable logrotate.timer; for the '
        'journal write SystemMaxUse=200M into '
        '/etc/systemd/journald.conf.d/10-size.conf, section [Journal]'
    )
    fix = rule.Fix.YES
    probe = 'EGI-LOG-03'

    def find(
        self, subject: view.ImageView, options: Mapping[str, Any]
    ) -> Iterator[rule.Finding]:
        """Give logs that grow."""
        tree = subject.files
        syslog = rsyslog.is_installed(tree)
        journal = any(tree.is_file(path) for path in _JOURNALD)
        if not syslog and not journal:
            raise rule.NotApplicable('there is neither rsyslog nor journald')
        if journal:
            yield from _journal(tree)
        if syslog:
            yield from _files(subject)

    def mend(
        self, subject: view.ImageView, options: Mapping[str, Any]
    ) -> Iterator[edits.Edit]:
        """Give a bound for the journal, and rotation of what is not."""
        tree = subject.files
        plan = draft.Draft(tree)
        if any(tree.is_file(path) for path in _JOURNALD) and any(
            _journal(tree)
        ):
            drop_ins.put(
                plan,
                '/etc/systemd/journald.conf.d/10-system-logs.conf',
                'Journal',
                {'SystemMaxUse': '200M'},
            )
        if rsyslog.is_installed(tree):
            rotated = logrotate.patterns(tree)
            left = [
                path
                for statement in rsyslog.statements(tree)
                for _, path in statement.targets
                if not logrotate.rotates(rotated, path)
            ]
            for path in dict.fromkeys(left):
                plan.append(logs.ROTATION, *logs.rotated(path))
            units = known.units(subject)
            if (
                logrotate.is_installed(tree)
                and not any(tree.is_file(path) for path in _CRON)
                and not units.is_enabled(_TIMER)
            ):
                remedy.enable(plan, units, _TIMER)
        yield from plan.edits()


def _files(subject: view.ImageView) -> Iterator[rule.Finding]:
    tree = subject.files
    rotated = logrotate.patterns(tree)
    seen: set[str] = set()
    for statement in rsyslog.statements(tree):
        for line, path in statement.targets:
            if path in seen:
                continue
            seen.add(path)
            if not logrotate.rotates(rotated, path):
                yield found.at(line, f'nothing rotates {path}')
    if not seen:
        return
    if not logrotate.is_installed(tree):
        yield found.said(
            'there is no logrotate', data='/usr/sbin/logrotate is not there'
        )
    elif not any(tree.is_file(path) for path in _CRON) and not known.units(
        subject
    ).is_enabled(_TIMER):
        yield found.said(
            'nothing runs logrotate',
            data='neither logrotate.timer nor /etc/cron.daily/logrotate',
        )


def _journal(tree: files.FileTree) -> Iterator[rule.Finding]:
    said = systemd_conf.read(tree, 'journald.conf')
    storage = said.get('Journal', 'Storage')
    kind = storage.value if storage else 'auto'
    if kind in {'none', 'volatile'}:
        return
    if kind == 'auto' and not tree.is_folder('/var/log/journal'):
        # It is kept in memory, and lost at a reboot.
        return
    if said.get('Journal', 'SystemMaxUse') is None:
        yield found.said(
            'the journal may take a tenth of the disk, up to 4 GiB',
            data='SystemMaxUse= is not set in journald.conf',
            severity=rule.Severity.INFO,
        )
