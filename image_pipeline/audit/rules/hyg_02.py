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

"""HYG-02: keys and secrets of services are not in the image."""

from collections.abc import Iterator, Mapping
from typing import Any

from image_pipeline.audit import leftovers, rule, view


class Hyg02(rule.Rule):
    """Keys and secrets of services are not in the image."""

    id = 'HYG-02'
    severity = rule.Severity.ERROR
    statement = (
        'there are no private keys, tokens or initiator names of services'
    )
    rationale = (
        'What must be known to one machine only is known to all who have '
        'the image, and the same on each instance.'
    )
    source = (
        'docs.egi.eu, Images: "Do NOT include any credentials"; virt- '
        'sysprep, kerberos-hostkeytab, kerberos-data, ca-certificates'
    )
    satisfied_by = ('element:image-hygiene', 'stage:sysprep')
    remedy = (
        'remove the files, and let the package or a unit make them at first '
        'boot'
    )
    fix = rule.Fix.YES
    probe = 'HYG-02'

    def find(
        self, subject: view.ImageView, options: Mapping[str, Any]
    ) -> Iterator[rule.Finding]:
        """Give what is left over."""
        yield from leftovers.findings(subject, self.id)
