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

"""BOOT-05: drivers are there before the root is mounted."""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from image_pipeline.audit import booting, found, rule, view
from image_pipeline.audit.guest import kernels

#: What file systems that are one driver's are called.
_FILE_SYSTEMS = {'ext2': 'ext4', 'ext3': 'ext4'}


class Boot05(rule.Rule):
    """Drivers are there before the root is mounted."""

    id = 'BOOT-05'
    severity = rule.Severity.ERROR
    statement = (
        'each kernel finds disks and network on virtio, and its root file '
        'system'
    )
    rationale = (
        'A site attaches the disk by virtio-blk or virtio-scsi as it likes; '
        'without the driver a boot ends before there is a log.'
    )
    source = (
        'OpenStack image guide; SCS-0102, hw_disk_bus; EGI fedcloud-vmi- '
        'templates'
    )
    satisfied_by = ('element:one-initramfs', 'element:cloud-kernel')
    remedy = (
        'add the drivers to /etc/initramfs-tools/modules or with '
        'add_drivers+= in /etc/dracut.conf.d, and make the initramfs anew'
    )
    fix = rule.Fix.BUILD_ONLY
    options: ClassVar[Mapping[str, Any]] = {
        'type': 'object',
        'additionalProperties': False,
        'properties': {
            'drivers': {
                'type': 'array',
                'items': {'type': 'string'},
                'default': [
                    'virtio_pci',
                    'virtio_blk',
                    'virtio_scsi',
                    'sd_mod',
                ],
                'description': 'Kernel modules that must be built in or in '
                'the initramfs.',
            },
            'network': {
                'type': 'array',
                'items': {'type': 'string'},
                'default': ['virtio_net'],
                'description': 'Kernel modules that the image must have '
                'anywhere.',
            },
            'others': {
                'type': 'array',
                'items': {'type': 'string'},
                'default': [
                    'nvme',
                    'ahci',
                    'xen_blkfront',
                    'hv_storvsc',
                    'vmw_pvscsi',
                ],
                'description': 'Kernel modules that should be in the '
                'initramfs, if the kernel has them at all.',
            },
        },
    }

    def find(
        self, subject: view.ImageView, options: Mapping[str, Any]
    ) -> Iterator[rule.Finding]:
        """Give drivers that are not there early enough."""
        root = subject.root
        system = root.file_system if root else None
        needed = [*options['drivers']]
        if system is not None:
            needed.append(_FILE_SYSTEMS.get(system.kind, system.kind))
        for kernel in booting.need_kernels(subject):
            if kernel.rescue or kernel.modules is None:
                continue
            drivers = booting.drivers_of(subject, kernel.version)
            if drivers is None:
                continue
            if not drivers.builtin and not drivers.config:
                raise rule.CannotTell(
                    f'what {kernel.version} has built in is not said '
                    '(modules.builtin)'
                )
            yield from _late(subject, kernel, drivers, needed, options)


def _late(
    subject: view.ImageView,
    kernel: kernels.Kernel,
    drivers: kernels.Drivers,
    needed: list[str],
    options: Mapping[str, Any],
) -> Iterator[rule.Finding]:
    """Give what a kernel has too late, or not at all."""
    place = kernel.initramfs or drivers.folder
    early = (
        booting.initramfs_of(subject, kernel.initramfs).modules
        if kernel.initramfs
        else frozenset()
    )
    for name in needed:
        if drivers.is_builtin(name) or kernels.normal(name) in early:
            continue
        yield found.in_file(
            place, f'{name} is not there when {kernel.version} starts'
        )
    for name in options['network']:
        if not drivers.has(name) and kernels.normal(name) not in early:
            yield found.in_file(
                drivers.folder, f'{kernel.version} does not have {name}'
            )
    for name in options['others']:
        if (
            drivers.has(name)
            and not drivers.is_builtin(name)
            and kernels.normal(name) not in early
        ):
            yield found.in_file(
                place,
                f'{name} is not there when {kernel.version} starts',
                severity=rule.Severity.INFO,
            )
