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

"""BOOT-04: the initramfs is for any host."""

from collections.abc import Iterator, Mapping
from typing import Any

from image_pipeline.audit import booting, found, rule, view
from image_pipeline.audit.guest import initramfs_conf
from image_pipeline.disk import files


class Boot04(rule.Rule):
    """The initramfs is for any host."""

    id = 'BOOT-04'
    severity = rule.Severity.ERROR
    statement = 'the initramfs is not for the host that it was made on'
    rationale = (
        'In a chroot the hardware of the build host is seen, or none: such '
        'an initramfs has no drivers for the disks of instances.'
    )
    source = (
        'EGI fedcloud-vmi-templates; dracut.conf(5), hostonly; '
        'initramfs.conf(5), MODULES; diskimage-builder, dracut-regenerate'
    )
    satisfied_by = ('element:one-initramfs',)
    remedy = (
        'install dracut-config-generic, or set MODULES=most, or take '
        'autodetect out of HOOKS, and make the initramfs anew'
    )
    fix = rule.Fix.BUILD_ONLY

    def find(
        self, subject: view.ImageView, options: Mapping[str, Any]
    ) -> Iterator[rule.Finding]:
        """Give an initramfs for one host, and settings that would make one."""
        yield from _settings(subject.files)
        for kernel in booting.need_kernels(subject):
            if kernel.initramfs is None or kernel.rescue:
                continue
            why = booting.initramfs_of(subject, kernel.initramfs).host_only
            if why is not None:
                yield found.in_file(
                    kernel.initramfs,
                    'it is for the host that it was made on',
                    data=why,
                )


def _settings(tree: files.FileTree) -> Iterator[rule.Finding]:
    """Give a setting: it is what the next kernel of an instance gets."""
    for line in initramfs_conf.host_only(tree):
        yield found.at(
            line,
            'the next initramfs is for one host only',
            severity=rule.Severity.WARNING,
        )
