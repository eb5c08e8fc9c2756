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


"""CLOUD-01: a name stands for one image."""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from image_pipeline.audit import found, listing, rule


class Cloud01(rule.Rule):
    """No other image is found by the same name."""

    id = 'CLOUD-01'
    subject = rule.Subject.LISTED_IMAGE
    severity = rule.Severity.ERROR
    statement = 'no other image that users see has the same name'
    rationale = (
        'Who asks for an image by its name gets an error where two have it, '
        'and a tool that does not look gets either of them.'
    )
    source = (
        'openstacksdk, resource.find (DuplicateResource); Heat, '
        'glance.image constraint; SCS-0102-v2'
    )
    satisfied_by = ('stage:promote',)
    remedy = (
        'hide or rename all but one (openstack image set --hidden ID), and '
        'let the pipeline swap them from now on (image-pipeline image adopt)'
    )
    options: ClassVar[Mapping[str, Any]] = {
        'type': 'object',
        'additionalProperties': False,
        'properties': {},
    }

    def find(
        self, subject: listing.ListedImageView, options: Mapping[str, Any]
    ) -> Iterator[rule.Finding]:
        """Give the other images of its name."""
        alike = subject.listing.by_name.get(subject.image.name or '', ())
        if subject.image not in alike:
            raise rule.NotApplicable('it is not found by its name')
        for other in alike:
            if other.id == subject.image.id:
                continue
            own = subject.is_own and other.owner == subject.listing.project
            snapshot = subject.is_snapshot or (
                listing.ListedImageView(
                    image=other, listing=subject.listing
                ).is_snapshot
            )
            whose = (
                ''
                if other.owner == subject.listing.project
                else (f' and belongs to project {other.owner}')
            )
            yield found.said(
                f'{other.id} has the name, too: it is {other.visibility}, '
                f'{other.status}{whose}',
                data=subject.image.name,
                # What others publish, and what servers leave, is not ours to
                # name.
                severity=None
                if own and not snapshot
                else rule.Severity.WARNING,
            )
