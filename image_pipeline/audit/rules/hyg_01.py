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

"""HYG-01: SSH host keys are not in the image."""

from collections.abc import Iterator, Mapping
from typing import Any

from image_pipeline.audit import leftovers, rule, view


class Hyg01(rule.Rule):
    """SSH host keys are not in the image."""

    id = 'HYG-01'
    severity = rule.Severity.ERROR
    statement = 'there are no SSH host keys in the image'
    rationale = (
        'Whoever has the image has the keys of each of its instances, and '
        'can pretend to be one of them.'
    )
    source = (
        'virt-sysprep, ssh-hostkeys; EGI fedcloud-vmi-templates; EGI wiki '
        'VT-CloudCaps:BestPractices'
    )
    satisfied_by = ('element:image-hygiene', 'stage:sysprep')
    remedy = (
        'remove /etc/ssh/ssh_host_*; sshd, cloud-init or a unit of the '
        'distribution makes keys at first boot'
    )
    fix = rule.Fix.YES
    probe = 'HYG-01'

    def find(
        self, subject: view.ImageView, options: Mapping[str, Any]
    ) -> Iterator[rule.Finding]:
        """Give what is left over."""
        yield from leftovers.findings(subject, self.id)
