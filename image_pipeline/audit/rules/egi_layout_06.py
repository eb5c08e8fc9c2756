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

"""EGI-LAYOUT-06: the root is last and can grow."""

from collections.abc import Iterator, Mapping
from typing import Any

from image_pipeline import artifact
from image_pipeline.audit import rule, view


class EgiLayout06(rule.Rule):
    """The root partition is the last one on the disk."""

    id = 'EGI-LAYOUT-06'
    severity = rule.Severity.ERROR
    statement = 'the root partition is the last one on the disk and can grow'
    rationale = (
        'growpart can only extend the last partition; a root that does not '
        'grow leaves the disk of the flavor unusable.'
    )
    source = (
        'cloud-init, cc_growpart: "only works if the partition to be resized '
        'is the last one"; OpenStack image guide'
    )
    satisfied_by = ('stage:compose', 'element:block-device-tree')
    remedy = 'put the root partition last in the block-device file'
    implies = frozenset({'EGI-LAYOUT-08'})
    probe = 'EGI-LAYOUT-06'

    def find(
        self, subject: view.ImageView, options: Mapping[str, Any]
    ) -> Iterator[rule.Finding]:
        """Give what stands in the way of the root's growing.

        Places count, not numbers: Ubuntu's root is number 1 and lies last.
        """
        table = subject.need_table()
        root = subject.need_root().partition
        if root is None:
            raise rule.CannotTell('the root lies in no partition')
        last = max(table.partitions, key=lambda part: part.start)
        if last.start > root.start:
            yield _finding(
                f'partition {last.number} lies behind the root, which is '
                f'partition {root.number}',
                last.entry,
            )
        if root.logical:
            yield _finding(
                f'the root, partition {root.number}, lies in an extended '
                'partition, which does not grow',
                root.entry,
            )
        if table.scheme == 'gpt' and root.end > table.last_usable + 1:
            yield _finding(
                f'the root, partition {root.number}, ends at byte '
                f'{root.end}, the usable sectors at {table.last_usable + 1}',
                root.entry,
            )


def _finding(message: str, offset: int) -> rule.Finding:
    return rule.Finding(
        evidence=artifact.Evidence(message=message, offset=offset)
    )
