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


"""CLOUD-04: what is hidden has a reason, and an end."""

import datetime
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from image_pipeline import artifact
from image_pipeline.audit import found, listing, rule

_STATE = artifact.ImageState


class Cloud04(rule.Rule):
    """Candidates are promoted or go; what is hidden is hidden for a reason."""

    id = 'CLOUD-04'
    subject = rule.Subject.LISTED_IMAGE
    severity = rule.Severity.WARNING
    statement = 'a hidden image waits for somebody, and not for long'
    rationale = (
        'No listing shows a hidden image: one that was forgotten stays, is '
        'paid for, and grows old until somebody promotes it by mistake.'
    )
    source = 'Glance API v2, os_hidden; SCS-0102-v2'
    satisfied_by = ('stage:promote',)
    remedy = (
        'promote or retire it (image-pipeline image promote, image retire); '
        'take one that was made by hand into the pipeline (image adopt), or '
        'delete it'
    )
    options: ClassVar[Mapping[str, Any]] = {
        'type': 'object',
        'additionalProperties': False,
        'properties': {
            'days': {
                'type': 'integer',
                'minimum': 0,
                'default': 30,
                'description': 'Days that a candidate may wait.',
            },
        },
    }

    def find(
        self, subject: listing.ListedImageView, options: Mapping[str, Any]
    ) -> Iterator[rule.Finding]:
        """Give what was forgotten."""
        image, days = subject.image, options['days']
        if not image.hidden:
            raise rule.NotApplicable('it is not hidden')
        if not subject.is_own:
            raise rule.NotApplicable('it belongs to another project')
        is_old = subject.age is not None and (
            subject.age > datetime.timedelta(days=days)
        )
        since = f'{image.created_at:%Y-%m-%d}' if image.created_at else '?'
        if subject.state == _STATE.CANDIDATE and is_old:
            yield found.said(f'it has been a candidate since {since}')
        elif subject.state is None and subject.is_active:
            marked = subject.marks
            if marked is not None:
                if marked.expired(subject.listing.now):
                    yield found.said(
                        f'run {marked.run_id}, which made it, is over, and '
                        'did not register it'
                    )
            elif is_old:
                yield found.said(
                    f'it has been there since {since}, and nothing says why '
                    'it is hidden',
                    severity=rule.Severity.INFO,
                )
