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

"""EGI-SEC-08: mandatory access control is on."""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from image_pipeline.audit import found, known, rule, view
from image_pipeline.audit.guest import boot, release, text
from image_pipeline.audit.remedies import draft, kernel
from image_pipeline.audit.remedies import units as remedy
from image_pipeline.disk import edits, files

_CONFIG = '/etc/selinux/config'
_XATTR = 'security.selinux'
#: What a login over SSH goes through.
_SAMPLES = ('/etc/passwd', '/etc/shadow', '/usr/sbin/sshd', '/root')
_OFF = {
    'selinux': (('selinux', '0'), ('enforcing', '0')),
    'apparmor': (('apparmor', '0'),),
}


class EgiSec08(rule.Rule):
    """SELinux or AppArmor confines services."""

    id = 'EGI-SEC-08'
    severity = rule.Severity.WARNING
    statement = (
        'SELinux enforces with labels on all files, or AppArmor is enabled'
    )
    rationale = (
        'A service that is broken into can do less; SELinux that enforces '
        'without labels lets nobody log in.'
    )
    source = (
        'cloud-image-val, test_selinux_mode; diskimage-builder, '
        'selinux-fixfiles-restore; virt-sysprep, relabel'
    )
    satisfied_by = ('element:security-basics',)
    remedy = (
        'set SELINUX=enforcing and run setfiles over the image after the last '
        'change; on Debian and Ubuntu install and enable apparmor'
    )
    fix = rule.Fix.YES
    probe = 'EGI-SEC-08'
    options: ClassVar[Mapping[str, Any]] = {
        'type': 'object',
        'additionalProperties': False,
        'properties': {
            'selinux': {
                'enum': ['enforcing', 'any'],
                'default': 'enforcing',
                'description': 'Which mode SELinux must have: cloud-image-val '
                "wants enforcing, EGI's template for AlmaLinux turns it off.",
            },
        },
    }

    def find(
        self, subject: view.ImageView, options: Mapping[str, Any]
    ) -> Iterator[rule.Finding]:
        """Give what turns access control off, or makes it lock out."""
        tree = subject.files
        kind = _kind(known.os_release(subject), tree)
        yield from _command_line(tree, kind, options['selinux'])
        if kind == 'selinux':
            yield from _selinux(tree, options['selinux'])
            return
        units = known.units(subject)
        if not units.is_enabled('apparmor.service'):
            yield found.said(
                'AppArmor is not enabled',
                data='apparmor.service is disabled'
                if units.path('apparmor.service')
                else 'the package apparmor is not there',
            )

    def mend(
        self, subject: view.ImageView, options: Mapping[str, Any]
    ) -> Iterator[edits.Edit]:
        """Give access control that is on; what has no label stays."""
        tree = subject.files
        kind = _kind(known.os_release(subject), tree)
        plan = draft.Draft(tree)
        if kind == 'apparmor' or options['selinux'] == 'enforcing':
            off = {f'{name}={value}' for name, value in _OFF[kind]}
            kernel.drop(plan, lambda word: word in off)
        units = known.units(subject)
        if kind == 'apparmor' and not units.is_enabled('apparmor.service'):
            remedy.enable(plan, units, 'apparmor.service')
        if kind == 'selinux' and options['selinux'] == 'enforcing':
            line, mode = _mode(tree)
            # Without labels it would lock everybody out.
            if mode != 'enforcing' and not any(_unlabelled(tree)):
                if line is not None:
                    plan.replace(line, 'SELINUX=enforcing')
                else:
                    plan.append(_CONFIG, 'SELINUX=enforcing')
        yield from plan.edits()


def _kind(said: Mapping[str, str], tree: files.FileTree) -> str:
    """Return which access control a distribution has."""
    family = release.family(said)
    if family == 'redhat' or (family != 'debian' and tree.is_file(_CONFIG)):
        return 'selinux'
    if family in ('debian', 'suse'):
        return 'apparmor'
    raise rule.CannotTell('which access control this system has is not known')


def _command_line(
    tree: files.FileTree, kind: str, mode: str
) -> Iterator[rule.Finding]:
    if kind == 'selinux' and mode == 'any':
        return
    for line, command in boot.command_lines(tree):
        for name, value in _OFF[kind]:
            if value in boot.arguments(command, name):
                yield found.at(
                    line,
                    'the kernel is told to leave access control off',
                    data=f'{name}={value}',
                )


def _selinux(tree: files.FileTree, wanted: str) -> Iterator[rule.Finding]:
    line, mode = _mode(tree)
    if mode != 'enforcing':
        if wanted == 'enforcing':
            yield found.at(
                line,
                f'SELinux is {mode or "not configured"}',
                data=None if line else f'{_CONFIG} does not say SELINUX=',
            )
        return
    if tree.exists('/.autorelabel'):
        yield found.in_file(
            '/.autorelabel',
            'the first boot labels all files, and boots again',
            severity=rule.Severity.INFO,
        )
        return
    for path, label in _unlabelled(tree):
        yield found.in_file(
            path,
            'SELinux enforces, and this file has no label: nobody could '
            'log in',
            data=label.decode('utf-8', 'replace') or None,
            severity=rule.Severity.ERROR,
        )


def _unlabelled(tree: files.FileTree) -> Iterator[tuple[str, bytes]]:
    """Give what a login needs and has no label, and what it has instead."""
    for path in _SAMPLES:
        if not tree.exists(path):
            continue
        label = tree.xattrs(path).get(_XATTR, b'').rstrip(b'\0')
        if not label or b':unlabeled_t' in label:
            yield path, label


def _mode(tree: files.FileTree) -> tuple[text.Line | None, str]:
    for line in text.said(tree, _CONFIG):
        name, _, value = line.text.partition('=')
        if name.strip() == 'SELINUX':
            return line, text.unquote(value).lower()
    return None, ''
