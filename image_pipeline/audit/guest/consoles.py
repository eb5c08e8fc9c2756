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
"""Read which consoles a guest has, and who gets a login there."""

import re
from collections.abc import Iterator

from image_pipeline.audit.guest import systemd, systemd_conf, text
from image_pipeline.disk import files

#: The serial consoles that a machine may have, the usual one first.  Of an
#: arm64 machine both are in use: QEMU's virt has ttyAMA0, others a 16550.
SERIAL = {
    'x86_64': ('ttyS0',),
    'i686': ('ttyS0',),
    'aarch64': ('ttyAMA0', 'ttyS0'),
    'armv7l': ('ttyAMA0', 'ttyS0'),
    'ppc64le': ('hvc0',),
    'ppc64': ('hvc0',),
    'riscv64': ('ttyS0',),
    's390x': ('ttysclp0', 'ttyS0', 'ttyS1'),
    'loongarch64': ('ttyS0',),
}
#: Units that give a login on a console, and one of each template's
#: instances.
GETTYS = (
    'getty@tty1.service',
    'autovt@tty1.service',
    'console-getty.service',
    'container-getty@1.service',
    'serial-getty@ttyS0.service',
    'serial-getty@ttyAMA0.service',
    'serial-getty@hvc0.service',
    'serial-getty@ttysclp0.service',
)
_OF_GETTY = re.compile(r'\s(?:--autologin|-a)[\s=]')
_OF_LOGIN = re.compile(r'\blogin\s+(?:-\w+\s+)*-f\b')
_INITTAB = re.compile(r'^\s*([^:#]*):[^:]*:respawn:(.*getty.*)$')
_TERMINAL = re.compile(r'\btty([1-9][0-9]?)\b')


def automatic_logins(
    tree: files.FileTree, units: systemd.Units
) -> Iterator[text.Line]:
    """Give the lines that log somebody in without asking.

    :param tree: the image's files.
    :param units: its systemd units.
    """
    seen: set[tuple[str, int]] = set()
    for name in (*GETTYS, *_instances(units)):
        for setting in units.settings(name).all('Service', 'ExecStart'):
            place = (setting.line.path, setting.line.number)
            if place not in seen and _is_automatic(setting.value):
                seen.add(place)
                yield setting.line
    for path in ('/etc/inittab', *tree.glob('/etc/init/*.conf')):
        for line in text.said(tree, path):
            if _is_automatic(line.text):
                yield line


def _is_automatic(command: str) -> bool:
    return bool(
        ('getty' in command and _OF_GETTY.search(f'{command} '))
        or _OF_LOGIN.search(command)
    )


def _instances(units: systemd.Units) -> list[str]:
    """Return the gettys that an administrator named."""
    return sorted(
        {
            re.sub(r'\.(d|wants|requires)$', '', name)
            for folder in units.folders
            if '/etc/' in folder or '/run/' in folder
            for name in systemd_conf.names(units.tree, folder)
            if 'getty@' in name and '@.' not in name
        }
    )


def old_gettys(tree: files.FileTree) -> Iterator[tuple[int, text.Line]]:
    """Give each virtual terminal that another init than systemd serves.

    :param tree: the image's files.
    :returns: the terminal's number, and the line of ``/etc/inittab`` or of
        Upstart's ``/etc/init/tty?.conf``.
    """
    for line in text.said(tree, '/etc/inittab'):
        match = _INITTAB.match(line.text)
        terminal = _TERMINAL.search(match[2]) if match else None
        if terminal:
            yield int(terminal[1]), line
    for path in tree.glob('/etc/init/tty[1-9].conf'):
        for line in text.said(tree, path):
            if 'getty' in line.text and not path.endswith('.override'):
                yield int(path[-6]), line


def is_wanted(units: systemd.Units, number: int) -> str | None:
    """Return the link that starts a login on a virtual terminal, or None.

    :param units: the image's systemd units.
    :param number: of the terminal.
    """
    for name in (f'getty@tty{number}.service', f'autovt@tty{number}.service'):
        links = units.links(name)
        if links and not units.is_masked(name):
            return links[0]
    return None
