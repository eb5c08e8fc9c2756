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
"""EGI-ONE-04: further disks are the instance's owner's."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from image_pipeline.audit import found, known, rule, view
from image_pipeline.audit.guest import cloud_init, mounts, text

#: The second and further disks of a virtual machine.
_FURTHER = re.compile(
    r'(?:/dev/)?(?:x?vd|sd|hd)[b-z]\d*|/dev/nvme[1-9]\d*n\S+'
)
_SECOND = re.compile(r'(?:/dev/)?(?:x?vd|sd|hd)b\d*')
#: What example 3 of the wiki mounts with; a crash then costs data.
_UNSAFE = ('data=writeback', 'barrier=0', 'nobarrier')


class EgiOne04(rule.Rule):
    """The context disk or the first data block gets the second letter."""

    id = 'EGI-ONE-04'
    severity = rule.Severity.INFO
    statement = 'further disks are mounted by LABEL with nofail, never as vdb'
    rationale = (
        'OpenNebula puts its context disk, or the first data block, at the '
        'second letter; a mount of a disk that an instance does not have '
        'stops its boot unless it says nofail.'
    )
    source = (
        'EGI wiki VT-CloudCaps:BestPractices, "always leave the [xvd|vd|hd]b '
        'device unused" and example 3'
    )
    satisfied_by = ('element:plain-disk',)
    remedy = (
        'take the line out of /etc/fstab; in cloud-init\'s mounts use LABEL= '
        'with defaults,nofail, and neither data=writeback nor barrier=0'
    )

    def find(
        self, subject: view.ImageView, options: Mapping[str, Any]
    ) -> Iterator[rule.Finding]:
        """Give mounts of disks that an instance may not have."""
        tree = subject.files
        for mount in mounts.fstab(tree):
            if _FURTHER.fullmatch(mount.spec):
                yield found.at(
                    mount.line,
                    'a further disk is mounted by the image itself',
                )
            yield from _unsafe(mount.line, mount.options)
        if cloud_init.is_installed(tree):
            yield from _cloud_init(known.cloud_config(subject))


def _cloud_init(config: cloud_init.Config) -> Iterator[rule.Finding]:
    line = config.where('mount_default_fields')
    fields = config.get('mount_default_fields')
    default = _field(fields, 3) if line else 'nofail'
    if 'nofail' not in default.split(','):
        yield found.at(
            line, 'what cloud-init mounts by default stops a boot: no nofail'
        )
    line = config.where('mounts')
    listed = config.get('mounts')
    for one in listed if isinstance(listed, list) else ():
        spec = _field(one, 0)
        options = (_field(one, 3) or default).split(',')
        shown = ' '.join(_field(one, index) for index in range(4)).strip()
        if _SECOND.fullmatch(spec):
            yield found.at(line, f'{spec} may be the context disk', data=shown)
        if _field(one, 1) and 'nofail' not in options:
            yield found.at(
                line,
                f'an instance without {spec} does not boot: no nofail',
                data=shown,
            )
        yield from _unsafe(line, options)


def _unsafe(
    line: text.Line | None, options: Iterable[str]
) -> Iterator[rule.Finding]:
    for option in options:
        if option in _UNSAFE:
            yield found.at(
                line,
                f'{option} loses data in a crash',
                data=option,
                severity=rule.Severity.WARNING,
            )


def _field(entry: Any, index: int) -> str:
    """Return a field of an entry of ``mounts``, which may be anything."""
    if isinstance(entry, list) and len(entry) > index and entry[index]:
        return str(entry[index])
    return ''
