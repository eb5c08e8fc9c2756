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

"""EGI-SIZE-01: a disk as small as possible."""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from image_pipeline.audit import found, rule, view
from image_pipeline.disk import free_space

_GIB = 1 << 30


class EgiSize01(rule.Rule):
    """The virtual disk is as small as possible."""

    id = 'EGI-SIZE-01'
    severity = rule.Severity.WARNING
    statement = 'the virtual disk is as small as possible'
    rationale = (
        'The virtual size is the smallest disk that an instance can have, '
        'and what a site pays where images are stored raw; a root that grows '
        'at the first boot needs no room in the image.'
    )
    source = (
        'EGI wiki VT-CloudCaps:BestPractices, "as small as possible"; EGI '
        'documentation, Images; fedcloud-vmi-templates (8000 MB)'
    )
    satisfied_by = ('stage:compose', 'element:grow-root')
    remedy = (
        'build it anew with less free room: option minimum_size of the '
        'compose stage, DIB_IMAGE_EXTRA_SIZE of diskimage-builder; never '
        'shrink a file system in place'
    )
    fix = rule.Fix.BUILD_ONLY
    options: ClassVar[Mapping[str, Any]] = {
        'type': 'object',
        'additionalProperties': False,
        'properties': {
            'max_gib': {
                'type': 'number',
                'exclusiveMinimum': 0,
                'default': 8,
                'description': 'The largest virtual disk, in GiB; EGI\'s '
                'monitoring runs on disks of 8 GB.',
            },
            'max_free_percent': {
                'type': 'number',
                'minimum': 0,
                'maximum': 100,
                'default': 60,
                'description': 'How much of the root may be free.',
            },
            'may_be_free_gib': {
                'type': 'number',
                'minimum': 0,
                'default': 4,
                'description': 'Roots up to this size, in GiB, may be as '
                'free as they like.',
            },
        },
    }

    def find(
        self, subject: view.ImageView, options: Mapping[str, Any]
    ) -> Iterator[rule.Finding]:
        """Give what is larger than it needs to be."""
        size = subject.disk.size
        if size > options['max_gib'] * _GIB:
            yield found.said(
                f'the disk has {size / _GIB:.1f} GiB, more than '
                f'{options["max_gib"]:g}',
                data=str(size),
            )
        root = subject.root
        if root is None or root.size <= options['may_be_free_gib'] * _GIB:
            return
        block = root.file_system
        used = free_space.usage(subject.disk, block) if block else None
        if used is None:
            raise rule.CannotTell(
                f'how much of {root.name} is free is not read'
            )
        if used.free * 100 > used.size * options['max_free_percent']:
            yield found.said(
                f'{root.name}, the root, has {used.size / _GIB:.1f} GiB, of '
                f'which {used.free / _GIB:.1f} are free '
                f'({used.free * 100 // used.size} %)',
                data=str(used.free),
            )
