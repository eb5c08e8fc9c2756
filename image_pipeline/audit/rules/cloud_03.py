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


"""CLOUD-03: what is listed can be started from."""

import datetime
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from image_pipeline.audit import found, listing, rule

#: Statuses of an image on its way, docs.openstack.org/glance/latest/user/
#: statuses.html.
_HALF_MADE = frozenset({'queued', 'saving', 'uploading', 'importing'})
_BROKEN = frozenset({'killed', 'pending_delete'})


class Cloud03(rule.Rule):
    """The image is whole, and whoever sees it may use it."""

    id = 'CLOUD-03'
    subject = rule.Subject.LISTED_IMAGE
    severity = rule.Severity.WARNING
    statement = 'the image has its data, and whoever sees it may use it'
    rationale = (
        'An upload that was broken off leaves a record that no server can '
        'start from; so does a deactivated image, and both count against the '
        'quota.'
    )
    source = 'Glance, Image Statuses; Glance API v2, image data'
    satisfied_by = ('stage:register',)
    remedy = (
        'delete what nobody will finish (openstack image delete ID); hide '
        'what is deactivated (openstack image set --hidden ID)'
    )
    options: ClassVar[Mapping[str, Any]] = {
        'type': 'object',
        'additionalProperties': False,
        'properties': {
            'hours': {
                'type': 'integer',
                'minimum': 0,
                'default': 24,
                'description': 'Hours that an upload or an import may take.',
            },
        },
    }

    def find(
        self, subject: listing.ListedImageView, options: Mapping[str, Any]
    ) -> Iterator[rule.Finding]:
        """Give an image that is not whole, or that nobody may use."""
        image = subject.image
        if image.status in _BROKEN:
            yield found.said(f'it is {image.status}: its data is gone')
        elif image.status in _HALF_MADE:
            yield from _half_made(subject, options['hours'])
        elif image.status == 'deactivated' and not image.hidden:
            yield found.said(
                'it is deactivated: users see it, and cannot start from it'
            )
        elif image.size == 0:
            yield found.said('it is active, and has no data')


def _half_made(
    subject: listing.ListedImageView, hours: int
) -> Iterator[rule.Finding]:
    image = subject.image
    marked = subject.marks
    if marked is not None and marked.expired(subject.listing.now):
        yield found.said(
            f'it is {image.status}, and run {marked.run_id}, which made it, '
            'is over'
        )
    elif (
        marked is None
        and subject.age is not None
        and subject.age > datetime.timedelta(hours=hours)
    ):
        yield found.said(
            f'it has been {image.status} since {image.created_at:%Y-%m-%d}'
        )
