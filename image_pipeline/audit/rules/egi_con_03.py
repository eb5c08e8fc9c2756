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
"""EGI-CON-03: the serial console tells of the boot, and has a login."""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from image_pipeline.audit import found, known, rule, view
from image_pipeline.audit.guest import boot_entries, consoles, machine
from image_pipeline.audit.remedies import draft, kernel
from image_pipeline.audit.remedies import units as remedy
from image_pipeline.disk import edits

_GENERATOR = 'systemd-getty-generator'
_DEFAULT = ('ttyS0', 'ttyAMA0', 'hvc0', 'ttysclp0')


class EgiCon03(rule.Rule):
    """``openstack console log show`` shows something."""

    id = 'EGI-CON-03'
    severity = rule.Severity.WARNING
    statement = (
        'every boot entry logs to the serial console, which has a login'
    )
    rationale = (
        'The console log is the only evidence of an instance that does not '
        'answer to SSH; cloud-init prints the host keys there.'
    )
    source = 'OpenStack image guide, "Ensure image writes boot log to console"'
    satisfied_by = ('element:cloud-consoles',)
    remedy = (
        'end GRUB_CMDLINE_LINUX with "console=tty0 console=ttyS0,115200n8" '
        '(ttyAMA0 on arm64, hvc0 on ppc64) and run update-grub, or '
        'grub2-mkconfig with --update-bls-cmdline'
    )
    fix = rule.Fix.YES
    probe = 'EGI-CON-03'
    options: ClassVar[Mapping[str, Any]] = {
        'type': 'object',
        'additionalProperties': False,
        'properties': {
            'consoles': {
                'type': 'array',
                'items': {'type': 'string', 'pattern': '^[A-Za-z]+[0-9]+$'},
                'default': [],
                'description': 'Serial consoles that will do; empty: those '
                'of the architecture.',
            }
        },
    }

    def find(
        self, subject: view.ImageView, options: Mapping[str, Any]
    ) -> Iterator[rule.Finding]:
        """Give boot entries without the console, and masked logins."""
        tree = subject.files
        wanted = _wanted(subject, options)
        entries = subject.remember(
            'boot-entries', lambda: boot_entries.entries(tree)
        )
        for entry in entries:
            if not entry.is_rescue:
                yield from _console(entry, wanted)
        yield from _login(subject, wanted)
        if not entries:
            raise rule.CannotTell('there is no boot entry that is read')

    def mend(
        self, subject: view.ImageView, options: Mapping[str, Any]
    ) -> Iterator[edits.Edit]:
        """Give each boot entry the console, and a login on it."""
        tree = subject.files
        wanted = list(_wanted(subject, options))
        plan = draft.Draft(tree)
        for entry in boot_entries.entries(tree):
            if not entry.is_rescue and any(_console(entry, tuple(wanted))):
                kernel.log_to(plan, entry.line, wanted)
        kernel.defaults(plan, wanted)
        if any(_login(subject, tuple(wanted))):
            units = known.units(subject)
            name = _service(wanted[0])
            if _GENERATOR in units.generators:
                remedy.unmask(plan, units, name)
            else:
                remedy.enable(plan, units, name)
        yield from plan.edits()


def _wanted(
    subject: view.ImageView, options: Mapping[str, Any]
) -> tuple[str, ...]:
    """Return the consoles that will do."""
    return tuple(options['consoles']) or consoles.SERIAL.get(
        machine.architecture(subject.files) or '', _DEFAULT
    )


def _console(
    entry: boot_entries.Entry, wanted: tuple[str, ...]
) -> Iterator[rule.Finding]:
    named = [value.partition(',')[0] for value in entry.arguments('console')]
    data = ' '.join(f'console={value}' for value in named) or entry.command
    if not set(wanted) & set(named):
        yield found.at(
            entry.line, f'console={" or ".join(wanted)} is missing', data=data
        )
    elif named[-1] not in wanted:
        yield found.at(
            entry.line,
            f'/dev/console is {named[-1]}, as the last console= has it: what '
            'services say at boot is not on the serial line',
            data=data,
        )


def _login(
    subject: view.ImageView, wanted: tuple[str, ...]
) -> Iterator[rule.Finding]:
    units = known.units(subject)
    if _GENERATOR in units.generators:
        # It makes one for each console that the kernel was told of.
        able = [name for name in wanted if not units.is_masked(_service(name))]
    else:
        able = [name for name in wanted if units.is_enabled(_service(name))]
    if not able:
        path = units.path(_service(wanted[0]))
        message = f'there is no login on {" or ".join(wanted)}'
        if path and units.is_masked(_service(wanted[0])):
            yield found.in_file(path, f'{message}: it is masked')
        else:
            yield found.said(
                message, data=f'{_service(wanted[0])} is not enabled'
            )


def _service(console: str) -> str:
    return f'serial-getty@{console}.service'
