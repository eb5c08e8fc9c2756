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


"""CLOUD-02: of the pipeline's images of a name, one is the current one."""

import datetime
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from image_pipeline import artifact
from image_pipeline.audit import found, listing, rule
from image_pipeline.clouds import marks

_STATE = artifact.ImageState
_STATES = frozenset(one.value for one in _STATE)
#: States of an image that was once the current one.
_FORMER = frozenset({_STATE.PREVIOUS.value, _STATE.REJECTED.value})


class Cloud02(rule.Rule):
    """There is one current image of a name, and no promotion is half done."""

    id = 'CLOUD-02'
    subject = rule.Subject.LISTED_IMAGE
    severity = rule.Severity.ERROR
    statement = 'one image of a name is current, and no promotion is half done'
    rationale = (
        'A promotion hides the former image first and shows the new one then; '
        'broken off between the two, users find none of that name.'
    )
    source = (
        'the states that the catalogue glance keeps in image_pipeline_* '
        'properties; SCS-0102-v2 (os_hidden)'
    )
    satisfied_by = ('stage:promote',)
    remedy = (
        'any command that changes the catalogue finishes or undoes a half '
        'promotion (image-pipeline image list); of two current ones, retire '
        'or roll back one'
    )
    options: ClassVar[Mapping[str, Any]] = {
        'type': 'object',
        'additionalProperties': False,
        'properties': {
            'lease_seconds': {
                'type': 'integer',
                'minimum': 0,
                'default': 60,
                'description': 'Age of a promotion, in seconds, up to which '
                'it may be under way.',
            },
        },
    }

    def find(
        self, subject: listing.ListedImageView, options: Mapping[str, Any]
    ) -> Iterator[rule.Finding]:
        """Give what does not fit together."""
        state = subject.state
        name = subject.image.properties.get(listing.NAME)
        if state is None or name is None:
            raise rule.NotApplicable('the pipeline did not register it')
        if state not in _STATES:
            yield found.said(
                f'its state is "{state}", which is none',
                severity=rule.Severity.WARNING,
            )
        alike = subject.listing.by_final_name.get(name, ())
        yield from self._half(subject, name, options['lease_seconds'])
        current = [
            one for one in alike if listing.state(one) == _STATE.CURRENT
        ]
        if state == _STATE.CURRENT:
            for other in current:
                if other.id != subject.image.id:
                    yield found.said(
                        f'{other.id} is the current image of {name}, too'
                    )
        elif state in _FORMER and not current:
            yield found.said(
                f'it was the current image of {name}, and none is now',
                severity=rule.Severity.WARNING,
            )

    def _half(
        self, subject: listing.ListedImageView, name: str, lease: int
    ) -> Iterator[rule.Finding]:
        swap = subject.image.properties.get(listing.SWAP)
        if swap is None:
            return
        begun = next(
            filter(None, map(marks.parse_time, swap.split(';'))), None
        )
        age = subject.listing.now - begun if begun else None
        if age is not None and age <= datetime.timedelta(seconds=lease):
            return
        seen = name in subject.listing.by_name
        yield found.said(
            f'a promotion or a rollback of {name} was broken off'
            + ('' if seen else ', and users see no image of that name'),
            data=swap,
            severity=rule.Severity.WARNING if seen else None,
        )
