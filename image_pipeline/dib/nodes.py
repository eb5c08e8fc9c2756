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

"""Block-device nodes that pack a disk from a tree, for diskimage-builder.

DIB makes the block device before the last phases, mounts it, copies the
image into it and unmounts it.  These nodes need no device: ``create`` renames
the tree into the place where DIB expects a mounted root, mount points are
folders of it, and ``umount`` packs the disk (:mod:`image_pipeline.disk.pack`).

The nodes are pickled by ``dib-block-device create`` and loaded by each later
call, so what ``umount`` learns is not remembered: it looks at the disk.
Layout keys: ``tree_image``, and in it ``tree_gpt`` with ``partitions``, each
with ``name``, ``type`` (sgdisk's code), ``size`` and ``mkfs``.
"""

import logging
import os
import shutil
import uuid
from collections.abc import Iterable, MutableMapping
from pathlib import Path
from typing import Any
from urllib import parse

from diskimage_builder.block_device import (  # type: ignore[import-untyped]
    exception,
    plugin,
    utils,
)
from diskimage_builder.block_device.level2 import (  # type: ignore[import-untyped]
    mkfs,
)
from diskimage_builder.block_device.level3 import (  # type: ignore[import-untyped]
    mount,
)

from image_pipeline import exceptions
from image_pipeline.disk import pack
from image_pipeline.host import process, workspace

_LOG = logging.getLogger(__name__)

#: The environment variable that the disk's UUIDs derive from.
SEED_VARIABLE = 'DIB_TREE_SEED'
#: Where the disk goes; ``dpkg-status`` is put beside it.
DISK_VARIABLE = 'DIB_TREE_DISK'
#: Bytes that the disk has at least.
MINIMUM_VARIABLE = 'DIB_TREE_MINIMUM_SIZE'
#: Written by the last script of the last phase, in DIB's build folder.
FINISHED = 'tree-finished'
#: For the boot loader's scripts, in the tree; DIB empties /tmp at the end.
LAYOUT = Path('tmp/tree-layout')
#: DIB merges its parameters (file system, label, options) into the node of
#: this name, and into no other.
ROOT = 'mkfs_root'
PACKAGES = Path('var/lib/dpkg/status')

State = MutableMapping[str, Any]
Config = dict[str, Any]


def _fail(message: str) -> exception.BlockDeviceSetupException:
    return exception.BlockDeviceSetupException(message)


class ImageNode(plugin.NodeBase):  # type: ignore[misc]  # DIB has no types
    """The disk: the first node, so the last one to be unmounted."""

    def __init__(self, config: Config, defaults: Config, state: State) -> None:
        super().__init__(config['name'], state)
        disk = os.environ.get(DISK_VARIABLE)
        self.disk = (
            Path(disk) if disk else Path(defaults['image-dir'], 'image0.raw')
        )
        self.build = Path(defaults['build-dir'])
        self.seed = os.environ.get(SEED_VARIABLE) or str(uuid.uuid4())
        self.minimum = int(os.environ.get(MINIMUM_VARIABLE) or 0)
        # For the nodes above, which are made later.
        state['tree'] = {'seed': self.seed}

    def get_edges(self) -> tuple[list[str], list[str]]:
        """Return no edges: it is the root of the graph."""
        return [], []

    def create(self) -> None:
        """Say where the disk will be.

        :raises BlockDeviceSetupException: DIB would not find it.
        """
        # Not in the constructor: DIB stumbles over what fails there.
        if self.name != 'image0':
            raise _fail('a tree_image must be called "image0"')
        self.state.setdefault('blockdev', {})[self.name] = {
            'device': str(self.disk),
            'image': str(self.disk),
        }

    def umount(self) -> None:
        """Pack the disk, if the image is finished and it was not done yet.

        DIB unmounts after failures, too, and then again.
        """
        if self.disk.exists():
            return
        if not (self.build / FINISHED).exists():
            _LOG.warning('the image is not finished, so nothing is packed')
            return
        # Once only: a disk that could not be packed cannot be a minute later.
        (self.build / FINISHED).unlink()
        tree = self.build / 'mnt'
        try:
            pack.pack(
                self.disk,
                [self._partition(one) for one in self.state['tree']['gpt']],
                seed=self.seed,
                host=process.Host(
                    run_id=os.environ.get(process.RUN_VARIABLE, '')
                ),
                boot_tree=tree,
                minimum_size=self.minimum,
            )
        except exceptions.CommandFailed as exc:
            raise _fail('\n'.join((exc.message, *exc.tail))) from exc
        except exceptions.PipelineError as exc:
            raise _fail(
                f'{exc.message} ({exc.hint})' if exc.hint else exc.message
            ) from exc
        if (tree / PACKAGES).exists():
            shutil.copyfile(
                tree / PACKAGES, self.disk.with_name('dpkg-status')
            )

    def _partition(self, config: Config) -> pack.Partition:
        name = config['name']
        found = [
            (key, one)
            for key, one in self.state['filesys'].items()
            if one['partition'] == name
        ]
        size = config.get('size')
        return pack.Partition(
            name=name,
            type=str(config['type']),
            size=utils.parse_abs_size_spec(str(size)) if size else None,
            file_system=self._file_system(*found[0]) if found else None,
        )

    def _file_system(self, name: str, one: Config) -> pack.FileSystem:
        trees = _trees(self.build, self.state['mount'])
        points = [
            point
            for point, mounted in self.state['mount'].items()
            if mounted['base'] == name
        ]
        return pack.FileSystem(
            kind=one['fstype'],
            label=one['tree_label'],
            uuid=uuid.UUID(one['tree_uuid']),
            tree=trees.get(points[0]) if points else None,
            options=tuple(one['opts'] or ()),
        )


class GptNode(plugin.NodeBase):  # type: ignore[misc]  # DIB has no types
    """The partition table."""

    def __init__(self, config: Config, defaults: Config, state: State) -> None:
        super().__init__(config['name'], state)
        self.base = config['base']
        self.partitions = config['partitions']

    def get_edges(self) -> tuple[list[str], list[str]]:
        """Return that it lies on the disk."""
        return [self.base], []

    def create(self) -> None:
        """Say which partitions there will be.

        :raises BlockDeviceSetupException: one of them has no type.
        """
        for partition in self.partitions:
            if 'type' not in partition:
                raise _fail(f'the partition {partition["name"]} has no type')
        disk = self.state['blockdev'][self.base]
        self.state['tree']['gpt'] = self.partitions
        for partition in self.partitions:
            self.state['blockdev'][partition['name']] = dict(disk)


class PartitionNode(plugin.NodeBase):  # type: ignore[misc]  # no types
    """One partition: the file systems' base."""

    def __init__(self, name: str, base: str, state: State) -> None:
        super().__init__(name, state)
        self.base = base

    def get_edges(self) -> tuple[list[str], list[str]]:
        """Return that it lies in the table."""
        return [self.base], []

    def create(self) -> None:
        """Do nothing: the table knows its partitions."""


class MkfsNode(mkfs.FilesystemNode):  # type: ignore[misc]  # no types
    """A file system; it is made when the disk is packed."""

    def create(self) -> None:
        """Say what file system it will be."""
        if self.type not in pack.FILE_SYSTEMS:
            raise _fail(
                f'a {self.type} file system cannot be made of a tree; take '
                f'one of {", ".join(pack.FILE_SYSTEMS)}'
            )
        made = pack.derive(
            self.state['tree']['seed'], f'file-system/{self.name}'
        )
        # Without `label`, so that DIB's fstab names the UUID: labels clash
        # where two disks of one image are attached.
        self.state.setdefault('filesys', {})[self.name] = {
            'uuid': pack.volume_id(made) if self.type == 'vfat' else str(made),
            'tree_uuid': str(made),
            'tree_label': self.label,
            'fstype': self.type,
            'opts': self.opts,
            'partition': self.base,
            'device': self.state['blockdev'][self.base]['device'],
        }


class MountNode(mount.MountPointNode):  # type: ignore[misc]  # no types
    """A mount point: a folder of the tree while the image is composed."""

    def create(self) -> None:
        """Put the tree where DIB expects the mounted root, or make a folder.

        DIB has renamed its tree from ``mnt`` to ``built``, to copy it into
        the mounted disk: one rename back leaves nothing to copy.
        """
        path = Path(self.mount_base, self.mount_point.lstrip('/'))
        self.state.setdefault('mount', {})[self.mount_point] = {
            'name': self.name,
            'base': self.base,
            'path': str(path),
        }
        self.state.setdefault('mount_order', []).append(self.mount_point)
        if self.mount_point != '/':
            path.mkdir(parents=True, exist_ok=True)
            return
        if self.base != ROOT:
            raise _fail(f'the mkfs of / must be called "{ROOT}"')
        built = Path(self.mount_base).with_name('built')
        built.rename(path)
        built.mkdir()
        layout = path / LAYOUT
        layout.parent.mkdir(mode=0o1777, exist_ok=True)
        layout.write_text(self._layout())

    def _layout(self) -> str:
        file_system = self.state['filesys'][self.base]
        partition = file_system['partition']
        names = [one['name'] for one in self.state['tree']['gpt']]
        guid = pack.derive(
            self.state['tree']['seed'], f'partition/{partition}'
        )
        return (
            f'TREE_ROOT_UUID={file_system["uuid"]}\n'
            f'TREE_ROOT_FSTYPE={file_system["fstype"]}\n'
            f'TREE_ROOT_NUMBER={names.index(partition) + 1}\n'
            f'TREE_ROOT_PARTUUID={guid}\n'
        )

    def umount(self) -> None:
        """Take the mounted content out of the tree, leaving the folder.

        :raises BlockDeviceSetupException: something is still mounted there:
            packing would put the host's files into the image.
        """
        path = Path(self.state['mount'][self.mount_point]['path'])
        left = workspace.mounts_below(path)
        if left:
            raise _fail(f'still mounted: {", ".join(map(str, left))}')
        aside = _aside(Path(self.mount_base).parent, self.mount_point)
        if self.mount_point == '/' or aside.is_dir() or not path.is_dir():
            return
        path.rename(aside)
        path.mkdir()
        shutil.copystat(aside, path)

    def delete(self) -> None:
        """Do nothing: DIB removes its own folders."""


class TreeImage(plugin.PluginBase):  # type: ignore[misc]  # DIB has no types
    """``tree_image``: a raw disk that is packed from the tree."""

    def __init__(self, config: Config, defaults: Config, state: State) -> None:
        super().__init__()
        self.nodes = [ImageNode(config, defaults, state)]

    def get_nodes(self) -> list[plugin.NodeBase]:
        """Return the nodes of this entry."""
        return list(self.nodes)


class TreeGpt(plugin.PluginBase):  # type: ignore[misc]  # DIB has no types
    """``tree_gpt``: its partition table."""

    def __init__(self, config: Config, defaults: Config, state: State) -> None:
        super().__init__()
        self.table = GptNode(config, defaults, state)
        self.partitions = [
            PartitionNode(one['name'], self.table.name, state)
            for one in self.table.partitions
        ]

    def get_nodes(self) -> list[plugin.NodeBase]:
        """Return the nodes of this entry."""
        return [self.table, *self.partitions]


class TreeMkfs(plugin.PluginBase):  # type: ignore[misc]  # DIB has no types
    """``mkfs``, in place of DIB's own."""

    def __init__(self, config: Config, defaults: Config, state: State) -> None:
        super().__init__()
        self.node = MkfsNode(config, state)

    def get_nodes(self) -> list[plugin.NodeBase]:
        """Return the nodes of this entry."""
        return [self.node]


class TreeMount(mount.Mount):  # type: ignore[misc]  # DIB has no types
    """``mount``, in place of DIB's own."""

    def __init__(self, config: Config, defaults: Config, state: State) -> None:
        super().__init__(config, defaults, state)
        self.node = MountNode(defaults['mount-base'], config, state)


def _aside(build: Path, mount_point: str) -> Path:
    """Return where the content of a mount point waits to be packed."""
    return build / f'content{parse.quote(mount_point, safe="")}'


def _trees(build: Path, points: Iterable[str]) -> dict[str, Path]:
    """Return where the content of each mount point is, as far as it is."""
    found = {
        point: _aside(build, point)
        for point in points
        if _aside(build, point).is_dir()
    }
    return {'/': build / 'mnt', **found}
