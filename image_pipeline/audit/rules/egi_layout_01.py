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

"""EGI-LAYOUT-01: a whole disk, not a bare file system."""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from image_pipeline import artifact
from image_pipeline.audit import rule, view
from image_pipeline.disk import mbr, superblocks


class EgiLayout01(rule.Rule):
    """The image is a whole disk with a partition table."""

    id = 'EGI-LAYOUT-01'
    severity = rule.Severity.ERROR
    statement = 'the image is a whole disk with a partition table'
    rationale = (
        'A disk that brings its own boot loader and kernel runs on OpenStack '
        'and OpenNebula alike; bare file systems need a kernel of the site, '
        'and kernel_id and ramdisk_id do not transfer between sites.'
    )
    source = (
        'EGI wiki VT-CloudCaps:BestPractices, "Image Layout" and "Tools"; '
        '"Inside an image factory" (2013)'
    )
    satisfied_by = ('stage:compose', 'element:block-device-tree')
    remedy = (
        'build a whole disk: let the compose stage lay it out, or give '
        'diskimage-builder the element vm'
    )
    # What fstab mounts from other partitions is not there.
    implies = frozenset({'EGI-LAYOUT-09'})
    probe = 'EGI-LAYOUT-01'
    options: ClassVar[Mapping[str, Any]] = {
        'type': 'object',
        'additionalProperties': False,
        'properties': {
            'partition_images': {
                'type': 'boolean',
                'default': False,
                'description': 'Bare file systems are meant: Ironic '
                'partition images and images of containers.',
            }
        },
    }

    def find(
        self, subject: view.ImageView, options: Mapping[str, Any]
    ) -> Iterator[rule.Finding]:
        """Give what makes the disk a bare file system, or no disk."""
        if options['partition_images']:
            raise rule.NotApplicable('bare file systems are meant')
        for block in subject.whole.blocks:
            yield _finding(
                f'the file is {superblocks.describe(block)} without a '
                'partition table around it',
                block.offset,
                block.magic,
            )
        first = subject.disk.read(0, 512)
        if len(first) < 512 or not mbr.signed(first):
            yield _finding(
                'the first sector does not end in 55 AA: there is no boot '
                'record',
                510,
                first[510:512].hex(),
            )
        elif subject.table is None and not subject.whole.blocks:
            yield _finding(
                'the boot record has no partitions', 446, first[446:462].hex()
            )


def _finding(message: str, offset: int, data: str) -> rule.Finding:
    return rule.Finding(
        evidence=artifact.Evidence(message=message, offset=offset, data=data)
    )
