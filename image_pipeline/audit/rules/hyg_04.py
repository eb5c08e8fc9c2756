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

"""HYG-04: seeds of randomness are not in the image."""

from collections.abc import Iterator, Mapping
from typing import Any

from image_pipeline.audit import esp, found, leftovers, rule, view


class Hyg04(rule.Rule):
    """Seeds of randomness are not in the image."""

    id = 'HYG-04'
    severity = rule.Severity.ERROR
    statement = 'there are no random seeds and no credential secret'
    rationale = (
        'Instances that begin with the same randomness make keys that can '
        "be guessed, and open each other's credentials."
    )
    source = 'systemd, "Building Images Safely"; EGI fedcloud-vmi-templates'
    satisfied_by = ('element:image-hygiene', 'stage:sysprep')
    remedy = 'remove the files; systemd makes new ones at first boot'
    fix = rule.Fix.YES
    probe = 'HYG-04'

    def find(
        self, subject: view.ImageView, options: Mapping[str, Any]
    ) -> Iterator[rule.Finding]:
        """Give seeds, those on an EFI system partition included."""
        yield from leftovers.findings(subject, self.id)
        for one in esp.esps(subject):
            path = one.find('/loader/random-seed')
            if path and one.point is None:
                yield found.in_file(
                    one.shown(path),
                    'two instances begin with the same randomness',
                )
