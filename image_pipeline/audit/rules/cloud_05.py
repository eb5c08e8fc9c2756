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


"""CLOUD-05: what many rely on cannot be deleted by mistake."""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from image_pipeline import artifact
from image_pipeline.audit import found, listing, rule

_STATE = artifact.ImageState
#: States after which an image is to go some day.
_LEAVING = frozenset({_STATE.REJECTED.value, _STATE.RETIRED.value})


class Cloud05(rule.Rule):
    """What everybody may use is protected, what is to go is not."""

    id = 'CLOUD-05'
    subject = rule.Subject.LISTED_IMAGE
    severity = rule.Severity.WARNING
    statement = 'what everybody may use is protected, and what is to go is not'
    rationale = (
        'Servers are rebuilt, resized and rescued from the image that they '
        'were started from; whoever deletes a public one by mistake takes it '
        'from all of them.'
    )
    source = 'Glance API v2, protected and visibility; SCS-0102-v2'
    remedy = (
        'openstack image set --protected ID for what is public, '
        '--unprotected for what is to be deleted'
    )
    options: ClassVar[Mapping[str, Any]] = {
        'type': 'object',
        'additionalProperties': False,
        'properties': {
            'protected': {
                'type': 'array',
                'items': {
                    'enum': ['private', 'shared', 'community', 'public']
                },
                'default': ['public'],
                'description': 'Visibilities of which an image is to be '
                'protected.',
            },
        },
    }

    def find(
        self, subject: listing.ListedImageView, options: Mapping[str, Any]
    ) -> Iterator[rule.Finding]:
        """Give a visibility and a protection that do not fit."""
        image = subject.image
        if not subject.is_own:
            raise rule.NotApplicable('it belongs to another project')
        if (
            subject.is_active
            and not image.hidden
            and not image.protected
            and image.visibility in options['protected']
        ):
            yield found.said(f'it is {image.visibility}, and not protected')
        if image.protected and subject.state in _LEAVING:
            yield found.said(
                f'it is {subject.state}, and protected: it cannot be deleted',
                severity=rule.Severity.INFO,
            )
        if image.protected and image.status not in ('active', 'deactivated'):
            yield found.said(
                f'it is {image.status}, and protected: what is half made '
                'cannot be taken away',
                severity=rule.Severity.INFO,
            )
        if subject.is_snapshot and image.visibility in ('public', 'community'):
            yield found.said(
                f'it is a snapshot of a server, and {image.visibility}: what '
                'was in that server can be read by everybody'
            )
