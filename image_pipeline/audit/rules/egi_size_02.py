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

"""EGI-SIZE-02: room enough for a boot."""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from image_pipeline.audit import found, rule, view
from image_pipeline.audit.guest import mounts
from image_pipeline.disk import files, free_space

_MIB = 1 << 20
_KERNELS = ('/boot/vmlinuz*', '/boot/vmlinux*', '/boot/Image*')
_INITRAMFS = ('/boot/initrd*', '/boot/initramfs*')


class EgiSize02(rule.Rule):
    """There is room for a first boot, and for one more kernel."""

    id = 'EGI-SIZE-02'
    severity = rule.Severity.WARNING
    statement = 'the file systems have room for a first boot and a new kernel'
    rationale = (
        'A first boot writes logs, keys and caches before the root has '
        'grown, or where it cannot grow because the disk is no larger; an '
        'update of the kernel needs room in /boot.'
    )
    source = 'practice; "Inside an image factory" (2013), first boot'
    satisfied_by = ('stage:compose',)
    remedy = (
        'leave more room when the disk is made: option minimum_size of the '
        'compose stage, DIB_IMAGE_EXTRA_SIZE of diskimage-builder, or '
        'qemu-img resize and resize2fs'
    )
    fix = rule.Fix.BUILD_ONLY
    options: ClassVar[Mapping[str, Any]] = {
        'type': 'object',
        'additionalProperties': False,
        'properties': {
            'min_free_mib': {
                'type': 'number',
                'minimum': 0,
                'default': 300,
                'description': 'How much of the root must be free, in MiB.',
            },
            'min_free_percent': {
                'type': 'number',
                'minimum': 0,
                'maximum': 100,
                'default': 10,
                'description': 'How much of the root must be free, and how '
                'many of its inodes, in per cent.',
            },
        },
    }

    def find(
        self, subject: view.ImageView, options: Mapping[str, Any]
    ) -> Iterator[rule.Finding]:
        """Give what is too full."""
        root = subject.need_root()
        used = _usage(subject, root)
        needed = max(
            int(options['min_free_mib'] * _MIB),
            int(used.size * options['min_free_percent'] / 100),
        )
        if used.free < needed:
            yield found.said(
                f'{root.name}, the root, has {used.free // _MIB} MiB of '
                f'{used.size // _MIB} free; {needed // _MIB} are needed',
                data=str(used.free),
                # How much a first boot takes is experience: what is near is
                # a hint.
                severity=rule.Severity.INFO
                if used.free * 2 >= needed
                else None,
            )
        left = used.free_inodes
        if used.inodes and left is not None:
            least = int(used.inodes * options['min_free_percent'] / 100)
            if left < least:
                yield found.said(
                    f'{root.name}, the root, can take {left} more files of '
                    f'{used.inodes}; {least} are needed',
                    data=str(left),
                )
        yield from _boot(subject, root)


def _boot(
    subject: view.ImageView, root: view.Device
) -> Iterator[rule.Finding]:
    """Give a /boot of its own that has no room for another kernel."""
    for mount in mounts.fstab(subject.files):
        device = subject.named(mount.spec)
        if mount.point != '/boot' or device is None or device == root:
            continue
        free = _usage(subject, device).free
        kernel = _largest(subject.files, _KERNELS)
        needed = kernel + _largest(subject.files, _INITRAMFS)
        if free < needed:
            yield found.said(
                f'{device.name}, /boot, has {free // _MIB} MiB free; one '
                f'more kernel takes {needed // _MIB}',
                data=str(free),
            )


def _usage(subject: view.ImageView, device: view.Device) -> free_space.Usage:
    block = device.file_system
    used = free_space.usage(subject.disk, block) if block else None
    if used is None:
        raise rule.CannotTell(f'how much of {device.name} is free is not read')
    return used


def _largest(tree: files.FileTree, patterns: tuple[str, ...]) -> int:
    return max(
        (
            tree.stat(path).size
            for pattern in patterns
            for path in tree.glob(pattern)
            if tree.is_file(path)
        ),
        default=0,
    )
