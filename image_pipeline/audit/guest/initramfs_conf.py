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

"""Read how the next initramfs of a guest will be made."""

import re
from collections.abc import Iterator

from image_pipeline.audit.guest import text
from image_pipeline.disk import files

_TOOLS = '/etc/initramfs-tools/initramfs.conf'
_TOOLS_MORE = (
    '/usr/share/initramfs-tools/conf.d',
    '/etc/initramfs-tools/conf.d',
)
_DRACUT = '/etc/dracut.conf'
_DRACUT_MORE = ('/usr/lib/dracut/dracut.conf.d', '/etc/dracut.conf.d')
_MKINITCPIO = '/etc/mkinitcpio.conf'
_MODULES = re.compile(r'^\s*(?:export\s+)?MODULES=(.*)$')
_HOSTONLY = re.compile(r'^\s*hostonly=(.*)$')
_HOOKS = re.compile(r'^\s*HOOKS=.*\bautodetect\b')


def host_only(tree: files.FileTree) -> Iterator[text.Line]:
    """Give the settings by which an initramfs is for one host only.

    :param tree: the image's files.
    """
    # mkinitramfs reads its file, then those of /usr/share that /etc does not
    # mask, then those of /etc (initramfs-tools, "mkinitramfs").
    masked = _in(tree, _TOOLS_MORE[1])
    defaults = _in(tree, _TOOLS_MORE[0])
    paths = [
        _TOOLS,
        *(
            path
            for name, path in sorted(defaults.items())
            if name not in masked
        ),
        *(path for _, path in sorted(masked.items())),
    ]
    line, value = _last(tree, paths, _MODULES)
    if line is not None and value == 'dep':
        yield line
    # dracut reads its file, then drop-ins by their names, those of /etc in
    # place of others of the same name (dracut.conf(5)).
    named = _in(tree, _DRACUT_MORE[0]) | _in(tree, _DRACUT_MORE[1])
    paths = [
        _DRACUT,
        *(
            path
            for name, path in sorted(named.items())
            if name.endswith('.conf')
        ),
    ]
    line, value = _last(tree, paths, _HOSTONLY)
    if line is not None and value not in {'', 'no'}:
        yield line
    for line in text.said(tree, _MKINITCPIO):
        if _HOOKS.match(line.text):
            yield line


def _in(tree: files.FileTree, folder: str) -> dict[str, str]:
    return {
        path.rpartition('/')[2]: path
        for path in tree.glob(f'{folder}/*')
        if tree.is_file(path)
    }


def _last(
    tree: files.FileTree, paths: list[str], pattern: re.Pattern[str]
) -> tuple[text.Line | None, str]:
    """Return the last line that fits, and what it assigns."""
    found: tuple[text.Line | None, str] = (None, '')
    for path in paths:
        for line in text.said(tree, path):
            match = pattern.match(line.text)
            if match:
                found = line, text.unquote(match[1])
    return found
