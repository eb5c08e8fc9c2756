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

"""EGI-LAYOUT-07: no RAID, multipath or bcache."""

from collections.abc import Iterator, Mapping
from typing import Any

from image_pipeline import artifact
from image_pipeline.audit import rule, view
from image_pipeline.audit.guest import text
from image_pipeline.disk import partitions, superblocks

_MDADM = ('/etc/mdadm/mdadm.conf', '/etc/mdadm.conf')
_MULTIPATH = ('/etc/multipath/wwids', '/etc/multipath/bindings')


class EgiLayout07(rule.Rule):
    """There is no device stack between the disk and its file systems."""

    id = 'EGI-LAYOUT-07'
    severity = rule.Severity.ERROR
    statement = 'no software RAID, multipath or bcache'
    rationale = (
        'Stacks that know the devices of one machine do not survive another '
        'hypervisor.'
    )
    source = 'EGI wiki VT-CloudCaps:BestPractices, "Image Layout"'
    satisfied_by = ('stage:compose', 'element:plain-disk')
    remedy = (
        'build on a plain partition, and empty mdadm.conf and /etc/multipath'
    )
    implies = frozenset({'EGI-LAYOUT-01', 'EGI-LAYOUT-05', 'EGI-LAYOUT-06'})
    probe = 'EGI-LAYOUT-07'

    def find(
        self, subject: view.ImageView, options: Mapping[str, Any]
    ) -> Iterator[rule.Finding]:
        """Give members of stacks, and what the guest knows of stacks."""
        for device in subject.devices:
            for block in device.blocks:
                if block.kind in ('mdraid', 'bcache'):
                    yield rule.Finding(
                        evidence=artifact.Evidence(
                            message=f'{device.name} is '
                            f'{superblocks.describe(block)}',
                            offset=block.offset,
                            data=block.magic,
                        )
                    )
            part = device.partition
            if (
                part is not None
                and part.type in (partitions.RAID, partitions.MBR_RAID)
                and not device.has('mdraid')
            ):
                yield rule.Finding(
                    evidence=artifact.Evidence(
                        message=f'{device.name} has the type of RAID',
                        offset=part.entry,
                        data=part.type,
                    )
                )
        for line in _configured(subject):
            yield rule.Finding(
                evidence=artifact.Evidence(
                    message='the guest knows devices of another machine',
                    path=line.path,
                    line=line.number,
                    data=line.text.strip(),
                )
            )


def _configured(subject: view.ImageView) -> Iterator[text.Line]:
    tree = subject.files
    for path in _MDADM:
        for line in text.said(tree, path):
            if line.text.split()[0].upper() == 'ARRAY':
                yield line
    for path in _MULTIPATH:
        yield from text.said(tree, path)
