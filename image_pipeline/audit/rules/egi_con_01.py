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
"""EGI-CON-01: one virtual terminal has a login, not six."""

from collections.abc import Iterator, Mapping
from typing import Any

from image_pipeline.audit import found, known, rule, view
from image_pipeline.audit.guest import consoles, systemd, systemd_conf
from image_pipeline.audit.remedies import draft, drop_ins
from image_pipeline.audit.remedies import units as remedy
from image_pipeline.disk import edits

_LOGIND = ('/usr/lib/systemd/systemd-logind', '/lib/systemd/systemd-logind')
_BUSES = (
    '/usr/bin/dbus-daemon',
    '/usr/bin/dbus-broker-launch',
    '/bin/dbus-daemon',
)
#: What the element cloud-consoles writes.
_DROP_IN = '/etc/systemd/logind.conf.d/10-cloud-consoles.conf'
#: What logind does unless it is told otherwise (logind.conf(5)).
_DEFAULTS = {'NAutoVTs': 6, 'ReserveVT': 6}
_MOST = {'NAutoVTs': 1, 'ReserveVT': 0}


class EgiCon01(rule.Rule):
    """Nobody ever sees a second virtual terminal of an instance."""

    id = 'EGI-CON-01'
    severity = rule.Severity.INFO
    statement = 'no logins on the virtual terminals tty2 to tty6'
    rationale = (
        'An instance has no keyboard to change terminals with; each login '
        'that waits there is a process for nobody.'
    )
    source = (
        'EGI wiki VT-CloudCaps:BestPractices, "Virtual Consoles"; '
        'logind.conf(5)'
    )
    satisfied_by = ('element:cloud-consoles',)
    remedy = (
        'write NAutoVTs=0 and ReserveVT=0 into '
        '/etc/systemd/logind.conf.d/10-consoles.conf, section [Login], and '
        'disable getty@tty2.service and its like'
    )
    fix = rule.Fix.YES
    probe = 'EGI-CON-01'

    def find(
        self, subject: view.ImageView, options: Mapping[str, Any]
    ) -> Iterator[rule.Finding]:
        """Give what starts a login on a further terminal."""
        tree = subject.files
        for number, line in consoles.old_gettys(tree):
            if number > 1:
                yield found.at(line, f'there is a login on tty{number}')
        units = known.units(subject)
        for number in range(2, 13):
            link = consoles.is_wanted(units, number)
            if link is not None:
                yield found.in_file(link, f'there is a login on tty{number}')
        if any(tree.is_file(path) for path in _LOGIND):
            yield from _logind(units)
        # Debian's answer to a system without logind's bus.
        static = 'getty-static.service'
        if units.starts(static) and not any(map(tree.is_file, _BUSES)):
            yield found.in_file(
                units.path(static) or static,
                'without D-Bus, it starts logins on tty2 to tty6',
            )

    def mend(
        self, subject: view.ImageView, options: Mapping[str, Any]
    ) -> Iterator[edits.Edit]:
        """Give no login on them, whatever starts it."""
        tree = subject.files
        units = known.units(subject)
        plan = draft.Draft(tree)
        for number, line in consoles.old_gettys(tree):
            if number > 1 and line.path.startswith('/etc/init/'):
                plan.remove(line.path)
            elif number > 1:
                plan.comment(line)
        for number in range(2, 13):
            for name in (f'getty@tty{number}', f'autovt@tty{number}'):
                if units.links(f'{name}.service'):
                    remedy.disable(plan, units, f'{name}.service')
        if any(tree.is_file(path) for path in _LOGIND):
            said = systemd_conf.read(tree, 'logind.conf')
            drop_ins.put(
                plan, _DROP_IN, 'Login', dict.fromkeys(_MOST, '0'), said
            )
        static = 'getty-static.service'
        if units.starts(static) and not any(map(tree.is_file, _BUSES)):
            remedy.disable(plan, units, static)
        yield from plan.edits()


def _logind(units: systemd.Units) -> Iterator[rule.Finding]:
    said = systemd_conf.read(units.tree, 'logind.conf')
    for key, most in _MOST.items():
        # logind passes over what is no number.
        valid = [s for s in said.all('Login', key) if s.value.isdecimal()]
        setting = valid[-1] if valid else None
        value = int(setting.value) if setting else _DEFAULTS[key]
        if value <= most:
            continue
        message = f'logind starts logins on demand: {key} is {value}'
        if setting is None:
            yield found.said(message, data=f'{key}= is not set')
        else:
            yield found.at(setting.line, message)
