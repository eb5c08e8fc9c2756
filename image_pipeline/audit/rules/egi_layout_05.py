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

"""EGI-LAYOUT-05: one root file system."""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from image_pipeline import artifact
from image_pipeline.audit import rule, view
from image_pipeline.audit.guest import mounts, release
from image_pipeline.disk import partitions

#: File systems of the kernel's own, of the network and of removable disks.
_PSEUDO = frozenset({
    'tmpfs', 'proc', 'sysfs', 'devtmpfs', 'devpts', 'cgroup', 'cgroup2',
    'debugfs', 'tracefs', 'securityfs', 'efivarfs', 'hugetlbfs', 'mqueue',
    'configfs', 'bpf', 'pstore', 'binfmt_misc', 'swap', 'none', 'overlay',
    'nfs', 'nfs4', 'cifs', 'ceph', '9p', 'virtiofs', 'cvmfs', 'fuse',
    'iso9660', 'udf,iso9660', 'udf',
})  # fmt: skip
#: The family whose vendor images have a /boot of their own.
_EL = frozenset({'rhel', 'centos', 'fedora'})


class EgiLayout05(rule.Rule):
    """There is one root file system and nothing beside it."""

    id = 'EGI-LAYOUT-05'
    severity = rule.Severity.WARNING
    statement = 'one root file system, no partitions of its own for its parts'
    rationale = (
        'Only one partition grows with the disk of a flavor: separate /home, '
        '/var, /usr and /tmp stay small and fill up.'
    )
    source = (
        'EGI wiki VT-CloudCaps:BestPractices ("single partition"); '
        'docs.egi.eu, Images ("no /boot, no swap"); Azure certification, '
        'test 5'
    )
    satisfied_by = ('stage:compose', 'element:block-device-tree')
    remedy = (
        'put everything but the EFI system partition and the BIOS boot '
        'partition into one root partition'
    )
    probe = 'EGI-LAYOUT-05'
    options: ClassVar[Mapping[str, Any]] = {
        'type': 'object',
        'additionalProperties': False,
        'properties': {
            'allowed_mounts': {
                'type': 'array',
                'items': {'type': 'string', 'pattern': '^/'},
                'default': ['/', '/boot', '/boot/efi', '/efi'],
                'description': 'Where fstab may mount a file system; '
                'hardened images may have /var/log besides.',
            }
        },
    }

    def find(
        self, subject: view.ImageView, options: Mapping[str, Any]
    ) -> Iterator[rule.Finding]:
        """Give partitions and mounts beside the root."""
        subject.need_table()
        rest = [
            device
            for device in subject.parts
            if device.type not in partitions.BOOT_TYPES
        ]
        boot = _boot(subject, rest)
        extra = [device for device in rest if device is not boot]
        if len(extra) != 1:
            yield from _wrong_number(subject, extra)
        if boot is not None and boot.partition is not None:
            yield rule.Finding(
                severity=rule.Severity.INFO if _is_el(subject) else None,
                evidence=artifact.Evidence(
                    message=f'{boot.name} is a /boot of its own',
                    offset=boot.start,
                ),
            )
        for mount in mounts.fstab(subject.files):
            if _is_separate(subject, mount, options['allowed_mounts']):
                yield rule.Finding(
                    evidence=artifact.Evidence(
                        message=f'{mount.point} is mounted by itself',
                        path=mount.line.path,
                        line=mount.line.number,
                        data=mount.line.text.strip(),
                    )
                )


def _wrong_number(
    subject: view.ImageView, extra: list[view.Device]
) -> Iterator[rule.Finding]:
    if not extra:
        yield rule.Finding(
            evidence=artifact.Evidence(
                message='there is no partition that could hold the root'
            )
        )
    root = subject.root
    for device in extra:
        if device is root or device.partition is None:
            continue
        what = ', '.join(block.kind for block in device.blocks)
        yield rule.Finding(
            evidence=artifact.Evidence(
                message=f'{device.name} ({what or "of unknown content"}) is '
                'one more beside the root',
                offset=device.partition.entry,
                data=device.partition.type,
            )
        )


def _boot(
    subject: view.ImageView, rest: list[view.Device]
) -> view.Device | None:
    """Return the partition that fstab mounts at /boot, if there is one."""
    try:
        found = mounts.fstab(subject.files)
    except rule.CannotTell:
        return None
    for mount in found:
        if mount.point == '/boot':
            meant = subject.named(mount.spec)
            return meant if meant in rest and meant != subject.root else None
    return None


def _is_el(subject: view.ImageView) -> bool:
    return bool(release.names(release.os_release(subject.files)) & _EL)


def _is_separate(
    subject: view.ImageView, mount: mounts.Mount, allowed: list[str]
) -> bool:
    if mount.type in _PSEUDO or mount.point in allowed:
        return False
    if not mount.point.startswith('/') or mount.optional:
        return False
    if 'bind' in mount.options or 'rbind' in mount.options:
        return False
    # Subvolumes of the root's own btrfs share its space.
    meant = subject.named(mount.spec)
    return not (
        mount.type == 'btrfs' and meant is not None and meant == subject.root
    )
