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

"""HYG-12: what was temporary is not in the image."""

from collections.abc import Iterator, Mapping
from typing import Any

from image_pipeline.audit import leftovers, rule, view


class Hyg12(rule.Rule):
    """What was temporary is not in the image."""

    id = 'HYG-12'
    severity = rule.Severity.WARNING
    statement = (
        'temporary files, crashes, mail and tools of the build are gone'
    )
    rationale = 'It leaks what was done, and takes space on each instance.'
    source = (
        'virt-sysprep, tmp-files, crash-data, abrt-data, mail-spool, pacct- '
        'log and pam-data; diskimage-builder; EGI fedcloud-vmi-templates'
    )
    satisfied_by = ('element:image-hygiene', 'stage:sysprep')
    remedy = (
        'empty /tmp, /var/tmp, /var/crash and the spools, and remove what '
        'diskimage-builder or Packer put there'
    )
    fix = rule.Fix.YES
    probe = 'HYG-12'

    def find(
        self, subject: view.ImageView, options: Mapping[str, Any]
    ) -> Iterator[rule.Finding]:
        """Give what is left over."""
        yield from leftovers.findings(subject, self.id)
