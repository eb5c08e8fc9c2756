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

"""EGI-LAYOUT-10: file systems that the guest's own tools understand."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from image_pipeline import artifact
from image_pipeline.audit import rule, view
from image_pipeline.audit.guest import packages, release
from image_pipeline.disk import ext, superblocks, xfs

_GRUB = frozenset({'grub-common', 'grub2-common'})
_E2FSPROGS = frozenset({'e2fsprogs'})
#: GRUB and e2fsprogs where the package database is not dpkg's.  Releases of
#: the distributions, not confirmed by reading them here: what comes of this
#: table warns only.
_RELEASES = {
    ('el', 8): ((2, 2), (1, 45)),
    ('el', 9): ((2, 6), (1, 46)),
    ('el', 10): ((2, 12), (1, 47)),
    ('opensuse-leap', 15): ((2, 6), (1, 46)),
    ('opensuse-leap', 16): ((2, 12), (1, 47)),
}
#: XFS features by the first kernel that reads and writes them
#: (fs/xfs/libxfs/xfs_format.h, kernel changelogs).
_XFS_INCOMPAT = {
    xfs.INCOMPAT_SPINODES: ('sparse inodes', (4, 2)),
    xfs.INCOMPAT_META_UUID: ('meta_uuid', (4, 3)),
    xfs.INCOMPAT_BIGTIME: ('bigtime', (5, 10)),
    xfs.INCOMPAT_NREXT64: ('nrext64', (5, 19)),
    xfs.INCOMPAT_EXCHRANGE: ('exchange-range', (6, 10)),
    xfs.INCOMPAT_PARENT: ('parent pointers', (6, 10)),
    xfs.INCOMPAT_METADIR: ('metadata folders', (6, 13)),
}
_XFS_RO = {
    xfs.RO_FINOBT: ('free inode B-tree', (3, 16)),
    xfs.RO_RMAPBT: ('reverse mapping', (4, 8)),
    xfs.RO_REFLINK: ('reflink', (4, 9)),
    xfs.RO_INOBTCOUNT: ('inode B-tree counters', (5, 10)),
}
#: What every kernel and boot loader in use has; the oldest is EL 8's 4.18.
_OLDEST_KERNEL = (4, 18)
_KERNEL = re.compile(r'^(\d+)\.(\d+)')


class EgiLayout10(rule.Rule):
    """The guest's own tools understand its file systems."""

    id = 'EGI-LAYOUT-10'
    severity = rule.Severity.ERROR
    statement = (
        'the guest\'s own boot loader, kernel and fsck understand its file '
        'systems'
    )
    rationale = (
        'mkfs runs on the build host, and its defaults are newer than an old '
        'guest: GRUB before 2.12 does not read ext4 with metadata_csum_seed, '
        'e2fsck before 1.47 does not check one with orphan_file.'
    )
    source = (
        'diskimage-builder, disk-image-create (metadata_csum of trusty); '
        'release notes of e2fsprogs 1.47'
    )
    satisfied_by = ('stage:compose',)
    remedy = (
        'make the file system with `-O ^metadata_csum_seed,^orphan_file` (or '
        'without what the evidence names)'
    )
    options: ClassVar[Mapping[str, Any]] = {
        'type': 'object',
        'additionalProperties': False,
        'properties': {
            'root_types': {
                'type': 'array',
                'items': {'type': 'string'},
                'default': ['ext4', 'ext3', 'ext2', 'xfs', 'btrfs'],
                'description': 'File systems that a root may have.',
            }
        },
    }

    def find(
        self, subject: view.ImageView, options: Mapping[str, Any]
    ) -> Iterator[rule.Finding]:
        """Give features that the guest does not know."""
        root = subject.root
        kind = root.file_system if root else None
        if kind is not None and kind.kind not in options['root_types']:
            yield rule.Finding(
                evidence=artifact.Evidence(
                    message=f'the root is {kind.kind}',
                    offset=kind.offset,
                    data=kind.magic,
                )
            )
        for device in subject.parts or (subject.whole,):
            for block in device.blocks:
                if isinstance(block, ext.ExtSuperblock):
                    yield from _ext(subject, device, block)
                elif isinstance(block, xfs.XfsSuperblock):
                    yield from _xfs(subject, device, block)
        if not any(
            block.kind in superblocks.ROOT_KINDS
            for device in subject.devices
            for block in device.blocks
        ):
            subject.need_root()


def _ext(
    subject: view.ImageView, device: view.Device, block: ext.ExtSuperblock
) -> Iterator[rule.Finding]:
    base = block.start + ext.SUPERBLOCK
    for bit, name in (
        (ext.INCOMPAT_META_BG, 'meta_bg'),
        (ext.INCOMPAT_CASEFOLD, 'casefold'),
    ):
        if block.incompat & bit:
            yield _finding(
                f'{device.name} has {name}, which boot loaders do not read',
                base + 96,
                f'{block.incompat:#x}',
            )
    if block.incompat & ext.INCOMPAT_CSUM_SEED:
        yield from _too_old(
            subject, device, 'metadata_csum_seed', 'GRUB', (2, 12), base + 96
        )
    if block.compat & ext.COMPAT_ORPHAN_FILE:
        yield from _too_old(
            subject, device, 'orphan_file', 'e2fsck', (1, 47), base + 92
        )


def _too_old(
    subject: view.ImageView,
    device: view.Device,
    feature: str,
    tool: str,
    needed: tuple[int, ...],
    offset: int,
) -> Iterator[rule.Finding]:
    """Give a finding unless the guest's tool is new enough."""
    version, known = _tool(subject, tool)
    if version and version >= needed:
        return
    has = '.'.join(map(str, version)) if version else 'an unknown version'
    yield rule.Finding(
        severity=None if known and version else rule.Severity.WARNING,
        evidence=artifact.Evidence(
            message=f'{device.name} has {feature}, which {tool} knows since '
            f'{".".join(map(str, needed))}; the guest has {has}',
            offset=offset,
            data=feature,
        ),
    )


def _tool(subject: view.ImageView, tool: str) -> tuple[tuple[int, ...], bool]:
    """Return the version of a guest's tool, and whether it was read."""
    try:
        tree = subject.files
    except rule.CannotTell:
        return (), False
    names = _GRUB if tool == 'GRUB' else _E2FSPROGS
    for text in packages.dpkg_versions(tree, names).values():
        return packages.version(text), True
    said = release.os_release(tree)
    el = release.names(said) & {'rhel', 'centos'}
    family = 'el' if el else said.get('ID', '')
    major = packages.version(said.get('VERSION_ID', ''))[:1]
    found = _RELEASES.get((family, major[0])) if major else None
    if found is None:
        return (), False
    return found[0 if tool == 'GRUB' else 1], False


def _xfs(
    subject: view.ImageView, device: view.Device, block: xfs.XfsSuperblock
) -> Iterator[rule.Finding]:
    kernel = _newest_kernel(subject)
    for table, word, place in (
        (_XFS_INCOMPAT, block.incompat, 0xD8),
        (_XFS_RO, block.ro_compat, 0xD4),
    ):
        for bit, (name, since) in table.items():
            if not word & bit or since <= (kernel or _OLDEST_KERNEL):
                continue
            has = '.'.join(map(str, kernel)) if kernel else 'is not known'
            yield rule.Finding(
                severity=None if kernel else rule.Severity.WARNING,
                evidence=artifact.Evidence(
                    message=f'{device.name} has {name}, which Linux knows '
                    f'since {".".join(map(str, since))}; the guest\'s kernel '
                    f'{has}',
                    offset=block.offset + place,
                    data=f'{word:#x}',
                ),
            )
        unknown = word & ~sum(table) & ~xfs.INCOMPAT_FTYPE
        if unknown:
            yield rule.Finding(
                severity=rule.Severity.WARNING,
                evidence=artifact.Evidence(
                    message=f'{device.name} has features that are not known '
                    'here',
                    offset=block.offset + place,
                    data=f'{unknown:#x}',
                ),
            )


def _newest_kernel(subject: view.ImageView) -> tuple[int, ...]:
    try:
        names = subject.files.listdir('/lib/modules')
    except (rule.CannotTell, OSError):
        return ()
    found = [_KERNEL.match(name) for name in names]
    return max(
        ((int(match[1]), int(match[2])) for match in found if match),
        default=(),
    )


def _finding(message: str, offset: int, data: str) -> rule.Finding:
    return rule.Finding(
        evidence=artifact.Evidence(message=message, offset=offset, data=data)
    )
