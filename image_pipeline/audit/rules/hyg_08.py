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

"""HYG-08: logs of the build are not in the image."""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from image_pipeline.audit import found, leftovers, rule, view


class Hyg08(rule.Rule):
    """Logs of the build are not in the image."""

    id = 'HYG-08'
    severity = rule.Severity.WARNING
    statement = 'log files are empty'
    rationale = (
        'Logs tell how an image was made, where, and by whom, and take '
        'space on each instance.'
    )
    source = (
        'virt-sysprep, logfiles and utmp; diskimage-builder; EGI fedcloud- '
        'vmi-templates'
    )
    satisfied_by = ('element:image-hygiene', 'stage:sysprep')
    remedy = (
        'empty the files below /var/log, remove those of installers and of '
        'cloud-init, and keep the folders with their modes'
    )
    fix = rule.Fix.YES
    probe = 'HYG-08'
    options: ClassVar[Mapping[str, Any]] = {
        'type': 'object',
        'additionalProperties': False,
        'properties': {
            'max_bytes': {
                'type': 'integer',
                'minimum': 0,
                'default': 65536,
                'description': 'Bytes that log files may have together; '
                'those of installers, logins and the journal never may.',
            },
        },
    }

    def find(
        self, subject: view.ImageView, options: Mapping[str, Any]
    ) -> Iterator[rule.Finding]:
        """Give logs that tell, and all others if they are large together."""
        others: list[rule.Finding] = []
        size = 0
        left_out: rule.CannotTell | None = None
        try:
            for one, finding in leftovers.of(subject, self.id):
                if one.kind.name == 'logfiles':
                    others.append(finding)
                    size += one.stat.size
                else:
                    yield finding
        except rule.CannotTell as exc:
            left_out = exc
        if size > options['max_bytes']:
            yield found.in_file('/var/log', f'there are {size} bytes of logs')
            yield from others
        if left_out is not None:
            raise left_out
