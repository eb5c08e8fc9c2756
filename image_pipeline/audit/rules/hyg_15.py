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

"""HYG-15: identifiers of disk and file systems are deliberate."""

from collections.abc import Iterator, Mapping
from typing import Any

from image_pipeline.audit import found, rule, view


class Hyg15(rule.Rule):
    """Identifiers of disk and file systems are deliberate."""

    id = 'HYG-15'
    severity = rule.Severity.INFO
    statement = (
        'disk, partitions and file systems have identifiers, and none has '
        'it twice'
    )
    rationale = (
        'What is mounted by its identifier is another one, or none, if two '
        'have it; and two volumes of one image in one guest clash, so that '
        'builds differ in it.'
    )
    source = (
        'virt-sysprep, fs-uuids and lvm-uuids, which are not asked for by '
        'default; systemd, "Building Images Safely"'
    )
    satisfied_by = ('stage:compose',)
    remedy = (
        'give the partition or the file system an identifier (sgdisk '
        '--partition-guid, tune2fs -U, mlabel -n) and write it to fstab and '
        'the boot loader'
    )
    fix = rule.Fix.NO

    def find(
        self, subject: view.ImageView, options: Mapping[str, Any]
    ) -> Iterator[rule.Finding]:
        """Give what has no identifier, and identifiers that are twice."""
        table = subject.need_table()
        if not table.disk_id.strip('0x-'):
            yield found.said('the disk has no identifier')
        seen: dict[str, str] = {}
        for name, what, uuid in _identifiers(subject):
            if not uuid.strip('0-'):
                yield found.said(f'{name} has no {what}')
                continue
            key = f'{what} {uuid.lower()}'
            if key in seen:
                yield found.said(
                    f'{name} and {seen[key]} have one {what}', data=uuid
                )
            seen[key] = name


def _identifiers(
    subject: view.ImageView,
) -> Iterator[tuple[str, str, str]]:
    """Give each identifier: of what, which, and the identifier."""
    for device in subject.parts:
        if device.partition is not None:
            yield device.name, 'PARTUUID', device.partition.uuid or ''
        if device.file_system is not None:
            yield device.name, 'UUID', device.file_system.uuid or ''
