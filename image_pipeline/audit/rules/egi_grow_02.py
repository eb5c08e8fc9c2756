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
"""EGI-GROW-02: the root file system grows with its partition."""

import struct
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from image_pipeline.audit import found, known, rule, view
from image_pipeline.audit.guest import cloud_init, mounts
from image_pipeline.disk import ext, files, signatures

_FOLDERS = ('/usr/sbin', '/sbin', '/usr/bin', '/bin')
#: What cloud-init's resizefs runs (cc_resizefs.py).
_TOOLS = {
    'ext2': 'resize2fs',
    'ext3': 'resize2fs',
    'ext4': 'resize2fs',
    'xfs': 'xfs_growfs',
    'btrfs': 'btrfs',
    'f2fs': 'resize.f2fs',
    'bcachefs': 'bcachefs',
}
_EXT = frozenset({'ext2', 'ext3', 'ext4'})
_RESIZE_INODE = 0x10
#: Fields of ext's superblock: blocks kept for group descriptors, blocks in a
#: group, and bytes of a descriptor.
_RESERVED, _PER_GROUP, _DESCRIPTOR = 0xCE, 0x20, 0xFE
_INCOMPAT_64BIT = 0x80


class EgiGrow02(rule.Rule):
    """The room on the disk is room for files."""

    id = 'EGI-GROW-02'
    severity = rule.Severity.ERROR
    statement = 'the root file system grows to the size of its partition'
    rationale = (
        'A larger partition is of no use to a file system that stays as it '
        'is; diskimage-builder\'s growroot grows ext alone.'
    )
    source = (
        'OpenStack image guide, "Resize the root volume file system"; '
        'diskimage-builder, elements/growroot; cloud-init, cc_resizefs.py'
    )
    satisfied_by = ('element:grow-root',)
    remedy = (
        'install e2fsprogs, xfsprogs or btrfs-progs, as the root is, and keep '
        'cloud-init\'s module resizefs with resize_rootfs: true'
    )
    fix = rule.Fix.BUILD_ONLY
    probe = 'EGI-GROW-02'
    options: ClassVar[Mapping[str, Any]] = {
        'type': 'object',
        'additionalProperties': False,
        'properties': {
            'least_growth': {
                'type': 'integer',
                'minimum': 1,
                'default': 100,
                'description': 'How many times its size an ext file system '
                'must be able to grow to with the descriptors that it has '
                'reserved.',
            }
        },
    }

    def find(
        self, subject: view.ImageView, options: Mapping[str, Any]
    ) -> Iterator[rule.Finding]:
        """Give why nothing grows it, or not far."""
        root = subject.need_root()
        block = root.file_system
        kind = block.kind if block else ''
        if kind not in _TOOLS:
            raise rule.CannotTell(
                f'how {kind or "the root"} grows is not known'
            )
        if isinstance(block, ext.ExtSuperblock):
            yield from _room(subject, block, options['least_growth'])
        tree = subject.files
        if any(
            mount.point == '/' and 'x-systemd.growfs' in mount.options
            for mount in mounts.fstab(tree)
        ):
            # systemd asks the kernel, and needs no tool.
            return
        if kind in _EXT and known.units(subject).is_enabled(
            'growroot.service'
        ):
            yield from _tool(tree, kind)
            return
        if not cloud_init.is_installed(tree):
            yield found.said(
                f'nothing grows the root, which is {kind}',
                data='neither cloud-init nor x-systemd.growfs',
            )
            return
        config = known.cloud_config(subject)
        if 'resizefs' not in config.modules('init'):
            yield found.at(
                config.where('cloud_init_modules'),
                'cloud-init does not run its module resizefs',
            )
        wanted = config.get('resize_rootfs', default=True)
        if not cloud_init.is_true(wanted) and wanted != 'noblock':
            yield found.at(
                config.where('resize_rootfs'), 'resizefs is turned off'
            )
        yield from _tool(tree, kind)


def _tool(tree: files.FileTree, kind: str) -> Iterator[rule.Finding]:
    tool = _TOOLS[kind]
    if not any(tree.is_file(f'{folder}/{tool}') for folder in _FOLDERS):
        yield found.said(
            f'the root is {kind}, and there is no {tool} to grow it',
            data=f'{tool} is not in /usr/sbin',
        )


def _room(
    subject: view.ImageView, block: ext.ExtSuperblock, least: int
) -> Iterator[rule.Finding]:
    """Give that the descriptors of an ext do not last.

    Beyond what is reserved the kernel must change the file system to
    meta_bg, which GRUB and old kernels do not read (ext4_resize_fs() in
    fs/ext4/resize.c).
    """
    if block.incompat & ext.INCOMPAT_META_BG:
        return
    part = signatures.Part(subject.disk, block.start, subject.disk.size)
    data = part.read(ext.SUPERBLOCK, 1024)
    (reserved,) = struct.unpack_from('<H', data, _RESERVED)
    (per_group,) = struct.unpack_from('<I', data, _PER_GROUP)
    (size,) = struct.unpack_from('<H', data, _DESCRIPTOR)
    if not block.incompat & _INCOMPAT_64BIT:
        size = 32
    if not per_group or size not in range(32, 1025) or not block.blocks:
        raise rule.CannotTell('the superblock of the root makes no sense')
    if not block.compat & _RESIZE_INODE:
        reserved = 0
    groups = -(-block.blocks // per_group)
    each = block.block_size // size
    most = (-(-groups // each) + reserved) * each * per_group
    if most < block.blocks * least:
        yield found.said(
            'the root grows no further than '
            f'{most * block.block_size >> 30} GiB with the descriptors that '
            'it has reserved',
            data=f'{reserved} blocks, {most // block.blocks} times its size',
            severity=rule.Severity.WARNING,
        )
