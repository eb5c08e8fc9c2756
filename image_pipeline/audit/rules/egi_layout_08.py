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

"""EGI-LAYOUT-08: a sound partition table."""

from collections.abc import Iterator, Mapping
from typing import Any

from image_pipeline import artifact
from image_pipeline.audit import rule, view


class EgiLayout08(rule.Rule):
    """The partition table is sound and aligned."""

    id = 'EGI-LAYOUT-08'
    severity = rule.Severity.ERROR
    statement = (
        'the partition table is sound and aligned, the backup of a GPT at '
        'the disk\'s end'
    )
    rationale = (
        'Glance refuses disks whose boot record looks odd, raw ones too; '
        'firmware and growpart stumble over the rest.'
    )
    source = (
        'Glance [image_format] and the inspector of oslo.utils, whose checks '
        'are repeated here; UEFI 2.10, chapter 5'
    )
    satisfied_by = ('stage:compose', 'stage:convert')
    remedy = (
        'on a raw copy: `sgdisk -e FILE` moves the backup to the end and '
        'writes both tables anew; rebuild if partitions overlap'
    )
    fix = rule.Fix.BUILD_ONLY
    implies = frozenset({'EGI-LAYOUT-06'})
    probe = 'EGI-LAYOUT-08'

    def find(
        self, subject: view.ImageView, options: Mapping[str, Any]
    ) -> Iterator[rule.Finding]:
        """Give what is wrong with the table."""
        for problem in subject.need_table().problems:
            yield rule.Finding(
                severity=None if problem.fatal else rule.Severity.WARNING,
                evidence=artifact.Evidence(
                    message=problem.message,
                    offset=problem.offset,
                    data=problem.data,
                ),
            )
