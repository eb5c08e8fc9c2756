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


"""CLOUD-08: a flavor that is too small is refused before it fails."""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from image_pipeline.audit import found, listing, rule

_GIB = 1 << 30


class Cloud08(rule.Rule):
    """min_disk and min_ram are such as the image needs."""

    id = 'CLOUD-08'
    subject = rule.Subject.LISTED_IMAGE
    severity = rule.Severity.WARNING
    statement = 'min_disk holds the disk, and min_ram is in MiB'
    rationale = (
        'Nova refuses a flavor that is smaller than min_disk at once; one '
        'that is smaller than the disk itself fails on the host, and the '
        'server is in ERROR.'
    )
    source = (
        'Glance API v2, min_disk (GiB) and min_ram (MiB); nova/compute/api.py '
        '(FlavorDiskSmallerThanMinDisk) and nova/virt/images.py '
        '(FlavorDiskSmallerThanImage)'
    )
    satisfied_by = ('stage:properties', 'stage:smoke-test')
    remedy = (
        'openstack image set --min-disk GIB --min-ram MIB ID, or '
        'image-pipeline image set'
    )
    options: ClassVar[Mapping[str, Any]] = {
        'type': 'object',
        'additionalProperties': False,
        'properties': {
            'most_ram_mib': {
                'type': 'integer',
                'minimum': 1,
                'default': 65536,
                'description': 'MiB above which min_ram is taken for a '
                'mistake.',
            },
            'most_disk_gib': {
                'type': 'integer',
                'minimum': 1,
                'default': 2048,
                'description': 'GiB above which min_disk is taken for a '
                'mistake.',
            },
        },
    }

    def find(
        self, subject: listing.ListedImageView, options: Mapping[str, Any]
    ) -> Iterator[rule.Finding]:
        """Give a least flavor that the image does not fit into."""
        subject.need_image()
        image = subject.image
        size = image.virtual_size
        if size is None and image.disk_format == 'raw':
            size = image.size
        if size is None:
            yield found.said(
                'Glance does not say its virtual_size',
                severity=rule.Severity.INFO,
            )
        elif -(-size // _GIB) > image.min_disk:
            what = f'min_disk is {image.min_disk} GiB, and the disk has'
            yield found.said(
                f'{what} {-(-size // _GIB)}',
                severity=None if image.min_disk else rule.Severity.INFO,
            )
        if image.min_ram > options['most_ram_mib']:
            yield found.said(f'min_ram is {image.min_ram} MiB')
        if image.min_disk > options['most_disk_gib']:
            yield found.said(f'min_disk is {image.min_disk} GiB')
