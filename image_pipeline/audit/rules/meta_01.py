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

"""META-01: the properties say what the image is."""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from image_pipeline.audit import claims, found, rule, subjects

#: A wrong one takes instances to hosts that cannot run them.
_FATAL = frozenset({'architecture', 'os_type'})


class Meta01(rule.Rule):
    """Architecture, distribution, version and user are those of the image."""

    id = 'META-01'
    subject = rule.Subject.REGISTERED_IMAGE
    severity = rule.Severity.ERROR
    statement = (
        'architecture, os_distro, os_version and os_admin_user are those of '
        'the image'
    )
    rationale = (
        'Nova takes instances to hosts by the architecture; programs and '
        'people choose images, and log in, by the others.'
    )
    source = (
        'Glance, Useful image properties (architecture, os_distro, '
        'os_version, os_admin_user); SCS-0102-v2'
    )
    satisfied_by = ('stage:properties',)
    remedy = (
        'put the stage properties before the audit, which derives them, and '
        'take them out of the recipe; of an image that is registered: '
        'image-pipeline image set IMAGE --property KEY=VALUE'
    )
    fix = rule.Fix.BUILD_ONLY
    probe = 'META-01'
    options: ClassVar[Mapping[str, Any]] = {
        'type': 'object',
        'additionalProperties': False,
        'properties': {},
    }

    def find(
        self, subject: subjects.RegisteredImageView, options: Mapping[str, Any]
    ) -> Iterator[rule.Finding]:
        """Give the properties that the image contradicts."""
        said = [key for key in claims.IDENTITY if key in subject.properties]
        if not said:
            raise rule.NotApplicable(
                'the properties do not say what the image is'
            )
        for one in claims.contradictions(subject):
            if one.key in claims.IDENTITY:
                yield found.said(
                    one.message,
                    data=subject.properties[one.key],
                    severity=None
                    if one.key in _FATAL
                    else rule.Severity.WARNING,
                )
