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

"""META-07: the records of an endorsement are complete."""

import datetime
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from image_pipeline.audit import found, rule, subjects


class Meta07(rule.Rule):
    """Where images are endorsed, each says by whom, for whom, until when."""

    id = 'META-07'
    subject = rule.Subject.REGISTERED_IMAGE
    severity = rule.Severity.WARNING
    statement = (
        'an endorsed image says by whom and for whom it is endorsed, until '
        'when, and whom to ask'
    )
    rationale = (
        'Sites of the federation run endorsed images only, and withdraw what '
        'is endorsed no more.'
    )
    source = (
        'EGI, Security Policy for the Endorsement and Operation of Virtual '
        'Machine Images; HEPiX image lists as cloudkeeper and atrope read '
        'them'
    )
    remedy = (
        'write the properties into image.properties of the recipe, or '
        "into the target's"
    )
    options: ClassVar[Mapping[str, Any]] = {
        'type': 'object',
        'additionalProperties': False,
        'properties': {
            'asked': {
                'type': 'boolean',
                'default': False,
                'description': 'Whether images are endorsed at all.',
            },
            'records': {
                'type': 'object',
                'additionalProperties': {
                    'type': 'array',
                    'items': {'type': 'string', 'minLength': 1},
                    'minItems': 1,
                },
                'default': {
                    'contact': ['l1_support_contact'],
                    'description': [
                        'image_description',
                        'vmcatcher_event_dc_description',
                        'CLOUDKEEPER_DESCRIPTION',
                    ],
                    'endorser': ['endorser'],
                    'expiry': [
                        'provided_until',
                        'CLOUDKEEPER_EXPIRATION_DATE',
                    ],
                    'identifier': [
                        'vmcatcher_event_ad_mpuri',
                        'CLOUDKEEPER_MPURI',
                        'image_source',
                    ],
                    'virtual organisation': ['vo', 'CLOUDKEEPER_VO'],
                },
                'description': 'What must be said, each with the properties '
                'of which one must say it.',
            },
            'longest_days': {
                'type': 'integer',
                'minimum': 1,
                'maximum': 36_500,
                'default': 366,
                'description': 'For how many days at most an image is '
                'endorsed; it is a hint.',
            },
        },
    }

    def find(
        self, subject: subjects.RegisteredImageView, options: Mapping[str, Any]
    ) -> Iterator[rule.Finding]:
        """Give what is not said, and what is said to be over."""
        if not options['asked']:
            raise rule.NotApplicable('the profile asks for no endorsement')
        properties = subject.properties
        for what, keys in sorted(options['records'].items()):
            if not any(properties.get(key, '').strip() for key in keys):
                yield found.said(f'no {what}: {" or ".join(keys)} is not set')
        today = datetime.datetime.now(datetime.UTC).date()
        longest = datetime.timedelta(days=options['longest_days'])
        for key in options['records'].get('expiry', []):
            try:
                end = datetime.date.fromisoformat(properties.get(key, '')[:10])
            except ValueError:
                continue
            if end < today:
                yield found.said(f'{key} is over', data=end.isoformat())
            elif end - today > longest:
                yield found.said(
                    f'{key} is more than {options["longest_days"]} days away',
                    data=end.isoformat(),
                    severity=rule.Severity.INFO,
                )
