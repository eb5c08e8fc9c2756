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

"""META-04: users get the patched image, and know how long they will."""

import datetime
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from image_pipeline import artifact
from image_pipeline.audit import found, rule, subjects

_STATE = artifact.ImageState
#: SCS-0102-v2, replace_frequency: days, and three days of grace.
_FREQUENCIES = {
    'daily': 1,
    'weekly': 7,
    'monthly': 31,
    'quarterly': 92,
    'yearly': 366,
}
_GRACE = datetime.timedelta(days=3)
_ENDS = ('provided_until', 'maintained_until')


class Meta04(rule.Rule):
    """The current image bears the name, is in time, and says its end."""

    id = 'META-04'
    subject = rule.Subject.REGISTERED_IMAGE
    severity = rule.Severity.WARNING
    statement = (
        'the current image bears its name and is replaced in time, and former '
        'ones are hidden'
    )
    rationale = (
        'Who asks for a name must get the patched image, and must know until '
        'when, and whom to ask.'
    )
    source = (
        'SCS-0102-v2 (os_hidden, replace_frequency, provided_until, '
        'uuid_validity); EGI, Endorsement and Operation of VM Images'
    )
    satisfied_by = ('stage:promote',)
    remedy = (
        'bake and promote a new image (image-pipeline bake RECIPE), retire '
        'the old one (image-pipeline image retire), and say the rest in '
        'image.properties of the recipe'
    )
    options: ClassVar[Mapping[str, Any]] = {
        'type': 'object',
        'additionalProperties': False,
        'properties': {
            'wanted': {
                'type': 'array',
                'items': {'type': 'string', 'minLength': 1},
                'default': [
                    'l1_support_contact',
                    'provided_until',
                    'replace_frequency',
                ],
                'description': 'Properties of the life of an image whose '
                'lack is a hint.',
            },
        },
    }

    def find(
        self, subject: subjects.RegisteredImageView, options: Mapping[str, Any]
    ) -> Iterator[rule.Finding]:
        """Give what is wrong with the image's place among its like."""
        record = subject.need_record()
        yield from _visible(record)
        if record.state is not _STATE.CURRENT:
            return
        yield from _overdue(record, datetime.datetime.now(datetime.UTC).date())
        yield from _alike(record, subject.others)
        missing = [
            key for key in options['wanted'] if not record.properties.get(key)
        ]
        if missing:
            yield found.said(
                f'nothing says {", ".join(missing)}',
                severity=rule.Severity.INFO,
            )


def _visible(record: artifact.ImageRecord) -> Iterator[rule.Finding]:
    current = record.state is _STATE.CURRENT
    if current and record.name != record.final_name:
        yield found.said(
            f'the current image is called {record.name}, not '
            f'{record.final_name}'
        )
    if current and record.hidden:
        yield found.said('the current image is hidden: no listing shows it')
    if not current and not record.hidden:
        yield found.said(
            f'it is {record.state.value}, and listings show it to users'
        )
    if record.state is _STATE.CANDIDATE and record.visibility != 'private':
        yield found.said(
            f'a candidate is {record.visibility}, before anybody tested it'
        )


def _overdue(
    record: artifact.ImageRecord, today: datetime.date
) -> Iterator[rule.Finding]:
    for key in _ENDS:
        end = _date(record.properties.get(key))
        if end and end < today:
            yield found.said(f'{key} is over', data=end.isoformat())
    said = record.properties.get('replace_frequency', '')
    built = _date(record.properties.get('image_build_date'))
    days = _FREQUENCIES.get(said)
    if built is None or days is None:
        return
    if today - built > datetime.timedelta(days=days) + _GRACE:
        yield found.said(
            f'replace_frequency is {said}, and it was built on {built}'
        )


def _alike(
    record: artifact.ImageRecord, others: tuple[artifact.ImageRecord, ...]
) -> Iterator[rule.Finding]:
    mine = _generic(record)
    for other in others:
        if (
            other.final_name == record.final_name
            and other.state is _STATE.CURRENT
        ):
            yield found.said(
                f'another image of that name is current, too: {other.id}'
            )
        elif mine is not None and mine == _generic(other):
            yield found.said(
                f'{other.name} ({other.id}) is public and generic, too, for '
                f'{" ".join(mine)} (SCS-0102)'
            )


def _generic(record: artifact.ImageRecord) -> tuple[str, ...] | None:
    """Return what a public generic image is generic for."""
    if (
        record.hidden
        or record.visibility != 'public'
        or record.properties.get('os_purpose') != 'generic'
    ):
        return None
    return tuple(
        record.properties.get(key, '')
        for key in ('os_distro', 'os_version', 'architecture')
    )


def _date(text: str | None) -> datetime.date | None:
    """Return the day that a property begins with, if it does."""
    try:
        return datetime.date.fromisoformat((text or '')[:10])
    except ValueError:
        return None
