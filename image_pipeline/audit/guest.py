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

"""Read the configuration of a guest: fstab, boot entries, versions.

Rules share these, so that they agree on what a line means.  Each thing that
is read keeps its path and line, for a rule's evidence.
"""

import dataclasses
import re
import shlex
from collections.abc import Iterator

from image_pipeline.disk import files

#: Where boot loaders keep what they pass to the kernel.  /boot/grub is
#: Debian's, grub2 that of EL, Fedora and openSUSE.
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
_MOST = 4 << 20
_LINUX = re.compile(r'^\s*linux(?:16|efi)?\s+\S+\s*(.*)$')
_OPTIONS = re.compile(r'^\s*options\s+(.*)$')
_KERNELOPTS = re.compile(r'^kernelopts=(.*)$')
_DEFAULT = re.compile(r'^\s*GRUB_CMDLINE_LINUX(?:_DEFAULT)?\+?=(.*)$')


@dataclasses.dataclass(frozen=True, kw_only=True)
class Line:
    """One line of a file of the image.

    :param path: the file.
    :param number: the line, from 1.
    :param text: without its end.
    """

    path: str
    number: int
    text: str

    @property
    def is_comment(self) -> bool:
        """Whether it says nothing: empty, or a comment."""
        bare = self.text.strip()
        return not bare or bare.startswith('#')


@dataclasses.dataclass(frozen=True, kw_only=True)
class Mount:
    """One line of fstab.

    :param line: where it is.
    :param spec: what is mounted: ``UUID=…``, ``/dev/vda1``, ``tmpfs``.
    :param point: where; ``none`` for swap.
    :param type: the file system's type.
    :param options: comma-separated in the file.
    """

    line: Line
    spec: str
    point: str
    type: str
    options: tuple[str, ...]

    @property
    def optional(self) -> bool:
        """Whether a boot goes on without it."""
        return bool({'nofail', 'noauto'} & set(self.options))


def lines(tree: files.FileTree, path: str) -> list[Line]:
    """Return a text file's lines; none if there is no such file.

    :param tree: the image's files.
    :param path: absolute.
    """
    try:
        text = tree.read_text(path, _MOST)
    except OSError:
        return []
    return [
        Line(path=path, number=number, text=line)
        for number, line in enumerate(text.splitlines(), 1)
    ]


def said(tree: files.FileTree, path: str) -> list[Line]:
    """Return a file's lines without comments and empty ones.

    :param tree: the image's files.
    :param path: absolute.
    """
    return [line for line in lines(tree, path) if not line.is_comment]


def fstab(tree: files.FileTree) -> list[Mount]:
    """Return what /etc/fstab mounts.

    :param tree: the image's files.
    """
    found = []
    for line in said(tree, '/etc/fstab'):
        words = line.text.split()
        if len(words) < 2:
            continue
        words += ['auto', 'defaults'][len(words) - 2 :]
        found.append(
            Mount(
                line=line,
                spec=words[0].replace('"', ''),
                point=words[1].rstrip('/') or '/',
                type=words[2],
                options=tuple(words[3].split(',')),
            )
        )
    return found


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


def command_lines(tree: files.FileTree) -> Iterator[tuple[Line, str]]:
    """Give each kernel command line, with the line it stands in.

    :param tree: the image's files.
    """
    for path in boot_files(tree):
        for line in said(tree, path):
            found = _command_line(line)
            if found is not None:
                yield line, found


def _command_line(line: Line) -> str | None:
    if line.path == '/etc/kernel/cmdline':
        return line.text.strip()
    if line.path.startswith('/etc/default/'):
        match = _DEFAULT.match(line.text)
        return _unquote(match[1]) if match else None
    if line.path.endswith('grubenv'):
        match = _KERNELOPTS.match(line.text)
    elif '/loader/entries/' in line.path:
        match = _OPTIONS.match(line.text)
    else:
        match = _LINUX.match(line.text)
    return match[1] if match else None


def _unquote(text: str) -> str:
    try:
        return ' '.join(shlex.split(text, comments=True))
    except ValueError:
        return text.strip('"\'')


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


def os_release(tree: files.FileTree) -> dict[str, str]:
    """Return what /etc/os-release says, or /usr/lib/os-release.

    :param tree: the image's files.
    """
    for path in ('/etc/os-release', '/usr/lib/os-release'):
        found = {}
        for line in said(tree, path):
            name, equals, value = line.text.partition('=')
            if equals:
                found[name.strip()] = _unquote(value)
        if found:
            return found
    return {}


def dpkg_versions(
    tree: files.FileTree, names: frozenset[str]
) -> dict[str, str]:
    """Return the versions of installed Debian packages.

    :param tree: the image's files.
    :param names: the packages that are asked for.
    """
    found: dict[str, str] = {}
    package, installed = '', False
    for line in lines(tree, '/var/lib/dpkg/status'):
        key, _, value = line.text.partition(': ')
        if key == 'Package':
            package, installed = value, False
        elif key == 'Status':
            installed = value.endswith(' installed')
        elif key == 'Version' and installed and package in names:
            found[package] = value
    return found


def version(text: str) -> tuple[int, ...]:
    """Return the numbers that a version begins with, to compare them.

    :param text: such as ``1:2.06-13+deb12u1``; an epoch is left out.
    """
    text = text.partition(':')[2] if ':' in text else text
    match = re.match(r'\d+(?:\.\d+)*', text)
    return tuple(int(part) for part in match[0].split('.')) if match else ()
