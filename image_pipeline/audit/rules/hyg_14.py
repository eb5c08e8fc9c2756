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

"""HYG-14: registrations and identities of agents are gone."""

from collections.abc import Iterator, Mapping
from typing import Any

from image_pipeline.audit import leftovers, rule, view


class Hyg14(rule.Rule):
    """Registrations and identities of agents are gone."""

    id = 'HYG-14'
    severity = rule.Severity.ERROR
    statement = (
        'the image is registered nowhere, and no agent in it has an identity'
    )
    rationale = (
        'All instances would be one and the same registered system, and '
        'spend the subscription of its builder.'
    )
    source = (
        'virt-sysprep, rh-subscription-manager and rhn-systemid; cloud- '
        'image-val, test_subscription_manager_auto'
    )
    satisfied_by = ('element:image-hygiene', 'stage:sysprep')
    remedy = (
        'unregister the image (subscription-manager unregister, SUSEConnect '
        "--cleanup, pro detach) and remove the agents' ids"
    )
    fix = rule.Fix.YES
    probe = 'HYG-14'

    def find(
        self, subject: view.ImageView, options: Mapping[str, Any]
    ) -> Iterator[rule.Finding]:
        """Give what is left over."""
        yield from leftovers.findings(subject, self.id)
