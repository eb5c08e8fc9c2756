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

"""OUR-MOTD-01: users are told where to ask for help."""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from image_pipeline import artifact
from image_pipeline.audit import rule, view

_PATH = '/etc/motd'


class OurMotd01(rule.Rule):
    """The message of the day names the help desk."""

    id = 'OUR-MOTD-01'
    severity = rule.Severity.WARNING
    statement = 'the message of the day says where to ask for help'
    rationale = 'Users of a shared cloud do not know who runs it.'
    source = 'our operations handbook, 3.2'
    satisfied_by = ('element:motd',)
    remedy = 'set DIB_MOTD to a text that has the address in it'
    fix = rule.Fix.BUILD_ONLY
    options: ClassVar[Mapping[str, Any]] = {
        'type': 'object',
        'additionalProperties': False,
        'properties': {
            'address': {
                'description': 'What the message has to contain.',
                'type': 'string',
                'default': 'help@',
            },
        },
    }

    def find(
        self, subject: view.ImageView, options: Mapping[str, Any]
    ) -> Iterator[rule.Finding]:
        """Give the message that lacks the address."""
        tree = subject.files
        text = tree.read_text(_PATH) if tree.is_file(_PATH) else ''
        if options['address'] not in text:
            yield rule.Finding(
                evidence=artifact.Evidence(
                    message=f'"{options["address"]}" is not in it',
                    path=_PATH,
                    data=text[:80],
                )
            )
