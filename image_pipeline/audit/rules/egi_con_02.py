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
"""EGI-CON-02: the first virtual terminal has a login, that asks."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from image_pipeline.audit import found, known, rule, view
from image_pipeline.audit.guest import boot, boot_entries, consoles, machine
from image_pipeline.audit.remedies import draft, kernel
from image_pipeline.audit.remedies import units as remedy
from image_pipeline.disk import edits

_UNIT = 'getty@tty1.service'
#: Their consoles are no screens.
_NO_SCREEN = frozenset({'s390x', 'ppc64le', 'ppc64'})
_AUTOMATIC = re.compile(r'\s(?:--autologin|-a)(?:\s+|=)\S+')


class EgiCon02(rule.Rule):
    """What VNC shows is a login."""

    id = 'EGI-CON-02'
    severity = rule.Severity.WARNING
    statement = 'the screen shows the boot and a login that asks (tty0, tty1)'
    rationale = (
        'The screen, by VNC, is the way in when the network is down; a '
        'console that logs in by itself opens the instance to whoever sees '
        'it.'
    )
    source = (
        'EGI wiki VT-CloudCaps:BestPractices, "Virtual Consoles": leave the '
        'first of them running'
    )
    satisfied_by = ('element:cloud-consoles',)
    remedy = (
        'systemctl enable getty@tty1.service; console=tty0 on the command '
        'line of the kernel; remove --autologin from the drop-ins of getty@ '
        'and serial-getty@'
    )
    fix = rule.Fix.YES
    probe = 'EGI-CON-02'
    options: ClassVar[Mapping[str, Any]] = {
        'type': 'object',
        'additionalProperties': False,
        'properties': {
            'screen': {
                'type': 'boolean',
                'default': True,
                'description': 'Whether instances have a screen; with '
                'hw_video_model=none they have none.',
            }
        },
    }

    def find(
        self, subject: view.ImageView, options: Mapping[str, Any]
    ) -> Iterator[rule.Finding]:
        """Give logins that do not ask, and what keeps the screen dark."""
        tree = subject.files
        units = known.units(subject)
        for line in consoles.automatic_logins(tree, units):
            yield found.at(
                line,
                'a console logs somebody in without asking',
                severity=rule.Severity.ERROR,
            )
        if not options['screen']:
            return
        if units.is_masked(_UNIT):
            yield found.in_file(
                units.path(_UNIT) or _UNIT, 'the login on tty1 is masked'
            )
        elif not units.starts(_UNIT):
            yield found.said(
                'nothing starts a login on tty1',
                data=f'{_UNIT} is not enabled',
            )
        entries = subject.remember(
            'boot-entries', lambda: boot_entries.entries(tree)
        )
        if machine.architecture(tree) in _NO_SCREEN:
            return
        for entry in entries:
            named = entry.arguments('console')
            if named and not _shows(named):
                yield found.at(
                    entry.line,
                    'the kernel says nothing on the screen: console=tty0 is '
                    'missing',
                    data=' '.join(f'console={value}' for value in named),
                )

    def mend(
        self, subject: view.ImageView, options: Mapping[str, Any]
    ) -> Iterator[edits.Edit]:
        """Give a login that asks, and a kernel that shows something."""
        tree = subject.files
        units = known.units(subject)
        plan = draft.Draft(tree)
        for line in consoles.automatic_logins(tree, units):
            plan.replace(line, _AUTOMATIC.sub('', line.text))
        if options['screen']:
            if not units.starts(_UNIT):
                remedy.enable(plan, units, _UNIT)
            if machine.architecture(tree) not in _NO_SCREEN:
                named = {
                    line: boot.arguments(command, 'console')
                    for line, command in boot.command_lines(tree)
                }
                for entry in boot_entries.entries(tree):
                    named[entry.line] = entry.arguments('console')
                for line, consoles_of in named.items():
                    if consoles_of and not _shows(consoles_of):
                        kernel.show(plan, line)
        yield from plan.edits()


def _shows(named: list[str]) -> bool:
    """Tell whether one of the consoles is the screen."""
    return any(value.partition(',')[0] in {'tty0', 'tty1'} for value in named)
