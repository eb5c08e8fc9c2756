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

"""Read an initramfs: which modules it has, and for which hosts it is."""

import dataclasses
import functools
import re
from collections.abc import Mapping

from image_pipeline.audit.guest import cpio, kernels, text
from image_pipeline.disk import files

#: What its maker wrote of how it was made.
_KEPT = re.compile(
    r'buildconfig|conf/initramfs\.conf|conf/conf\.d/[^/]+'
    r'|(?:usr/)?lib/dracut/build-parameter\.txt'
)
_MODULES = re.compile(r'\s*MODULES=(.*)')
_DRACUT = re.compile(r'(?:usr/)?lib/dracut/')
#: What only an initramfs for one host has: dracut's list of files that are
#: there for the host alone (dracut-install -H), and the arguments of the
#: host's own kernel command line (--hostonly-cmdline).
_HOST_ONLY = re.compile(
    r'(?:usr/)?lib/dracut/hostonly-(?:files|kernel-modules\.txt)$'
)
_BUILT_HOST_ONLY = re.compile(
    r'(?:^|\s)[\'"]?(?:-H|--host-?only)[\'"]?(?=\s|$)'
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Initramfs:
    """What is known of an initramfs.

    :param path: where it is.
    :param archives: how its archives are compressed, in order; ``cpio`` for
        one that is not.
    :param names: of all its files, without a slash before them.
    :param kept: the content of some.
    """

    path: str
    archives: tuple[str, ...]
    names: frozenset[str]
    kept: Mapping[str, bytes]

    @functools.cached_property
    def modules(self) -> frozenset[str]:
        """The names of the kernel modules in it."""
        found = (kernels.module_name(name) for name in self.names)
        return frozenset(name for name in found if name)

    @functools.cached_property
    def module_versions(self) -> frozenset[str]:
        """The versions of the kernels that it has modules for."""
        parts = (name.removeprefix('usr/').split('/') for name in self.names)
        return frozenset(
            part[2]
            for part in parts
            if part[:2] == ['lib', 'modules'] and len(part) > 3
        )

    @functools.cached_property
    def maker(self) -> str | None:
        """``dracut``, ``initramfs-tools``, ``mkinitcpio``, or None."""
        if any(_DRACUT.match(name) for name in self.names):
            return 'dracut'
        if 'conf/initramfs.conf' in self.names:
            return 'initramfs-tools'
        return 'mkinitcpio' if 'buildconfig' in self.names else None

    @functools.cached_property
    def host_only(self) -> str | None:
        """Why it is for the host that it was made on only, or None."""
        for name in sorted(self.names):
            if _HOST_ONLY.match(name):
                return name
        for name, data in sorted(self.kept.items()):
            said = data.decode('utf-8', 'replace')
            if name.endswith('build-parameter.txt'):
                match = _BUILT_HOST_ONLY.search(said)
                if match:
                    return f'{name}: {match[0].strip()}'
            if name == 'buildconfig' and _has_autodetect(said):
                return f'{name}: HOOKS has autodetect'
        return self._dependent()

    def _dependent(self) -> str | None:
        """Return the line by which initramfs-tools looked at the host."""
        last = None
        # mkinitramfs reads initramfs.conf first, and copies all into it.
        for name in sorted(self.kept, key=lambda name: ('.d/' in name, name)):
            if not name.startswith('conf/'):
                continue
            for line in self.kept[name].decode('utf-8', 'replace').split('\n'):
                match = _MODULES.match(line)
                if match:
                    last = (name, text.unquote(match[1]))
        return f'{last[0]}: MODULES=dep' if last and last[1] == 'dep' else None


def read(tree: files.FileTree, path: str) -> Initramfs:
    """Read an initramfs.

    :param tree: the image's files.
    :param path: absolute.
    :raises OSError: there is no such file.
    :raises ImageUnreadable: it is damaged, or of a format that is not read.
    """
    size = tree.stat(path).size
    names: set[str] = set()
    kept: dict[str, bytes] = {}
    archives: list[str] = []
    for entry in cpio.entries(
        lambda offset, length: tree.read_bytes(path, length, offset),
        size,
        path,
        lambda name: bool(_KEPT.fullmatch(name)),
    ):
        names.add(entry.name)
        if entry.data is not None:
            kept[entry.name] = entry.data
        if not archives or archives[-1] != entry.archive:
            archives.append(entry.archive)
    return Initramfs(
        path=path,
        archives=tuple(archives),
        names=frozenset(names),
        kept=kept,
    )


def format_of(tree: files.FileTree, path: str) -> str | None:
    """Return how an initramfs begins, or None if it is none.

    :param tree: the image's files.
    :param path: absolute.
    :raises OSError: there is no such file.
    """
    return cpio.format_of(tree.read_bytes(path, 8))


def _has_autodetect(said: str) -> bool:
    return any(
        re.match(r'\s*HOOKS=.*\bautodetect\b', line)
        for line in said.splitlines()
    )
