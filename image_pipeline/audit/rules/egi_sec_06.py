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

"""EGI-SEC-06: it is said whether security updates install themselves."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from image_pipeline.audit import found, known, rule, view
from image_pipeline.audit.guest import release, text
from image_pipeline.audit.remedies import draft
from image_pipeline.audit.remedies import units as remedy
from image_pipeline.disk import edits, files

_PERIODIC = re.compile(
    r'APT::Periodic::Unattended-Upgrade\s+"(\w*)"', re.IGNORECASE
)
#: What the element security-basics writes.
_POLICY = '/etc/apt/apt.conf.d/20auto-upgrades'
#: apt's tool, and where its configuration is.
_TOOL = '/usr/bin/unattended-upgrade'
#: What installs updates by itself, elsewhere.
_TIMERS = (
    'dnf-automatic.timer',
    'dnf-automatic-install.timer',
    'dnf5-automatic.timer',
    'transactional-update.timer',
    'yum-cron.service',
    'os-update.timer',
)


class EgiSec06(rule.Rule):
    """Whether instances update themselves is no accident."""

    id = 'EGI-SEC-06'
    severity = rule.Severity.INFO
    statement = 'it is configured whether security updates install themselves'
    rationale = (
        'Instances that live long rot; those that live an hour should not '
        'begin it with an upgrade.'
    )
    source = (
        'OpenStack image guide, Ubuntu: "Install security updates '
        'automatically"'
    )
    satisfied_by = ('element:security-basics',)
    remedy = (
        'write APT::Periodic::Unattended-Upgrade "1"; (or "0") into '
        '/etc/apt/apt.conf.d/20auto-upgrades, or enable dnf-automatic.timer'
    )
    fix = rule.Fix.YES
    probe = 'EGI-SEC-06'
    options: ClassVar[Mapping[str, Any]] = {
        'type': 'object',
        'additionalProperties': False,
        'properties': {
            'policy': {
                'enum': ['explicit', 'automatic', 'none'],
                'default': 'explicit',
                'description': 'What the image must do: say anything, '
                'install updates, or not install them.',
            },
        },
    }

    def find(
        self, subject: view.ImageView, options: Mapping[str, Any]
    ) -> Iterator[rule.Finding]:
        """Give a policy that is missing, or another than is wanted."""
        family = release.family(known.os_release(subject))
        if family is None:
            raise rule.CannotTell(
                'how this system updates itself is not known'
            )
        if family == 'debian':
            line, automatic = _apt(subject.files)
        else:
            units = known.units(subject)
            line = None
            automatic = any(units.is_enabled(name) for name in _TIMERS) or None
            if automatic is None and any(map(units.is_masked, _TIMERS)):
                # Nobody masks what nobody thought of.
                automatic = False
        wanted = options['policy']
        if automatic is None and wanted != 'none':
            yield found.said(
                'whether security updates install themselves is left open'
                if wanted == 'explicit'
                else 'nothing installs security updates'
            )
        elif automatic and wanted == 'none':
            yield found.at(line, 'security updates install themselves')
        elif automatic is False and wanted == 'automatic':
            yield found.at(line, 'security updates do not install themselves')

    def mend(
        self, subject: view.ImageView, options: Mapping[str, Any]
    ) -> Iterator[edits.Edit]:
        """Give what the profile wants; nothing is installed unless it says."""
        tree = subject.files
        units = known.units(subject)
        family = release.family(known.os_release(subject))
        automatic = options['policy'] == 'automatic'
        plan = draft.Draft(tree)
        if family == 'debian':
            for path in tree.glob('/etc/apt/apt.conf.d/*'):
                for line in text.said(tree, path):
                    if _PERIODIC.search(line.text) and path != _POLICY:
                        plan.replace(line, f'// {line.text}')
            value = int(automatic)
            plan.write(
                _POLICY,
                f'APT::Periodic::Update-Package-Lists "{value}";\n'
                f'APT::Periodic::Unattended-Upgrade "{value}";\n',
            )
        elif automatic:
            for name in _TIMERS:
                if remedy.enable(plan, units, name):
                    break
        else:
            for name in _TIMERS:
                if units.is_enabled(name):
                    remedy.disable(plan, units, name)
            if options['policy'] == 'explicit':
                plan.link(f'/etc/systemd/system/{_TIMERS[0]}', '/dev/null')
        yield from plan.edits()


def _apt(tree: files.FileTree) -> tuple[text.Line | None, bool | None]:
    """Return what apt does, and where it says so; None if nothing does."""
    said: text.Line | None = None
    automatic: bool | None = None
    for path in tree.glob('/etc/apt/apt.conf.d/*'):
        for line in text.said(tree, path):
            match = _PERIODIC.search(line.text)
            if match and not line.text.lstrip().startswith('//'):
                said, automatic = line, match[1] not in ('0', '', 'never')
    if automatic and not tree.is_file(_TOOL):
        # apt's timer runs it only if it is there.
        return said, None
    return said, automatic
