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

"""HYG-09: state of cloud-init is not in the image."""

from collections.abc import Iterator, Mapping
from typing import Any

from image_pipeline.audit import leftovers, rule, view


class Hyg09(rule.Rule):
    """State of cloud-init is not in the image."""

    id = 'HYG-09'
    severity = rule.Severity.ERROR
    statement = 'cloud-init has not run in the image'
    rationale = (
        'cloud-init does once what is to be done once: an instance of an '
        'image in which it ran gets no keys, no name and no user of its '
        'own.'
    )
    source = 'cloud-init clean; EGI fedcloud-vmi-templates'
    satisfied_by = ('element:image-hygiene', 'stage:sysprep')
    remedy = (
        'run cloud-init clean --logs --seed --configs all, and remove '
        '/etc/sudoers.d/90-cloud-init-users'
    )
    fix = rule.Fix.YES
    implies = frozenset({'OS-USER-01', 'EGI-SSH-02'})
    probe = 'HYG-09'

    def find(
        self, subject: view.ImageView, options: Mapping[str, Any]
    ) -> Iterator[rule.Finding]:
        """Give what is left over."""
        yield from leftovers.findings(subject, self.id)
