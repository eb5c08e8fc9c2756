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

"""Read which files boot loaders load: kernels and initramfs images."""

import dataclasses
import re
from collections.abc import Iterator

from image_pipeline.audit.guest import text
from image_pipeline.disk import files

#: Configurations of GRUB and of the boot loader specification, of extlinux.
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
#: Unified kernel images hold all in one.
_UNIFIED = ('/boot/efi/EFI/Linux/*.efi', '/efi/EFI/Linux/*.efi')
_LOADS = re.compile(
    r'^\s*(?P<what>linux|linux16|linuxefi|kernel|initrd|initrd16|initrdefi)'
    r'\s+(?P<paths>.*)$',
    re.IGNORECASE,
)
#: What GRUB calls a disk before a path: ($root), (hd0,gpt3), ${root}.
_DEVICE = re.compile(r'^\([^)]*\)')


@dataclasses.dataclass(frozen=True, kw_only=True)
class Load:
    """A file that a boot loader loads.

    :param line: where it says so.
    :param path: as it stands there.
    :param is_kernel: whether it is a kernel, and not an initramfs.
    :param entry: the number of its entry in its file, from 0.
    """

    line: text.Line
    path: str
    is_kernel: bool
    entry: int


def unified(tree: files.FileTree) -> list[str]:
    """Return the unified kernel images.

    :param tree: the image's files.
    """
    return [path for pattern in _UNIFIED for path in tree.glob(pattern)]


def loads(tree: files.FileTree) -> Iterator[Load]:
    """Give what boot loaders load, as far as it stands there as it is.

    :param tree: the image's files.
    """
    for pattern in (*_GRUB, *_ENTRIES, *_EXTLINUX):
        for path in tree.glob(pattern):
            if tree.is_file(path):
                yield from _of(tree, path)


def _of(tree: files.FileTree, path: str) -> Iterator[Load]:
    entry = -1
    for line in text.said(tree, path):
        match = _LOADS.match(line.text)
        if not match:
            continue
        is_kernel = not match['what'].lower().startswith('initrd')
        entry += is_kernel
        words = match['paths'].split()
        for word in words[:1] if is_kernel else words:
            word = _DEVICE.sub('', word)
            if word.startswith('/') and '$' not in word:
                yield Load(
                    line=line,
                    path=word,
                    is_kernel=is_kernel,
                    entry=max(entry, 0),
                )


def find(tree: files.FileTree, load: Load) -> str | None:
    """Return where a file is that is loaded, or None.

    A boot loader's path begins at the file system that it is on: at /boot,
    where that is one of its own, or at the EFI system partition.

    :param tree: the image's files.
    :param load: what is loaded.
    """
    for before in ('', '/boot', '/boot/efi', '/efi'):
        if tree.is_file(f'{before}{load.path}'):
            return f'{before}{load.path}'
    return None
