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

"""``zerofree``: drop what deleted files left in the disk."""

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from image_pipeline import artifact, exceptions
from image_pipeline.disk import ext_free, reader, sparse, tables
from image_pipeline.stages import base


@dataclasses.dataclass(frozen=True, kw_only=True)
class ZerofreeOptions:
    """Options of :class:`ZerofreeStage`: there are none."""


class ZerofreeStage(base.Stage[ZerofreeOptions]):
    """Make the free space of a disk's ext file systems holes.

    A disk that was packed from a tree is clean by construction: that is
    proven from its block bitmaps in a moment, and the disk is passed on as
    it is.  Otherwise it is copied without its free blocks.  Other file
    systems are passed on as they are, and named in the log.
    """

    name: ClassVar[str] = 'zerofree'
    options_class = ZerofreeOptions
    schema: ClassVar[Mapping[str, Any]] = {
        'type': 'object',
        'additionalProperties': False,
        'properties': {},
    }
    requires = frozenset({artifact.DISK})
    provides = frozenset({artifact.DISK})

    def needs(self, context: base.PlanContext) -> base.HostNeeds:
        """Return what it needs of the host: e2fsprogs."""
        return base.HostNeeds(executables=dict.fromkeys(ext_free.EXECUTABLES))

    def run(self, context: base.StageContext) -> Iterable[artifact.Artifact]:
        """Prove the disk clean, or make a clean copy of it."""
        disk = context.inputs[artifact.DISK]
        free = self._free(disk, context)
        dirty = ext_free.first_dirty(
            disk.path, free, cancelled=context.cancelled
        )
        if dirty is None:
            _note(context, 'the free space is clean; the disk is as it was')
            return [disk]
        _note(context, f'data in free space, first at byte {dirty}')
        clean = context.work_dir / 'disk.raw'
        with sparse.complete(clean) as path:
            dropped = ext_free.copy_used(
                disk.path,
                path,
                free,
                progress=lambda done, total: context.progress(
                    done, total, 'B'
                ),
                cancelled=context.cancelled,
            )
        _note(context, f'{dropped} bytes of free space dropped')
        return [
            artifact.Artifact(
                kind=artifact.DISK,
                path=clean,
                digest='',
                size=clean.stat().st_size,
                properties=dict(disk.properties),
            )
        ]

    def _free(
        self, disk: artifact.Artifact, context: base.StageContext
    ) -> list[ext_free.Range]:
        with reader.open_disk(disk.path) as opened:
            if opened.format != 'raw':
                raise exceptions.StageFailed(
                    f'{disk.path} is a {opened.format} file, not a raw disk'
                )
            table = tables.read(opened)
            size = opened.size
        volumes = (
            [(each.start, each.size) for each in table.partitions]
            if table
            else [(0, size)]
        )
        free: list[ext_free.Range] = []
        with disk.path.open('rb', buffering=0) as file:
            for start, length in sorted(volumes):
                if ext_free.is_ext(file.fileno(), start):
                    free += ext_free.free_ranges(
                        disk.path, start, length, host=context.host
                    )
                else:
                    _note(context, f'byte {start}: no ext file system')
        return free


def _note(context: base.StageContext, line: str) -> None:
    with context.log.open('a') as log:
        log.write(line + '\n')
