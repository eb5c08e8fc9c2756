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


"""CLOUD-09: the release that an image says it is gets security updates."""

import datetime
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from image_pipeline.audit import found, listing, rule
from image_pipeline.audit.guest import lifecycle

#: os_distro, where our table has releases by the ID of os-release.
_IDS = {'opensuse': 'opensuse-leap'}


class Cloud09(rule.Rule):
    """By os_distro and os_version, the release is maintained."""

    id = 'CLOUD-09'
    subject = rule.Subject.LISTED_IMAGE
    severity = rule.Severity.WARNING
    statement = 'the release that it says it is gets security updates'
    rationale = (
        'Whatever is found in a release that is no more maintained stays '
        'open in every server that is started from it.'
    )
    source = (
        'EGI, Virtual Machine Image Endorsement ("packages MUST be '
        'upgraded"); SCS-0102-v2, maintained_until'
    )
    satisfied_by = ('stage:compose',)
    remedy = (
        'hide it, and bake one of a release that is maintained; EGI-SEC-05 '
        'looks into the image itself (audit --content)'
    )
    options: ClassVar[Mapping[str, Any]] = {
        'type': 'object',
        'additionalProperties': False,
        'properties': {
            'warn_days': {
                'type': 'integer',
                'minimum': 0,
                'default': 60,
                'description': 'Days before the end from which on it is a '
                'hint.',
            },
        },
    }

    def find(
        self, subject: listing.ListedImageView, options: Mapping[str, Any]
    ) -> Iterator[rule.Finding]:
        """Give a release that has ended, or ends soon."""
        subject.need_image()
        if subject.image.hidden:
            raise rule.NotApplicable('it is hidden')
        said = subject.image.properties
        name, version = said.get('os_distro', ''), said.get('os_version', '')
        if not name or not version:
            raise rule.NotApplicable('os_distro or os_version is not set')
        end = lifecycle.end(
            {'ID': _IDS.get(name.lower(), name.lower()), 'VERSION_ID': version}
        )
        if end is None:
            raise rule.CannotTell(f'when {name} {version} ends is not known')
        if end.date is None:
            return
        today = subject.listing.now.date()
        if end.date < today:
            yield found.said(
                f'{name} {version} has had no security updates since '
                f'{end.date}',
                data=end.source,
            )
        elif end.date - today < datetime.timedelta(days=options['warn_days']):
            yield found.said(
                f'{name} {version} has security updates until {end.date} only',
                data=end.source,
                severity=rule.Severity.INFO,
            )
