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

"""EGI-SEC-04: one client keeps the time, and serves nobody."""

from collections.abc import Iterator, Mapping
from typing import Any

from image_pipeline.audit import found, known, rule, view
from image_pipeline.audit.guest import systemd, text
from image_pipeline.audit.remedies import draft
from image_pipeline.audit.remedies import units as remedy
from image_pipeline.disk import edits, files

#: Units of each program that keeps the time.
_CLIENTS = {
    'systemd-timesyncd': ('systemd-timesyncd.service',),
    'chrony': ('chrony.service', 'chronyd.service'),
    'ntp': ('ntp.service', 'ntpd.service', 'ntpsec.service'),
    'openntpd': ('openntpd.service',),
}
#: What is kept where there are several, and what is enabled where there is
#: none: the one that a distribution has with its defaults.
_ORDER = ('chrony', 'ntp', 'openntpd', 'systemd-timesyncd')
_PREFERRED = (
    'chrony.service',
    'chronyd.service',
    'systemd-timesyncd.service',
    'ntpsec.service',
)
_CHRONY = (
    '/etc/chrony/chrony.conf',
    '/etc/chrony.conf',
    '/etc/chrony/conf.d/*.conf',
    '/etc/chrony.d/*.conf',
)
_NTP = ('/etc/ntp.conf', '/etc/ntpsec/ntp.conf', '/etc/ntpsec/ntp.d/*.conf')
#: What keeps ntpd from being used for amplification (CVE-2013-5211).
_RESTRICTIONS = frozenset({'noquery', 'ignore'})
_OWN = ('127.', '::1', '/')


class EgiSec04(rule.Rule):
    """The clock is right, and no attack is amplified."""

    id = 'EGI-SEC-04'
    severity = rule.Severity.WARNING
    statement = 'one NTP client keeps the clock, and answers nobody'
    rationale = (
        'Certificates and tokens need the time; an NTP server that answers '
        'everybody is used to flood others.'
    )
    source = (
        'SECANT, probe ntp_amp; cloud-image-val, test_timesync; Debian cloud '
        'images (chrony)'
    )
    satisfied_by = ('element:system-basics',)
    remedy = (
        'enable one of systemd-timesyncd and chrony with its defaults; remove '
        'allow from chrony.conf, and restrict ntpd with noquery'
    )
    fix = rule.Fix.YES
    probe = 'EGI-SEC-04'

    def find(
        self, subject: view.ImageView, options: Mapping[str, Any]
    ) -> Iterator[rule.Finding]:
        """Give too many clients, none, and those that serve."""
        units = known.units(subject)
        tree = subject.files
        enabled = _enabled(units)
        if not enabled:
            yield found.said(
                'nothing keeps the clock',
                data=f'none of {", ".join(_CLIENTS)}',
            )
        elif len(enabled) > 1 and not _exclude(units):
            yield found.said(
                'several programs set the clock', data=', '.join(enabled)
            )
        if 'chrony' in enabled:
            for line, message in _chrony(tree):
                yield found.at(line, message)
        if 'ntp' in enabled:
            yield from _ntp(tree)

    def mend(
        self, subject: view.ImageView, options: Mapping[str, Any]
    ) -> Iterator[edits.Edit]:
        """Give one client, which answers nobody."""
        units = known.units(subject)
        tree = subject.files
        plan = draft.Draft(tree)
        enabled = _enabled(units)
        if not enabled:
            for name in _PREFERRED:
                if remedy.enable(plan, units, name):
                    break
        elif len(enabled) > 1 and not _exclude(units):
            kept = min(enabled, key=list(_ORDER).index)
            for name in enabled:
                for unit in _CLIENTS[name] if name != kept else ():
                    if units.is_enabled(unit):
                        remedy.disable(plan, units, unit)
        if 'chrony' in enabled:
            for line, _ in _chrony(tree):
                plan.comment(line)
        if 'ntp' in enabled:
            _restrict(plan)
        yield from plan.edits()


def _enabled(units: systemd.Units) -> list[str]:
    """Return the programs that a boot starts."""
    return [
        name
        for name, names in _CLIENTS.items()
        if any(units.is_enabled(unit) for unit in names)
    ]


def _exclude(units: systemd.Units) -> bool:
    """Tell whether timesyncd stays away where another client is.

    Debian and Ubuntu make the others conflict with it as packages; EL's
    chronyd says so in its unit.
    """
    return any(
        'systemd-timesyncd.service'
        in units.settings(name).words('Unit', 'Conflicts')
        for names in _CLIENTS.values()
        for name in names
        if units.is_enabled(name)
    )


def _chrony(tree: files.FileTree) -> Iterator[tuple[text.Line, str]]:
    """Give what opens chrony to others."""
    for line in _lines(tree, _CHRONY):
        words = line.text.split()
        if words[0] in ('allow', 'cmdallow') and words[1:2] != ['127.0.0.1']:
            yield line, 'chrony serves time to others'
        elif (
            words[0] == 'bindcmdaddress'
            and len(words) > 1
            and not words[1].startswith(_OWN)
        ):
            yield line, 'chrony takes commands from the network'


def _ntp(tree: files.FileTree) -> Iterator[rule.Finding]:
    lines = [
        line
        for line in _lines(tree, _NTP)
        if line.text.split()[:1] == ['restrict']
    ]
    defaults = [line for line in lines if 'default' in line.text.split()]
    for line in defaults:
        if not _RESTRICTIONS & set(line.text.split()):
            yield found.at(line, 'ntpd answers questions of everybody')
    if not defaults:
        yield found.said(
            'ntpd answers questions of everybody',
            data='there is no "restrict default ... noquery"',
        )


def _restrict(plan: draft.Draft) -> None:
    """Let ntpd answer nobody's questions."""
    lines = [
        line
        for line in _lines(plan.tree, _NTP)
        if line.text.split()[:1] == ['restrict']
        and 'default' in line.text.split()
    ]
    for line in lines:
        if not _RESTRICTIONS & set(line.text.split()):
            plan.replace(line, f'{line.text.rstrip()} noquery')
    main = [path for path in _NTP if plan.tree.is_file(path)]
    if not lines and main:
        plan.append(main[0], 'restrict default kod nomodify noquery limited')


def _lines(
    tree: files.FileTree, patterns: tuple[str, ...]
) -> Iterator[text.Line]:
    for pattern in patterns:
        for path in tree.glob(pattern):
            for line in text.said(tree, path):
                if not line.text.lstrip().startswith(('!', ';', '%')):
                    yield line
