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

"""HYG-06: state of DHCP and network clients is not in the image."""

from collections.abc import Iterator, Mapping
from typing import Any

from image_pipeline.audit import leftovers, rule, view


class Hyg06(rule.Rule):
    """State of DHCP and network clients is not in the image."""

    id = 'HYG-06'
    severity = rule.Severity.ERROR
    statement = (
        'there are no leases, identifiers or profiles of the build network'
    )
    rationale = (
        'Clones ask for the address of the build host, and one of two '
        'instances with the same identifier loses its own.'
    )
    source = (
        'virt-sysprep, dhcp-client-state and net-nmconn; EGI wiki VT- '
        'CloudCaps:BestPractices'
    )
    satisfied_by = ('element:image-hygiene', 'stage:sysprep')
    remedy = (
        'empty /var/lib/dhcp, /var/lib/dhclient, /var/lib/NetworkManager '
        'and the like, and remove what cloud-init wrote for the build '
        'network'
    )
    fix = rule.Fix.YES
    probe = 'HYG-06'

    def find(
        self, subject: view.ImageView, options: Mapping[str, Any]
    ) -> Iterator[rule.Finding]:
        """Give what is left over."""
        yield from leftovers.findings(subject, self.id)
