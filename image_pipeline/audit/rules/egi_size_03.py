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

"""EGI-SIZE-03: nothing left in free space."""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from image_pipeline import artifact, exceptions
from image_pipeline.audit import rule, view
from image_pipeline.disk import free_space

_MIB = 1 << 20
_KINDS = frozenset({'ext2', 'ext3', 'ext4', 'xfs', 'btrfs'})


class EgiSize03(rule.Rule):
    """Free blocks are zero."""

    id = 'EGI-SIZE-03'
    severity = rule.Severity.WARNING
    statement = 'free blocks are zero, or were discarded'
    rationale = (
        'What was deleted during the build is still there: it makes a '
        'compressed image about twice as large, and whoever gets the image '
        'can read it, keys and passwords among it.'
    )
    source = (
        'EGI wiki VT-CloudCaps:BestPractices, "Tools" (zerofree); EGI '
        'documentation, Images'
    )
    satisfied_by = ('stage:zerofree', 'stage:compose')
    remedy = (
        'put the stage zerofree into the recipe; by hand: `zerofree` on the '
        'unmounted ext partition of a raw disk, or `fstrim` before the last '
        'unmount, then convert it anew'
    )
    fix = rule.Fix.BY_COPYING
    options: ClassVar[Mapping[str, Any]] = {
        'type': 'object',
        'additionalProperties': False,
        'properties': {
            'max_percent': {
                'type': 'number',
                'minimum': 0,
                'maximum': 100,
                'default': 2,
                'description': 'How much of the free blocks may not be zero.',
            },
            'hint_percent': {
                'type': 'number',
                'minimum': 0,
                'maximum': 100,
                'default': 0.5,
                'description': 'From how much on it is told as a hint.',
            },
            'sample_mib': {
                'type': 'integer',
                'minimum': 1,
                'default': free_space.SAMPLE // _MIB,
                'description': 'How much free space is read at most, in MiB, '
                'of what the file does not already say is zero; of more, '
                'pieces at even distances are read, and the rest estimated.',
            },
        },
    }

    def find(
        self, subject: view.ImageView, options: Mapping[str, Any]
    ) -> Iterator[rule.Finding]:
        """Give file systems whose free blocks hold something."""
        unclear: list[str] = []
        seen = False
        for device in subject.parts or (subject.whole,):
            block = device.file_system
            if block is None or block.kind not in _KINDS:
                continue
            seen = True
            try:
                ranges = list(
                    free_space.free(subject.disk, block, device.size)
                )
            except exceptions.ImageUnreadable as exc:
                unclear.append(f'{device.name}: {exc.message}')
                continue
            left = free_space.residue(
                subject.disk, ranges, options['sample_mib'] * _MIB
            )
            percent = left.dirty * 100 / (left.free or 1)
            if percent <= options['hint_percent']:
                continue
            about = 'about ' if left.sampled else ''
            yield rule.Finding(
                severity=None
                if percent > options['max_percent']
                else rule.Severity.INFO,
                evidence=artifact.Evidence(
                    message=f'{device.name} ({block.kind}): {about}'
                    f'{left.dirty / _MIB:.1f} MiB of its '
                    f'{left.free / _MIB:.1f} MiB of free blocks are not zero '
                    f'({percent:.1f} %)',
                    offset=left.first,
                ),
            )
        if not seen:
            subject.need_root()
        if unclear:
            raise rule.CannotTell('; '.join(unclear))
