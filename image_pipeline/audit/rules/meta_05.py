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

"""META-05: what users get was booted before."""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from image_pipeline import artifact
from image_pipeline.audit import found, rule, subjects

_STATE = artifact.ImageState


class Meta05(rule.Rule):
    """A smoke test passed with exactly this content."""

    id = 'META-05'
    subject = rule.Subject.REGISTERED_IMAGE
    severity = rule.Severity.WARNING
    statement = 'the image passed a smoke test with exactly this content'
    rationale = (
        'Only a boot proves that an image boots; a test of another file, '
        'even of the same recipe, proves nothing of this one.'
    )
    source = (
        'EGI-Federation/fedcloud-vmi-templates, build-image.sh; '
        'osbuild/cloud-image-val'
    )
    satisfied_by = ('stage:smoke-test',)
    remedy = (
        'put the stage smoke-test between register and promote, and bake again'
    )
    options: ClassVar[Mapping[str, Any]] = {
        'type': 'object',
        'additionalProperties': False,
        'properties': {},
    }

    def find(
        self, subject: subjects.RegisteredImageView, options: Mapping[str, Any]
    ) -> Iterator[rule.Finding]:
        """Give an image that users get, and that nobody booted."""
        record = subject.need_record()
        if record.state not in (_STATE.CURRENT, _STATE.PREVIOUS):
            raise rule.NotApplicable(
                f'it is {record.state.value}: users do not get it'
            )
        if record.tested_sha256 is None:
            yield found.said('no smoke test of it is known')
        elif record.tested_sha256 != record.sha256:
            yield found.said(
                'the smoke test booted other content',
                data=record.tested_sha256,
            )
