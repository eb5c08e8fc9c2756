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

"""``convert``: a raw disk becomes an image file in the format that is shipped.

The file is written by :mod:`image_pipeline.disk.qcow2_writer`; why not by
``qemu-img`` is said there.
"""

import dataclasses
import os
import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, ClassVar

from image_pipeline import artifact, exceptions
from image_pipeline.disk import qcow2_writer, reader, sparse
from image_pipeline.stages import base

#: The formats that are made.
FORMATS = ('qcow2', 'raw')


@dataclasses.dataclass(frozen=True, kw_only=True)
class ConvertOptions:
    """Options of :class:`ConvertStage`.

    :param formats: formats to make beside those of the targets.
    :param compat: whether qcow2 is readable by QEMU older than 5.1.
    :param fast: whether time matters more than size.
    :param level: level of the compression; None: the measured best one.
    """

    formats: tuple[str, ...] = ('qcow2',)
    compat: bool = False
    fast: bool = False
    level: int | None = None

    @property
    def compression(self) -> str:
        """The compression type of qcow2 files."""
        return 'zlib' if self.compat else 'zstd'

    @property
    def effective_level(self) -> int:
        """The level that is used."""
        if self.level is not None:
            return self.level
        levels = qcow2_writer.LEVELS
        if self.fast:
            levels = qcow2_writer.FAST_LEVELS
        return levels[self.compression]


class ConvertStage(base.Stage[ConvertOptions]):
    """Convert the disk into the formats that the targets take.

    The same disk gives the same bytes, with every option and on any number
    of processors.  sha256 and sha512 are computed in one pass over the
    finished file, which is still in memory: a qcow2 file begins with where
    its tables are, and that is known last.
    """

    name: ClassVar[str] = 'convert'
    options_class = ConvertOptions
    schema: ClassVar[Mapping[str, Any]] = {
        'type': 'object',
        'additionalProperties': False,
        'properties': {
            'formats': {
                'type': 'array',
                'items': {'enum': list(FORMATS)},
                'uniqueItems': True,
                'minItems': 1,
                'default': ['qcow2'],
                'description': 'Formats to make; those that the targets '
                'take are made as well.',
            },
            'compat': {
                'type': 'boolean',
                'default': False,
                'description': 'Compress qcow2 with zlib, which QEMU older '
                'than 5.1 (2020) can read. It takes ten times as long and '
                'is larger.',
            },
            'fast': {
                'type': 'boolean',
                'default': False,
                'description': 'Compress at the lowest level: less time, a '
                'larger file. It is reproducible all the same.',
            },
            'level': {
                'type': ['integer', 'null'],
                'minimum': 1,
                'maximum': 19,
                'default': None,
                'description': 'Level of the compression: 1 to 19 for zstd, '
                '1 to 9 for zlib. The default is the best trade of time for '
                'size.',
            },
        },
    }
    requires = frozenset({artifact.DISK})
    provides = frozenset({artifact.IMAGE})
    scope = base.Scope.FORMAT

    def formats(self) -> Iterable[str]:
        """Return the formats that the recipe asks for."""
        return self.options.formats

    def check(self, context: base.PlanContext) -> Iterable[exceptions.Problem]:
        """Return what is wrong with the level and the target's format."""
        level, compression = self.options.level, self.options.compression
        _, most = qcow2_writer.RANGES[compression]
        if level is not None and level > most:
            yield exceptions.Problem(
                path='level',
                message=f'{compression} has levels up to {most}, not {level}',
            )
        if level is not None and self.options.fast:
            yield exceptions.Problem(
                path='fast',
                message='"fast" chooses the level; "level" is given too',
                hint='leave one of them out',
            )
        if context.format is not None and context.format not in FORMATS:
            yield exceptions.Problem(
                message=f'images of the format {context.format} cannot be '
                'made',
                hint=f'formats are {", ".join(FORMATS)}',
            )

    def fingerprint(self, context: base.PlanContext) -> Mapping[str, str]:
        """Return the version of the library that compresses."""
        if context.format != 'qcow2':
            return {}
        if self.options.compat:
            return {'zlib': zlib.ZLIB_RUNTIME_VERSION}
        import zstandard

        version = '.'.join(str(part) for part in zstandard.ZSTD_VERSION)
        return {'zstd': version}

    def run(self, context: base.StageContext) -> Iterable[artifact.Artifact]:
        """Write the image file and its digests."""
        disk = context.inputs[artifact.DISK]
        size = _checked_size(disk)
        image_format = context.plan.format or self.options.formats[0]
        image = context.work_dir / f'image.{image_format}'
        if image_format == 'raw':
            properties = self._link(disk, image)
        else:
            properties = self._write(disk, image, context)
        digests = sparse.digests(
            image,
            progress=lambda done: context.progress(
                done, image.stat().st_size, 'B'
            ),
            cancelled=context.cancelled,
        )
        if image_format == 'raw' and disk.digest:
            _compare(disk, digests['sha256'])
        return [
            artifact.Artifact(
                kind=artifact.IMAGE,
                path=image,
                digest=f'sha256:{digests["sha256"]}',
                size=image.stat().st_size,
                properties={
                    'format': image_format,
                    'virtual_size': size,
                    'sha512': digests['sha512'],
                    **properties,
                },
            )
        ]

    def _link(self, disk: artifact.Artifact, image: Path) -> dict[str, Any]:
        """Give the disk a second name: a raw image is the disk itself."""
        with sparse.complete(image) as path:
            try:
                os.link(disk.path, path)
            except OSError:
                # The work folder is on another file system.
                sparse.copy(disk.path, path)
        return {'compressed': False, 'compression': None}

    def _write(
        self,
        disk: artifact.Artifact,
        image: Path,
        context: base.StageContext,
    ) -> dict[str, Any]:
        options = self.options
        with sparse.complete(image) as path:
            written = qcow2_writer.write(
                disk.path,
                path,
                compression=options.compression,
                level=options.effective_level,
                progress=lambda done, total: context.progress(
                    done, total, 'B'
                ),
                cancelled=context.cancelled,
            )
        with context.log.open('a') as log:
            log.write(
                f'{options.compression}, level {options.effective_level}: '
                f'{written.clusters} clusters, {written.incompressible} of '
                f'them incompressible, {written.size} bytes\n'
            )
        return {
            'compressed': True,
            'compression': options.compression,
            'level': options.effective_level,
            'cluster_size': qcow2_writer.CLUSTER,
            'compat': options.compat,
        }


def _checked_size(disk: artifact.Artifact) -> int:
    """Return the size of a disk that is whole and raw."""
    if reader.inspect(disk.path).format != 'raw':
        raise exceptions.ImageUnreadable(
            f'{disk.path} is a qcow2 file, not a raw disk'
        )
    size = disk.path.stat().st_size
    if disk.size and size != disk.size:
        raise exceptions.ImageUnreadable(
            f'{disk.path} was cut short: it has {size} bytes, not {disk.size}',
            hint='bake again with --force',
        )
    if size % reader.SECTOR:
        raise exceptions.ImageUnreadable(
            f'{disk.path} was cut short: {size} bytes are no whole number of '
            'sectors',
            hint='bake again with --force',
        )
    return size


def _compare(disk: artifact.Artifact, sha256: str) -> None:
    if disk.digest != f'sha256:{sha256}':
        raise exceptions.DigestMismatch(
            f'{disk.path} has the digest sha256:{sha256}, not {disk.digest}'
        )
