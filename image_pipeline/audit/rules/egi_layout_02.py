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

"""EGI-LAYOUT-02: no LVM."""

from collections.abc import Iterator, Mapping
from typing import Any

from image_pipeline import artifact
from image_pipeline.audit import rule, view
from image_pipeline.audit.guest import boot, mounts
from image_pipeline.disk import partitions

_DEVICES = '/etc/lvm/devices/system.devices'


class EgiLayout02(rule.Rule):
    """There is no LVM in the image."""

    id = 'EGI-LAYOUT-02'
    severity = rule.Severity.ERROR
    statement = 'there is no LVM in the image'
    rationale = (
        'Growing at first boot and injecting files and keys need a plain '
        'partition, and clones of a volume group clash with each other.'
    )
    source = (
        'EGI wiki VT-CloudCaps:BestPractices, "Image Layout"; docs.egi.eu, '
        'Images; OpenStack image guide: "one ext3/ext4 partition (no LVM)"'
    )
    satisfied_by = ('stage:compose', 'element:plain-disk')
    remedy = (
        'build without the elements lvm, growvols and block-device-efi-lvm, '
        'and without `lvm:` in a block-device file of your own'
    )
    implies = frozenset({'EGI-LAYOUT-01', 'EGI-LAYOUT-05', 'EGI-LAYOUT-06'})
    probe = 'EGI-LAYOUT-02'

    def find(
        self, subject: view.ImageView, options: Mapping[str, Any]
    ) -> Iterator[rule.Finding]:
        """Give physical volumes, types left over, and uses of a mapper."""
        for device in subject.devices:
            for block in device.blocks:
                if block.kind == 'lvm':
                    yield rule.Finding(
                        evidence=artifact.Evidence(
                            message=f'{device.name} is an LVM physical volume',
                            offset=block.offset,
                            data='LABELONE',
                        )
                    )
            typed = device.type in (partitions.LVM, partitions.MBR_LVM)
            if typed and not device.has('lvm') and device.partition:
                yield rule.Finding(
                    severity=rule.Severity.WARNING,
                    evidence=artifact.Evidence(
                        message=f'{device.name} has the type of LVM, without '
                        'a volume in it',
                        offset=device.partition.entry,
                        data=device.type,
                    ),
                )
        yield from _in_files(subject)


def _in_files(subject: view.ImageView) -> Iterator[rule.Finding]:
    tree = subject.files
    used = [
        (mount.line, mount.spec)
        for mount in mounts.fstab(tree)
        if mount.spec.startswith('/dev/mapper/')
    ]
    used += [
        (line, root)
        for line, command in boot.command_lines(tree)
        for root in boot.arguments(command, 'root')
        if root.startswith('/dev/mapper/')
    ]
    for line, device in used:
        yield rule.Finding(
            severity=rule.Severity.WARNING,
            evidence=artifact.Evidence(
                message='a device of the mapper is used',
                path=line.path,
                line=line.number,
                data=device,
            ),
        )
    if tree.exists(_DEVICES):
        yield rule.Finding(
            severity=rule.Severity.WARNING,
            evidence=artifact.Evidence(
                message='LVM remembers the devices of the build host',
                path=_DEVICES,
            ),
        )
