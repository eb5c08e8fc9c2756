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

"""VIRT-01: unused blocks are given back."""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from image_pipeline.audit import found, known, rule, view
from image_pipeline.audit.guest import mounts
from image_pipeline.audit.remedies import draft
from image_pipeline.audit.remedies import units as remedy
from image_pipeline.disk import edits

_TIMER = 'fstrim.timer'


class Virt01(rule.Rule):
    """The guest tells the storage which blocks it does not use."""

    id = 'VIRT-01'
    severity = rule.Severity.INFO
    statement = 'the guest gives unused blocks back, once a week'
    rationale = (
        'Thin volumes, and those in Ceph, grow with every block that was '
        'ever written, until the guest discards it; doing so at each '
        'deletion (mount option discard) slows the guest down.'
    )
    source = 'fstrim(8); SCS-0102 (hw_disk_bus=scsi, for discard)'
    remedy = (
        'systemctl enable fstrim.timer, and no option discard in /etc/fstab; '
        'the cloud must pass it on (Nova: hw_disk_discard = unmap)'
    )
    fix = rule.Fix.YES
    probe = 'VIRT-01'
    options: ClassVar[Mapping[str, Any]] = {
        'type': 'object',
        'additionalProperties': False,
        'properties': {
            'continuous': {
                'type': 'boolean',
                'default': False,
                'description': 'The mount option discard will do.',
            }
        },
    }

    def find(
        self, subject: view.ImageView, options: Mapping[str, Any]
    ) -> Iterator[rule.Finding]:
        """Give a timer that is off, and file systems that never wait."""
        units = known.units(subject)
        continuous = [
            mount
            for mount in mounts.fstab(subject.files)
            if 'discard' in mount.options and mount.type != 'swap'
        ]
        for mount in continuous:
            if not options['continuous']:
                yield found.at(
                    mount.line, f'{mount.point} is mounted with discard'
                )
        if continuous and options['continuous']:
            return
        if not units.exists(_TIMER):
            yield found.said(f'there is no {_TIMER}')
        elif not units.is_enabled(_TIMER):
            yield found.in_file(
                units.path(_TIMER) or _TIMER, f'{_TIMER} is not enabled'
            )

    def mend(
        self, subject: view.ImageView, options: Mapping[str, Any]
    ) -> Iterator[edits.Edit]:
        """Give the timer, and file systems that wait for it."""
        units = known.units(subject)
        plan = draft.Draft(subject.files)
        continuous = False
        for mount in mounts.fstab(subject.files):
            if 'discard' not in mount.options or mount.type == 'swap':
                continue
            continuous = True
            if not options['continuous']:
                plan.replace(mount.line, _patient(mount))
        if not (continuous and options['continuous']) and not units.is_enabled(
            _TIMER
        ):
            remedy.enable(plan, units, _TIMER)
        yield from plan.edits()


def _patient(mount: mounts.Mount) -> str:
    """Return a line of fstab without the option discard."""
    left = [one for one in mount.options if one != 'discard']
    words = mount.line.text.split()
    words[3] = ','.join(left) or 'defaults'
    return ' '.join(words)
