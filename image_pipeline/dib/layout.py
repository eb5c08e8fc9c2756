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

"""Which block-device layout a composition gets, and whether it can be had.

Our own layout needs nothing of the host.  A user's layout that names DIB's
stock nodes is left to them, and needs what they need: loop devices, and
device-mapper for partitions.
"""

import dataclasses
import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from image_pipeline import exceptions
from image_pipeline.dib import elements, launcher
from image_pipeline.disk import pack

#: The element that lays the disk out where nothing else does.
TREE_ELEMENT = 'block-device-tree'
#: Keys of DIB's stock nodes, and the devices that they need.
_STOCK = {
    'local_loop': ('loop-control', 'loop devices'),
    'partitioning': ('mapper/control', 'device-mapper'),
    'lvm': ('mapper/control', 'device-mapper'),
}


#: File systems of ours that a root may have.
_ROOTS = ('ext4', 'btrfs')
#: mkfs.xfs(8) of xfsprogs 6.1: a prototype file has neither extended
#: attributes (so no capabilities of programs) nor hard links nor times.
_UNPACKABLE = (
    'mkfs.xfs cannot fill a file system from one: its prototype files lose '
    'capabilities, hard links and times'
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Layout:
    """A block-device layout.

    :param elements: what to give DIB, the layout's element included.
    :param file: the user's own layout, or None.
    :param tree: whether our nodes pack the disk from the tree.
    :param text: the layout's YAML.
    """

    elements: tuple[str, ...]
    file: Path | None
    tree: bool
    text: str


def choose(
    names: Sequence[str],
    path: Sequence[Path],
    *,
    architecture: str,
    file: Path | None = None,
) -> Layout:
    """Return the layout that a list of elements gets.

    :param names: the recipe's elements.
    :param path: folders of elements, the first one winning.
    :param architecture: DIB's name of it.
    :param file: the user's own layout, or None.
    :raises InvalidInput: the file cannot be read.
    """
    text = _read(file) if file else None
    found = list(names)
    if elements.BLOCK_DEVICE not in elements.provided(names, path):
        found.append(TREE_ELEMENT if text is None else _element_for(text))
    else:
        # DIB adds its own default to `vm` unless an argument says otherwise
        # (lib/common-functions, _arg_defaults_hack), so name it.
        found += [
            name
            for name in _providers(names, path)
            if name not in found and name.startswith('block-device-')
        ]
    if text is None:
        text = _of_elements(found, path, architecture)
    return Layout(
        elements=tuple(found),
        file=file,
        tree=launcher.is_tree_layout(text),
        text=text,
    )


def problems(
    layout: Layout,
    *,
    filesystem: str = pack.FILE_SYSTEMS[0],
    devices: Path = Path('/dev'),
) -> Iterable[exceptions.Problem]:
    """Return why a layout cannot be had on this host.

    :param layout: the layout.
    :param filesystem: the root's.
    :param devices: the host's device folder.
    """
    keys = set(re.findall(r'^[\s-]*(\w+)\s*:', layout.text, re.MULTILINE))
    if layout.tree:
        if filesystem not in pack.FILE_SYSTEMS:
            yield exceptions.Problem(
                path='filesystem',
                message=f'the disk is packed from a tree, and {_UNPACKABLE}'
                if filesystem == 'xfs'
                else f'a {filesystem} file system cannot be made of a tree',
                hint=f'take {" or ".join(_ROOTS)}, or a `block_device` '
                "layout of diskimage-builder's stock nodes",
            )
        for key in sorted(keys & set(_STOCK)):
            yield exceptions.Problem(
                path='block_device',
                message=f'`{key}` does not go with `tree_image`',
                hint='use either the one or the other kind of nodes',
            )
        for message in _wrong_in_tree(layout.text):
            yield exceptions.Problem(
                path='block_device',
                message=f'the layout cannot be packed: {message}',
                hint='the README of the element block-device-tree has one '
                'that can',
            )
        return
    lacking: dict[str, str] = {}
    for key in sorted(keys & set(_STOCK)):
        device, name = _STOCK[key]
        if not _usable(devices / device):
            lacking.setdefault(name, key)
    for name, key in lacking.items():
        yield exceptions.Problem(
            path='block_device' if layout.file else 'elements',
            message=f'`{key}` in the block-device layout needs {name}, '
            'which this host does not have',
            hint='leave the layout out: the default one needs neither',
        )


def _usable(device: Path) -> bool:
    # Its tools make the node even where the kernel has nothing behind it.
    try:
        os.close(os.open(device, os.O_RDONLY))
    except PermissionError:
        # It takes root, which the plan tells by itself.
        return True
    except OSError:
        return False
    return True


def _wrong_in_tree(text: str) -> Iterable[str]:
    """Find what our nodes would only say when the image is nearly done."""
    import yaml

    try:
        entries = yaml.safe_load(text)
        found = {key: one for entry in entries for key, one in entry.items()}
        partitions = found['tree_gpt']['partitions']
        named = {one['name']: one for one in partitions}
    except (yaml.YAMLError, KeyError, TypeError, AttributeError) as exc:
        yield f'it has no list of partitions in a `tree_gpt` ({exc!r})'
        return
    if found.get('tree_image', {}).get('name') != 'image0':
        yield '`tree_image` must be called "image0"'
    points = {}
    for name, one in named.items():
        try:
            pack.type_guid(str(one.get('type')))
        except exceptions.StageFailed as exc:
            yield f'{name}: {exc.message}'
        mkfs = one.get('mkfs') or {}
        points[(mkfs.get('mount') or {}).get('mount_point')] = mkfs
        kind = mkfs.get('type', pack.FILE_SYSTEMS[0])
        if kind == 'xfs':
            yield f'{name}: {_UNPACKABLE}'
        elif kind not in pack.FILE_SYSTEMS:
            yield f'{name}: a {kind} file system cannot be made of a tree'
        if 'size' not in one and (not mkfs or kind == 'vfat'):
            yield f'{name} needs a size'
    if points.get('/', {}).get('name') != 'mkfs_root':
        yield 'there is no `mkfs` called "mkfs_root" mounted at "/"'


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding='utf-8')
    except (OSError, UnicodeDecodeError) as exc:
        reason = exc.strerror if isinstance(exc, OSError) else 'not UTF-8'
        raise exceptions.InvalidInput(
            f'{file} cannot be read: {reason}',
            hint='the path is relative to the recipe',
        ) from exc


def _element_for(text: str) -> str:
    """Return the element that installs a boot loader for a layout."""
    if launcher.is_tree_layout(text):
        return TREE_ELEMENT
    if re.search(r'type:\s*[\'"]?EF00', text, re.IGNORECASE):
        return 'block-device-efi'
    if re.search(r'label:\s*[\'"]?gpt', text):
        return 'block-device-gpt'
    return 'block-device-mbr'


def _providers(names: Sequence[str], path: Sequence[Path]) -> list[str]:
    found = elements.reached(names, elements.available(path))
    return [
        name
        for name, one in found.items()
        if elements.BLOCK_DEVICE in one.provides
    ]


def _of_elements(
    names: Sequence[str], path: Sequence[Path], architecture: str
) -> str:
    found = elements.reached(names, elements.available(path))
    for one in found.values():
        for kind in (architecture, 'default'):
            file = one.path / f'block-device-{kind}.yaml'
            if file.is_file():
                return _read(file)
    # DIB's own fallback: one file system, no partition (lib/common-functions).
    return '- local_loop:\n    name: image0\n'
