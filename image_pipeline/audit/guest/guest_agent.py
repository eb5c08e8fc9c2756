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

"""Read what QEMU's guest agent may do in a guest, and whether it starts.

Where distributions say so: ``/etc/qemu/qemu-ga.conf`` is QEMU's own, and
``/etc/sysconfig/qemu-ga`` that of the Red Hat family, whose variable was
renamed with each major release.
"""

import re
import shlex
from collections.abc import Iterator

from image_pipeline.audit.guest import systemd, text
from image_pipeline.disk import files

SERVICE = 'qemu-guest-agent.service'
PROGRAMS = ('/usr/bin/qemu-ga', '/usr/sbin/qemu-ga', '/usr/libexec/qemu-ga')
#: What a snapshot needs that was frozen before.
FREEZE = (
    'guest-fsfreeze-status',
    'guest-fsfreeze-freeze',
    'guest-fsfreeze-thaw',
)
_CONFIG = '/etc/qemu/qemu-ga.conf'
_DEFAULTS = ('/etc/sysconfig/qemu-ga', '/etc/default/qemu-guest-agent')
_UDEV = (
    '/etc/udev/rules.d/*.rules',
    '/usr/lib/udev/rules.d/*qemu*.rules',
    '/lib/udev/rules.d/*qemu*.rules',
)
#: EL 7 and 8 have names alone, EL 9 and 10 arguments.
_VARIABLES = {'BLACKLIST_RPC': True, 'FILTER_RPC_ARGS': False,
              'QEMU_GA_ARGS': False, 'DAEMON_ARGS': False}  # fmt: skip
_BLOCK = ('-b', '--block-rpcs', '--blacklist')
_ALLOW = ('-a', '--allow-rpcs')
_KEYS = {'block-rpcs': True, 'blacklist': True, 'allow-rpcs': False}


def program(tree: files.FileTree) -> str | None:
    """Return the path of the agent, or None.

    :param tree: the image's files.
    """
    return next((path for path in PROGRAMS if tree.is_file(path)), None)


def starts(tree: files.FileTree, units: systemd.Units) -> bool:
    """Tell whether the agent is started where there is a port for it.

    :param tree: the image's files.
    :param units: its units.
    """
    if not units.exists(SERVICE):
        return False
    if units.is_enabled(SERVICE):
        return True
    # The device's rule names the service; it need not be enabled.
    return any(
        SERVICE in line.text
        for pattern in _UDEV
        for path in tree.glob(pattern)
        for line in text.said(tree, path)
    )


def blocked(
    tree: files.FileTree, commands: tuple[str, ...]
) -> list[tuple[text.Line, str]]:
    """Return the commands that the agent refuses, and the line that says so.

    :param tree: the image's files.
    :param commands: those that are asked for.
    """
    said = list(_settings(tree))
    found = []
    for command in commands:
        allowing = [line for line, block, _ in said if not block]
        if allowing and not any(
            command in names for _, block, names in said if not block
        ):
            found.append((allowing[0], command))
            continue
        for line, block, names in said:
            if block and command in names:
                found.append((line, command))
                break
    return found


def _settings(
    tree: files.FileTree,
) -> Iterator[tuple[text.Line, bool, set[str]]]:
    """Give each list: where, whether it blocks, and what."""
    for line in text.said(tree, _CONFIG):
        key, equals, value = line.text.partition('=')
        if equals and key.strip() in _KEYS:
            yield line, _KEYS[key.strip()], _names(value)
    for path in _DEFAULTS:
        for line in text.said(tree, path):
            name, equals, value = line.text.strip().partition('=')
            if not equals or name not in _VARIABLES:
                continue
            value = text.unquote(value)
            if _VARIABLES[name]:
                yield line, True, _names(value)
            else:
                yield from _arguments(line, value)


def _arguments(
    line: text.Line, value: str
) -> Iterator[tuple[text.Line, bool, set[str]]]:
    try:
        words = shlex.split(value)
    except ValueError:
        words = value.split()
    for number, word in enumerate(words):
        name, equals, names = word.partition('=')
        if not equals:
            names = words[number + 1] if number + 1 < len(words) else ''
        if name in _BLOCK or name in _ALLOW:
            yield line, name in _BLOCK, _names(names)


def _names(value: str) -> set[str]:
    return {word for word in re.split(r'[,;\s]+', value) if word}
