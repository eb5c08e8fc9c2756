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
"""Read what a boot loader starts: its entries, without the templates.

``/etc/default/grub`` says what the next ``update-grub`` will write; what is
booted stands in ``grub.cfg``, in the boot loader specification's entries, or
in a unified kernel image.
"""

import dataclasses
import re
import struct
from collections.abc import Iterator

from image_pipeline.audit.guest import boot, text
from image_pipeline.disk import files

_GRUB = ('/boot/grub/grub.cfg', '/boot/grub2/grub.cfg')
_ENTRIES = (
    '/boot/loader/entries/*.conf',
    '/boot/efi/loader/entries/*.conf',
    '/efi/loader/entries/*.conf',
)
_EXTLINUX = (
    '/boot/extlinux/extlinux.conf',
    '/boot/syslinux/syslinux.cfg',
    '/boot/extlinux.conf',
)
_UNIFIED = ('/boot/efi/EFI/Linux/*.efi', '/efi/EFI/Linux/*.efi')
_ENVIRONMENT = ('/boot/grub/grubenv', '/boot/grub2/grubenv')
_TITLE = re.compile(r'^\s*menuentry\s+(?:"([^"]*)"|\'([^\']*)\'|(\S+))')
_LINUX = re.compile(r'^\s*linux(?:16|efi)?\s+(\S+)\s*(.*)$')
_OPTIONS = re.compile(r'^\s*options\s+(.*)$')
_APPEND = re.compile(r'^\s*append\s+(.*)$', re.IGNORECASE)
_SET = re.compile(r'^\s*set\s+(\w+)=(.*)$')
_VARIABLE = re.compile(r'\$(?:\{(\w+)\}|(\w+))')
_RESCUE = re.compile(r'rescue|recovery|failsafe|emergency', re.IGNORECASE)
_RESCUE_WORDS = frozenset(
    {
        'single',
        'S',
        '1',
        's',
        'recovery',
        'rescue',
        'emergency',
        'systemd.unit=rescue.target',
        'systemd.unit=emergency.target',
    }
)
#: Sections of a PE that are looked at, and the bytes of a command line.
_MOST_SECTIONS, _MOST_BYTES = 96, 64 << 10


@dataclasses.dataclass(frozen=True, kw_only=True)
class Entry:
    """One thing that a boot loader offers to start.

    :param line: where its command line is.
    :param command: the kernel's command line.
    :param is_rescue: whether it is for emergencies.
    """

    line: text.Line
    command: str
    is_rescue: bool

    def arguments(self, name: str) -> list[str]:
        """Return the values of an argument, in their order.

        :param name: such as ``console``.
        """
        return boot.arguments(self.command, name)


def entries(tree: files.FileTree) -> list[Entry]:
    """Return what is booted, from all that is there.

    :param tree: the image's files.
    """
    found: list[Entry] = []
    variables = _environment(tree)
    for path in _GRUB:
        found += _grub(tree, path, variables)
    for pattern in _ENTRIES:
        for path in tree.glob(pattern):
            found += _lines(tree, path, _OPTIONS, variables)
    for path in _EXTLINUX:
        found += _lines(tree, path, _APPEND, {})
    for pattern in _UNIFIED:
        for path in tree.glob(pattern):
            command = unified(tree, path)
            if command is not None:
                line = text.Line(path=path, number=1, text=command)
                found.append(_entry(line, command, path))
    return found


def _environment(tree: files.FileTree) -> dict[str, str]:
    found = {}
    for path in _ENVIRONMENT:
        for line in text.said(tree, path):
            name, equals, value = line.text.partition('=')
            if equals:
                found[name.strip()] = value
    return found


def _grub(
    tree: files.FileTree, path: str, variables: dict[str, str]
) -> Iterator[Entry]:
    title = ''
    for line in text.said(tree, path):
        if match := _TITLE.match(line.text):
            title = match[1] or match[2] or match[3] or ''
        elif match := _SET.match(line.text):
            # Of an if and its else, the first: grub2-mkconfig writes the
            # default where grubenv has none.
            variables.setdefault(match[1], text.unquote(match[2]))
        elif match := _LINUX.match(line.text):
            command = _expand(match[2], variables)
            yield _entry(line, command, f'{title} {match[1]}')


def _lines(
    tree: files.FileTree,
    path: str,
    pattern: re.Pattern[str],
    variables: dict[str, str],
) -> Iterator[Entry]:
    """Give the entries of a file whose command lines have a keyword."""
    for line in text.said(tree, path):
        if match := pattern.match(line.text):
            name = path.rpartition('/')[2]
            yield _entry(line, _expand(match[1], variables), name)


def _entry(line: text.Line, command: str, names: str) -> Entry:
    return Entry(
        line=line,
        command=command,
        is_rescue=bool(
            _RESCUE.search(names) or _RESCUE_WORDS & set(command.split())
        ),
    )


def _expand(command: str, variables: dict[str, str]) -> str:
    """Put in variables, one level deep; unknown ones are nothing."""
    return _VARIABLE.sub(
        lambda match: variables.get(match[1] or match[2], ''), command
    )


def unified(tree: files.FileTree, path: str) -> str | None:
    """Return the command line of a unified kernel image, or None.

    :param tree: the image's files.
    :param path: of the PE file; its section ``.cmdline`` is read.
    """
    try:
        head = tree.read_bytes(path, 4096)
        if head[:2] != b'MZ':
            return None
        (start,) = struct.unpack_from('<I', head, 60)
        if head[start : start + 4] != b'PE\0\0':
            return None
        count, optional = struct.unpack_from('<2xH12xH', head, start + 4)
        table = start + 24 + optional
        for index in range(min(count, _MOST_SECTIONS)):
            name, size, _, stored, offset = struct.unpack_from(
                '<8sIIII', head, table + 40 * index
            )
            if name.rstrip(b'\0') == b'.cmdline':
                length = min(size or stored, stored, _MOST_BYTES)
                data = tree.read_bytes(path, length, offset)
                return data.rstrip(b'\0\n').decode('utf-8', 'replace').strip()
    except (OSError, struct.error):
        return None
    return None
