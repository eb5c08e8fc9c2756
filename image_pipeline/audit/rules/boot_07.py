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

"""BOOT-07: booting is quick, and asks nobody."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from image_pipeline.audit import found, known, rule, view
from image_pipeline.audit.guest import boot, text
from image_pipeline.disk import edits, files

_ASKING = (
    'initial-setup.service',
    'initial-setup-text.service',
    'initial-setup-graphical.service',
    'initial-setup-reconfiguration.service',
    'firstboot-graphical.service',
    'jeos-firstboot.service',
)
_SET = re.compile(r'^\s*set\s+timeout=["\']?(-?\d+(?:\.\d+)?)')
_DEFAULT = re.compile(r'^\s*(GRUB_(?:RECORDFAIL_)?TIMEOUT)=(.*)$')
_LOADER = re.compile(r'^\s*timeout\s+(\d+|menu-force)', re.IGNORECASE)
#: extlinux and syslinux count tenths of a second.
_TENTHS = ('/boot/extlinux/extlinux.conf', '/boot/syslinux/syslinux.cfg')
_LOADERS = (
    '/boot/loader/loader.conf',
    '/boot/efi/loader/loader.conf',
    '/efi/loader/loader.conf',
)


class Boot07(rule.Rule):
    """Booting is quick, and asks nobody."""

    id = 'BOOT-07'
    severity = rule.Severity.WARNING
    statement = (
        'the boot loader waits for nobody, and nothing asks at the console'
    )
    rationale = (
        'Instances are started by the hundred, and there is nobody at their '
        'consoles.'
    )
    source = (
        'debian-cloud-images, GRUB_TIMEOUT=0; cloud-image-val, '
        'test_first_boot_time; "Inside an image factory" (2013)'
    )
    satisfied_by = ('element:cloud-consoles', 'element:block-device-tree')
    remedy = (
        'set GRUB_TIMEOUT=0 and GRUB_RECORDFAIL_TIMEOUT=0, run update-grub, '
        'and disable initial-setup'
    )
    fix = rule.Fix.YES
    probe = 'BOOT-07'
    options: ClassVar[Mapping[str, Any]] = {
        'type': 'object',
        'additionalProperties': False,
        'properties': {
            'max_seconds': {
                'type': 'number',
                'minimum': 0,
                'default': 1,
                'description': 'Seconds that the boot loader may wait.',
            }
        },
    }

    def find(
        self, subject: view.ImageView, options: Mapping[str, Any]
    ) -> Iterator[rule.Finding]:
        """Give what waits, and what asks."""
        tree = subject.files
        most = options['max_seconds']
        for line, seconds in _timeouts(tree):
            if seconds < 0 or seconds > most:
                waits = 'for ever' if seconds < 0 else f'{seconds:g} s'
                yield found.at(line, f'the boot loader waits {waits}')
        for line, command in boot.command_lines(tree):
            if {'splash', 'rhgb'} & set(command.split()):
                yield found.at(
                    line,
                    'a picture hides what is going on',
                    severity=rule.Severity.INFO,
                )
                break
        if tree.exists('/.unconfigured'):
            yield found.in_file(
                '/.unconfigured', 'the first boot asks questions'
            )
        units = known.units(subject)
        for name in _ASKING:
            if units.is_enabled(name):
                yield found.said(f'{name} asks questions at the console')

    def mend(
        self, subject: view.ImageView, options: Mapping[str, Any]
    ) -> Iterator[edits.Edit]:
        """Give a boot loader that does not wait, and nothing that asks."""
        tree = subject.files
        most = options['max_seconds']
        slow: dict[str, set[int]] = {}
        for line, seconds in _timeouts(tree):
            if seconds < 0 or seconds > most:
                slow.setdefault(line.path, set()).add(line.number)
        for path, numbers in slow.items():
            yield edits.Write(
                path=tree.resolve(path),
                content=''.join(
                    _quick(line.text)
                    if line.number in numbers
                    else f'{line.text}\n'
                    for line in text.lines(tree, path)
                ).encode(),
            )
        if tree.exists('/.unconfigured'):
            yield edits.Remove(path='/.unconfigured')
        units = known.units(subject)
        for name in _ASKING:
            if units.is_enabled(name):
                for link in units.links(name):
                    yield edits.Remove(path=link)


def _quick(said: str) -> str:
    """Return a line with no time to wait in it."""
    for pattern in (_SET, _DEFAULT, _LOADER):
        match = pattern.match(said)
        if match:
            last = match.lastindex or 1
            before = said[: match.start(last)].rstrip('"\'')
            return f'{before}0\n'
    return f'{said}\n'


def _timeouts(tree: files.FileTree) -> Iterator[tuple[text.Line, float]]:
    """Give each time that a boot loader waits, and would wait when updated."""
    for path in ('/boot/grub/grub.cfg', '/boot/grub2/grub.cfg'):
        for line in text.said(tree, path):
            if match := _SET.match(line.text):
                yield line, float(match[1])
    last: dict[str, tuple[text.Line, float]] = {}
    for path in ('/etc/default/grub', *tree.glob('/etc/default/grub.d/*.cfg')):
        for line in text.said(tree, path):
            match = _DEFAULT.match(line.text)
            seconds = _number(text.unquote(match[2])) if match else None
            if match and seconds is not None:
                last[match[1]] = line, seconds
    yield from last.values()
    for path in (*_LOADERS, *_TENTHS):
        for line in text.said(tree, path):
            if match := _LOADER.match(line.text):
                seconds = _number(match[1])
                scale = 10 if path in _TENTHS else 1
                yield line, -1 if seconds is None else seconds / scale


def _number(said: str) -> float | None:
    try:
        return float(said)
    except ValueError:
        return None
