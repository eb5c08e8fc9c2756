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

"""EGI-LAYOUT-11: clean file systems."""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from image_pipeline import artifact
from image_pipeline.audit import rule, view
from image_pipeline.disk import ext, fat, qcow2, xfs


class EgiLayout11(rule.Rule):
    """File systems are clean, their journals replayed."""

    id = 'EGI-LAYOUT-11'
    severity = rule.Severity.ERROR
    statement = (
        'file systems are whole and clean, journals replayed, and nothing '
        'wrote to them after the build'
    )
    rationale = (
        'A dirty file system makes every instance begin with a recovery, or '
        'with a root that is read-only.'
    )
    source = (
        '"Inside an image factory" (2013); ext4, XFS and FAT on-disk formats; '
        'qcow2 incompatible feature bits 0 and 1'
    )
    satisfied_by = ('stage:compose', 'stage:zerofree')
    remedy = (
        'unmount cleanly, then run `e2fsck -fp` (or xfs_repair, fsck.vfat '
        '-a) on the raw file; `qemu-img check -f qcow2 -r all` for a qcow2'
    )
    fix = rule.Fix.BY_COPYING
    probe = 'EGI-LAYOUT-11'
    options: ClassVar[Mapping[str, Any]] = {
        'type': 'object',
        'additionalProperties': False,
        'properties': {
            'max_mount_count': {
                'type': 'integer',
                'minimum': 0,
                'default': 5,
                'description': 'Mounts since the last check that are no '
                'sign of use; images made by booting and copying a disk '
                'have more.',
            }
        },
    }

    def find(
        self, subject: view.ImageView, options: Mapping[str, Any]
    ) -> Iterator[rule.Finding]:
        """Give what was left open, damaged or in use."""
        disk = subject.disk
        if isinstance(disk, qcow2.Qcow2Disk):
            for is_set, word in (
                (disk.header.dirty, 'not closed'),
                (disk.header.corrupt, 'damaged'),
            ):
                if is_set:
                    yield rule.Finding(
                        evidence=artifact.Evidence(
                            message=f'the qcow2 file is marked as {word} '
                            '(byte 72 of the file)',
                            data=f'{disk.header.incompatible:#x}',
                        )
                    )
        unclear = None
        for device in subject.parts or (subject.whole,):
            for block in device.blocks:
                if isinstance(block, ext.ExtSuperblock):
                    yield from _ext(device, block, options['max_mount_count'])
                elif isinstance(block, fat.FatSuperblock) and block.dirty:
                    yield _finding(
                        f'{device.name} (FAT) was not unmounted',
                        block.dirty_offset,
                    )
                elif isinstance(block, xfs.XfsSuperblock):
                    yield from _xfs(device, block)
                    if block.log_clean is None:
                        unclear = device
                elif block.kind == 'btrfs' and block.version == 'log':
                    yield _finding(
                        f'{device.name} (btrfs) has a log to be replayed',
                        block.offset + 0x20,
                    )
        if unclear is not None:
            raise rule.CannotTell(
                f'whether the log of {unclear.name} (xfs) is clean cannot '
                'be read'
            )


def _ext(
    device: view.Device, block: ext.ExtSuperblock, mounts: int
) -> Iterator[rule.Finding]:
    base = block.start + ext.SUPERBLOCK
    name = f'{device.name} ({block.kind})'
    for wrong, message, place, data in (
        (not block.state & 1, 'was not unmounted', 0x3A, f'{block.state:#x}'),
        (block.state & 2, 'has errors', 0x3A, f'{block.state:#x}'),
        (
            block.incompat & ext.INCOMPAT_RECOVER,
            'has a journal to be replayed',
            96,
            f'{block.incompat:#x}',
        ),
        (
            block.last_orphan,
            'has deleted files that are still there',
            0xE8,
            f'{block.last_orphan}',
        ),
        (
            block.ro_compat & ext.RO_ORPHAN_PRESENT,
            'has an orphan file in use',
            100,
            f'{block.ro_compat:#x}',
        ),
        (
            block.checksum_ok is False,
            'has a damaged superblock (its checksum is wrong)',
            1020,
            None,
        ),
    ):
        if wrong:
            yield _finding(f'{name} {message}', base + place, data)
    if block.bad_groups and block.checksum_ok is not False:
        groups = ', '.join(map(str, block.bad_groups[:5]))
        yield _finding(
            f'{name} has damaged group descriptors (checksums of '
            f'{len(block.bad_groups)} are wrong: {groups}…)',
            block.start + max(block.block_size, 2048),
        )
    if block.mount_count > mounts:
        yield rule.Finding(
            severity=rule.Severity.INFO,
            evidence=artifact.Evidence(
                message=f'{name} was mounted {block.mount_count} times since '
                'its last check',
                offset=base + 0x34,
                data=str(block.mount_count),
            ),
        )


def _xfs(
    device: view.Device, block: xfs.XfsSuperblock
) -> Iterator[rule.Finding]:
    name = f'{device.name} (xfs)'
    if block.in_progress:
        yield _finding(f'{name} was not made to its end', block.offset + 126)
    if block.incompat & xfs.INCOMPAT_NEEDSREPAIR:
        yield _finding(
            f'{name} needs repair', block.offset + 0xD8, f'{block.incompat:#x}'
        )
    if block.log_clean is False:
        yield _finding(f'{name} has a log to be replayed', block.log_offset)


def _finding(
    message: str, offset: int, data: str | None = None
) -> rule.Finding:
    return rule.Finding(
        evidence=artifact.Evidence(message=message, offset=offset, data=data)
    )
