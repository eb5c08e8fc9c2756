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

"""HYG-10: histories and backups are not in the image."""

from collections.abc import Iterator, Mapping
from typing import Any

from image_pipeline.audit import leftovers, rule, view


class Hyg10(rule.Rule):
    """Histories and backups are not in the image."""

    id = 'HYG-10'
    severity = rule.Severity.ERROR
    statement = (
        'there are no histories of shells and tools, and no backup files of '
        'editors'
    )
    rationale = (
        'What was typed or changed while the image was made, passwords '
        'included, is for nobody else.'
    )
    source = (
        'virt-sysprep, bash-history, zsh-history and backup-files; Azure '
        'certification, test 1; cloud-image-val'
    )
    satisfied_by = ('element:image-hygiene', 'stage:sysprep')
    remedy = 'remove the files; and in a build set HISTFILE=/dev/null'
    fix = rule.Fix.YES
    probe = 'HYG-10'

    def find(
        self, subject: view.ImageView, options: Mapping[str, Any]
    ) -> Iterator[rule.Finding]:
        """Give what is left over, backup files below large folders last."""
        yield from leftovers.findings(subject, self.id)
