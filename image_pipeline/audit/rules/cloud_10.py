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


"""CLOUD-10: what users get was built not long ago."""

import datetime
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from image_pipeline.audit import found, listing, rule


class Cloud10(rule.Rule):
    """The image was built within the last months."""

    id = 'CLOUD-10'
    subject = rule.Subject.LISTED_IMAGE
    severity = rule.Severity.WARNING
    statement = 'what users see was built within the last months'
    rationale = (
        'Everything that was mended since an image was built is missing in '
        'each server until its first update, if there is ever one.'
    )
    source = (
        'SCS-0102-v2, replace_frequency (at least monthly is recommended) '
        'and image_build_date; EGI, Endorsement and Operation of VM Images'
    )
    satisfied_by = ('stage:promote',)
    remedy = 'bake and promote a new one: image-pipeline bake RECIPE'
    options: ClassVar[Mapping[str, Any]] = {
        'type': 'object',
        'additionalProperties': False,
        'properties': {
            'days': {
                'type': 'integer',
                'minimum': 1,
                'default': 90,
                'description': 'Days since the build, or since it was made '
                'where nothing says when it was built.',
            },
        },
    }

    def find(
        self, subject: listing.ListedImageView, options: Mapping[str, Any]
    ) -> Iterator[rule.Finding]:
        """Give an image that is old."""
        subject.need_image()
        image = subject.image
        if image.hidden:
            raise rule.NotApplicable('it is hidden')
        if image.properties.get('replace_frequency') == 'never':
            raise rule.NotApplicable('replace_frequency is never')
        said, what = image.properties.get('image_build_date', ''), 'built'
        try:
            day = datetime.date.fromisoformat(said[:10])
        except ValueError:
            if image.created_at is None:
                raise rule.CannotTell(
                    'nothing says when it was made'
                ) from None
            day, what = image.created_at.date(), 'registered'
        age = (subject.listing.now.date() - day).days
        if age > options['days']:
            yield found.said(f'it was {what} on {day}, {age} days ago')
        elif age < -1:
            yield found.said(
                f'it was {what} on {day}, which is yet to come',
                severity=rule.Severity.INFO,
            )
