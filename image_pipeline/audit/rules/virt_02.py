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

"""VIRT-02: the guest agent that was promised."""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from image_pipeline.audit import found, known, rule, subjects
from image_pipeline.audit.guest import guest_agent

_AGENT, _QUIESCE = 'hw_qemu_guest_agent', 'os_require_quiesce'


class Virt02(rule.Rule):
    """The image has a guest agent if, and only if, its properties say so."""

    id = 'VIRT-02'
    subject = rule.Subject.REGISTERED_IMAGE
    severity = rule.Severity.ERROR
    statement = 'hw_qemu_guest_agent=yes is true, and said if it is true'
    rationale = (
        'Nova freezes file systems before a snapshot, and sets passwords, '
        'through the agent; promised and missing, the snapshots of each '
        'instance that requires it fail.'
    )
    source = (
        'Glance, Useful image properties (hw_qemu_guest_agent, '
        'os_require_quiesce); nova/virt/libvirt/driver.py'
    )
    remedy = (
        'install qemu-guest-agent (package-installs), or take '
        'hw_qemu_guest_agent out of the image\'s properties'
    )
    fix = rule.Fix.BUILD_ONLY
    probe = 'VIRT-02'
    options: ClassVar[Mapping[str, Any]] = {
        'type': 'object',
        'additionalProperties': False,
        'properties': {},
    }

    def find(
        self, subject: subjects.RegisteredImageView, options: Mapping[str, Any]
    ) -> Iterator[rule.Finding]:
        """Give promises that the image does not keep."""
        promised = subject.says(_AGENT)
        quiesce = subject.says(_QUIESCE)
        if quiesce and not promised:
            yield found.said(
                f'{_QUIESCE} is set, and {_AGENT} is not: snapshots will fail'
            )
        image = subject.need_image()
        tree = image.files
        program = guest_agent.program(tree)
        if not promised and not quiesce:
            if program is not None:
                yield found.in_file(
                    program,
                    f'the agent is there; {_AGENT}=yes would say so',
                    severity=rule.Severity.INFO,
                )
            return
        if program is None:
            yield found.said(f'{_AGENT} is promised, and there is no qemu-ga')
            return
        if not guest_agent.starts(tree, known.units(image)):
            yield found.in_file(program, 'nothing starts the agent')
        if quiesce:
            for line, command in guest_agent.blocked(tree, guest_agent.FREEZE):
                yield found.at(
                    line, f'the agent refuses {command}, which snapshots need'
                )
