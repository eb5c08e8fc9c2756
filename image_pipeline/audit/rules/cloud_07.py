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


"""CLOUD-07: the format is one that servers start from, and fits the store."""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from image_pipeline.audit import found, listing, rule

#: Parts of an image in the way of Amazon's first machine images.
_PARTS = frozenset({'aki', 'ari', 'ami'})
#: Kinds of stores, as glance_store names them, that clone raw images.
_CLONING = frozenset({'rbd'})


class Cloud07(rule.Rule):
    """Formats are those that are wanted, and raw where the store clones."""

    id = 'CLOUD-07'
    subject = rule.Subject.LISTED_IMAGE
    severity = rule.Severity.WARNING
    statement = 'the formats are those that the cloud starts servers from'
    rationale = (
        'What a hypervisor cannot read fails on the host, long after the '
        'request; and Ceph clones a raw image in a moment, while each host '
        'downloads and converts a qcow2 first.'
    )
    source = (
        'Glance, Disk and Container Formats; Ceph, Block Devices and '
        'OpenStack ("using QCOW2 for hosting a virtual machine disk is NOT '
        'recommended")'
    )
    satisfied_by = ('stage:convert',)
    remedy = (
        'convert it and register it again; for a store on RBD set formats = '
        'raw at the target'
    )
    options: ClassVar[Mapping[str, Any]] = {
        'type': 'object',
        'additionalProperties': False,
        'properties': {
            'disk_formats': {
                'type': 'array',
                'items': {'type': 'string', 'minLength': 1},
                'default': ['qcow2', 'raw'],
                'description': 'Disk formats from which servers start.',
            },
            'container_formats': {
                'type': 'array',
                'items': {'type': 'string', 'minLength': 1},
                'default': ['bare'],
                'description': 'Container formats from which servers start.',
            },
        },
    }

    def find(
        self, subject: listing.ListedImageView, options: Mapping[str, Any]
    ) -> Iterator[rule.Finding]:
        """Give formats that do not fit."""
        image = subject.image
        # The snapshot of a server on a volume has no data, but a block
        # device mapping, and no format that means anything.
        if image.status not in ('active', 'deactivated'):
            raise rule.NotApplicable(f'it is {image.status}, not active')
        if 'block_device_mapping' in image.properties:
            raise rule.NotApplicable('its data is in volumes')
        said = image.disk_format or 'not set'
        if said in _PARTS:
            yield found.said(
                f'disk_format is {said}: it needs a kernel and an initramfs '
                'beside it'
            )
        elif said == 'iso':
            yield found.said(
                'disk_format is iso: it is a medium to install from',
                severity=rule.Severity.INFO,
            )
        elif said not in options['disk_formats']:
            yield found.said(f'disk_format is {said}')
        if image.container_format not in options['container_formats']:
            yield found.said(
                f'container_format is {image.container_format or "not set"}'
            )
        kinds = {
            subject.listing.store_kinds.get(store) for store in image.stores
        }
        if said != 'raw' and kinds & _CLONING:
            yield found.said(
                f'it is {said} in a store on RBD, which can clone raw images '
                'only'
            )
