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

"""EGI-SEC-10: the kernel is set up with care."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar

from image_pipeline.audit import found, rule, view
from image_pipeline.audit.guest import boot, systemd_conf, text
from image_pipeline.audit.remedies import draft, kernel
from image_pipeline.disk import edits, files

#: By sysctl: what is good enough.  CIS benchmarks, network and process
#: hardening; what is a matter of routers is left out.
_WANTED: Mapping[str, frozenset[str]] = {
    'fs.protected_hardlinks': frozenset({'1'}),
    'fs.protected_symlinks': frozenset({'1'}),
    'kernel.dmesg_restrict': frozenset({'1'}),
    'kernel.kptr_restrict': frozenset({'1', '2'}),
    'net.ipv4.conf.all.accept_redirects': frozenset({'0'}),
    'net.ipv4.conf.default.rp_filter': frozenset({'1', '2'}),
    'net.ipv6.conf.all.accept_redirects': frozenset({'0'}),
}
#: What the element security-basics writes.
_DROP_IN = '/etc/sysctl.d/60-security-basics.conf'
#: Modules without which a cloud image does not see its disk, its network or
#: its config drive.
_NEEDED = re.compile(
    r'(?:virtio\w*|iso9660|vfat|fat|isofs|sr_mod|cdrom|sd_mod|ext4|xfs)'
)
_MODPROBE = re.compile(
    r'^\s*(?:blacklist\s+(\S+)|install\s+(\S+)\s+(?:/usr)?/bin/(?:true|false))'
)


class EgiSec10(rule.Rule):
    """Cheap hardening is there, and nothing needed is turned off."""

    id = 'EGI-SEC-10'
    severity = rule.Severity.INFO
    statement = (
        'sysctl hides kernel addresses and refuses redirects, and no needed '
        'driver is blocked'
    )
    rationale = (
        'It costs nothing, and blocks the second step of many attacks; a '
        'hardening script that blocks vfat takes the config drive away.'
    )
    source = 'CIS benchmarks; cloud-image-val, test_blocklist'
    satisfied_by = ('element:security-basics',)
    remedy = (
        'write the settings into /etc/sysctl.d/60-egi.conf; take needed '
        'modules out of /etc/modprobe.d and mitigations=off off the command '
        'line'
    )
    fix = rule.Fix.YES
    probe = 'EGI-SEC-10'
    options: ClassVar[Mapping[str, Any]] = {
        'type': 'object',
        'additionalProperties': False,
        'properties': {
            'ignored': {
                'type': 'array',
                'items': {'type': 'string'},
                'default': [],
                'description': 'Names of sysctl that may have any value, as '
                'routers need it.',
            },
        },
    }

    def find(
        self, subject: view.ImageView, options: Mapping[str, Any]
    ) -> Iterator[rule.Finding]:
        """Give settings that are missing or weak, and blocked modules."""
        tree = subject.files
        said = _sysctl(tree)
        for name, values in _WANTED.items():
            if name in options['ignored']:
                continue
            line = said.get(name)
            value = line.text.partition('=')[2].strip() if line else None
            if value not in values:
                yield found.at(
                    line,
                    f'{name} is not {" or ".join(sorted(values))}',
                    data=None if line else 'it is not set',
                )
        for line, module in _blocked(tree):
            yield found.at(
                line,
                f'{module} is blocked, and a cloud image needs it',
                severity=rule.Severity.WARNING,
            )
        for line, command in boot.command_lines(tree):
            if 'off' in boot.arguments(command, 'mitigations'):
                yield found.at(
                    line,
                    'mitigations of faults of the processor are off',
                    data='mitigations=off',
                    severity=rule.Severity.WARNING,
                )

    def mend(
        self, subject: view.ImageView, options: Mapping[str, Any]
    ) -> Iterator[edits.Edit]:
        """Give the settings, and no module that is blocked."""
        tree = subject.files
        plan = draft.Draft(tree)
        said = _sysctl(tree)
        mine = {
            line.text.partition('=')[0].strip(): line
            for line in text.said(tree, _DROP_IN)
        }
        for name, values in _WANTED.items():
            line = said.get(name)
            value = line.text.partition('=')[2].strip() if line else None
            if name in options['ignored'] or value in values:
                continue
            if line is not None:
                plan.comment(line)
            # 2 is loose, as a guest with several addresses needs it.
            best = max(values) if name.endswith('rp_filter') else min(values)
            if name in mine:
                plan.replace(mine[name], f'{name} = {best}')
            else:
                plan.append(_DROP_IN, f'{name} = {best}')
        for line, _ in _blocked(tree):
            plan.comment(line)
        kernel.drop(plan, lambda word: word == 'mitigations=off')
        yield from plan.edits()


def _blocked(tree: files.FileTree) -> Iterator[tuple[text.Line, str]]:
    """Give the lines that block a needed module, and its name."""
    for path in systemd_conf.paths(tree, 'modprobe.d'):
        for line in text.said(tree, path):
            match = _MODPROBE.match(line.text)
            module = (match[1] or match[2]) if match else ''
            if _NEEDED.fullmatch(module.replace('-', '_')):
                yield line, module


def _sysctl(tree: files.FileTree) -> dict[str, text.Line]:
    """Return what sysctl sets at boot: by name, the last line of it."""
    found_lines: dict[str, text.Line] = {}
    for path in systemd_conf.paths(tree, 'sysctl.d'):
        for line in text.said(tree, path):
            name, equals, _ = line.text.partition('=')
            name = name.strip().lstrip('-').replace('/', '.')
            if equals:
                found_lines[name] = line
    return _spread(
        found_lines, lambda name: name.replace('.all.', '.default.')
    )


def _spread(
    said: dict[str, text.Line], other: Callable[[str], str]
) -> dict[str, text.Line]:
    """Let what is said of all interfaces hold for new ones too."""
    return {other(name): line for name, line in said.items()} | said
