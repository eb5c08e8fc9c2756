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

"""Read what boot loaders tell a kernel."""

import re
from collections.abc import Iterator

from image_pipeline.audit.guest import text
from image_pipeline.disk import files

BOOT_FILES = (
    '/etc/kernel/cmdline',
    '/etc/default/grub',
    '/etc/default/grub.d/*.cfg',
    '/boot/grub/grub.cfg',
    '/boot/grub2/grub.cfg',
    '/boot/grub/grubenv',
    '/boot/grub2/grubenv',
    '/boot/loader/entries/*.conf',
    '/boot/efi/EFI/*/grub.cfg',
    '/boot/efi/loader/entries/*.conf',
)
#: A configuration file is not larger; what is beyond is not read.
_LINUX = re.compile(r'^\s*linux(?:16|efi)?\s+\S+\s*(.*)$')
_OPTIONS = re.compile(r'^\s*options\s+(.*)$')
_KERNELOPTS = re.compile(r'^kernelopts=(.*)$')
_DEFAULT = re.compile(r'^\s*GRUB_CMDLINE_LINUX(?:_DEFAULT)?\+?=(.*)$')


def boot_files(tree: files.FileTree) -> list[str]:
    """Return the boot loaders' files that there are.

    :param tree: the image's files.
    """
    return [
        path
        for pattern in BOOT_FILES
        for path in tree.glob(pattern)
        if tree.is_file(path)
    ]


def command_lines(tree: files.FileTree) -> Iterator[tuple[text.Line, str]]:
    """Give each kernel command line, with the line it stands in.

    :param tree: the image's files.
    """
    for path in boot_files(tree):
        for line in text.said(tree, path):
            found = _command_line(line)
            if found is not None:
                yield line, found


def _command_line(line: text.Line) -> str | None:
    if line.path == '/etc/kernel/cmdline':
        return line.text.strip()
    if line.path.startswith('/etc/default/'):
        match = _DEFAULT.match(line.text)
        return text.unquote(match[1]) if match else None
    if line.path.endswith('grubenv'):
        match = _KERNELOPTS.match(line.text)
    elif '/loader/entries/' in line.path:
        match = _OPTIONS.match(line.text)
    else:
        match = _LINUX.match(line.text)
    return match[1] if match else None


def arguments(command_line: str, name: str) -> list[str]:
    """Return the values of one argument of a kernel command line.

    :param command_line: all of it.
    :param name: such as ``root``.
    """
    prefix = f'{name}='
    return [
        word[len(prefix) :].strip('"\'')
        for word in command_line.split()
        if word.startswith(prefix)
    ]
