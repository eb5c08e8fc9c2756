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

"""EGI-FMT-01: compressed qcow2 with standard features."""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from image_pipeline.audit import found, ova, rule, subjects
from image_pipeline.disk import qcow2

_COMPRESSIONS = ('zlib', 'zstd')


class EgiFmt01(rule.Rule):
    """The file is a compressed qcow2 with standard features."""

    id = 'EGI-FMT-01'
    subject = rule.Subject.ARTIFACT
    severity = rule.Severity.WARNING
    statement = 'the file is a compressed qcow2 (version 3, 64 KiB clusters)'
    rationale = (
        'Every site fetches the whole file, and the first instance on each '
        'host waits for it: compressed it has a third of the size.  Other '
        'features of the format are read slowly, or not at all, by older '
        'hypervisors.'
    )
    source = (
        'EGI wiki VT-CloudCaps:BestPractices, "DO use compressed and COW '
        'formats"; EGI documentation, Images; QEMU docs/interop/qcow2.txt'
    )
    satisfied_by = ('stage:convert',)
    remedy = (
        'put the stage convert into the recipe, or qemu-img convert -c -O '
        'qcow2 -o compat=1.1,compression_type=zstd IN OUT; clouds that keep '
        'images in Ceph want raw: give the option formats'
    )
    fix = rule.Fix.BY_COPYING
    options: ClassVar[Mapping[str, Any]] = {
        'type': 'object',
        'additionalProperties': False,
        'properties': {
            'formats': {
                'type': 'array',
                'items': {
                    'enum': ['qcow2', 'raw', 'vmdk', 'vhd', 'vhdx', 'vdi']
                },
                'minItems': 1,
                'default': ['qcow2'],
                'description': 'Formats that a file may have; raw is what '
                'clouds want that keep images in Ceph.',
            },
            'compression': {
                'type': 'array',
                'items': {'enum': list(_COMPRESSIONS)},
                'minItems': 1,
                'default': list(_COMPRESSIONS),
                'description': 'Compressions of clusters; zstd needs QEMU '
                '5.1 on every host, zlib none in particular.',
            },
            'min_compressed_percent': {
                'type': 'number',
                'minimum': 0,
                'maximum': 100,
                # 89 of Debian 13, whose modules are compressed themselves.
                'default': 75,
                'description': 'How many of the clusters must be compressed; '
                'those that would not become smaller are stored as they are.',
            },
            'cluster_kib': {
                'type': 'array',
                'items': {'type': 'number'},
                'minItems': 1,
                'default': [64],
                'description': 'Sizes of clusters, in KiB.',
            },
        },
    }

    def find(
        self, subject: subjects.ArtifactView, options: Mapping[str, Any]
    ) -> Iterator[rule.Finding]:
        """Give what is not as it should be with the file."""
        disk = subject.image.disk
        if disk.format == 'raw' and _is_ova(subject):
            raise rule.NotApplicable('it is an OVA; EGI-OVA-01 judges it')
        if disk.format not in options['formats']:
            yield found.said(
                f'the file is {disk.format}, not '
                f'{" or ".join(options["formats"])}',
                data=disk.format,
            )
        if not isinstance(disk, qcow2.Qcow2Disk):
            return
        header = disk.header
        if header.version != 3:
            yield found.said(
                f'the file is qcow2 version {header.version} (compat=0.10)',
                data=str(header.version),
            )
        kib = header.cluster_size / 1024
        if kib not in options['cluster_kib']:
            yield found.said(
                f'clusters have {kib:g} KiB', data=str(header.cluster_bits)
            )
        stored = disk.allocation()
        clusters = stored.plain + stored.compressed
        least = clusters * options['min_compressed_percent'] / 100
        if stored.compressed < least:
            yield found.said(
                f'{stored.compressed} of {clusters} clusters are compressed',
                data=str(stored.compressed),
            )
        name = _COMPRESSIONS[header.compression]
        if stored.compressed and name not in options['compression']:
            yield found.said(f'clusters are compressed by {name}', data=name)


def _is_ova(subject: subjects.ArtifactView) -> bool:
    if subject.image.disk.source is not None:
        return False
    try:
        return ova.is_ova(subject.path)
    except OSError:
        return False
