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

"""VIRT-04: the clock."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from image_pipeline.audit import found, rule, view
from image_pipeline.audit.guest import boot, text
from image_pipeline.audit.remedies import draft, kernel
from image_pipeline.disk import edits, files

_FLAGS = frozenset({'no-kvmclock', 'no-kvmclock-vsyscall', 'notsc'})
_CHRONY = ('/etc/chrony/chrony.conf', '/etc/chrony.conf')
_CHRONY_MORE = (
    '/etc/chrony/conf.d/*.conf',
    '/etc/chrony.d/*.conf',
)
_STEP = re.compile(r'^\s*(makestep|initstepslew)\b', re.IGNORECASE)


class Virt04(rule.Rule):
    """The guest takes its clock from the hypervisor."""

    id = 'VIRT-04'
    severity = rule.Severity.INFO
    statement = 'the clock is the hypervisor\'s, and may be stepped'
    rationale = (
        'A guest that was suspended or moved is behind; certificates and '
        'Kerberos tickets do not work until its clock is right again.'
    )
    source = 'cloud-image-val; chrony.conf(5), makestep; kernel-parameters'
    remedy = (
        'take clocksource= and no-kvmclock from the kernel\'s command line, '
        'and put `makestep 1 3` into chrony.conf'
    )
    fix = rule.Fix.YES
    probe = 'VIRT-04'
    options: ClassVar[Mapping[str, Any]] = {
        'type': 'object',
        'additionalProperties': False,
        'properties': {},
    }

    def find(
        self, subject: view.ImageView, options: Mapping[str, Any]
    ) -> Iterator[rule.Finding]:
        """Give what makes the clock wrong."""
        tree = subject.files
        for line, command_line in boot.command_lines(tree):
            said = [
                word
                for word in command_line.split()
                if word in _FLAGS or word.startswith('clocksource=')
            ]
            for word in said:
                yield found.at(line, f'the kernel is told {word}', data=word)
        yield from _chrony(tree)

    def mend(
        self, subject: view.ImageView, options: Mapping[str, Any]
    ) -> Iterator[edits.Edit]:
        """Give a kernel that chooses, and a chrony that may step."""
        tree = subject.files
        plan = draft.Draft(tree)
        kernel.drop(
            plan,
            lambda word: word in _FLAGS or word.startswith('clocksource='),
        )
        if any(_chrony(tree)):
            main = next(path for path in _CHRONY if tree.is_file(path))
            plan.append(main, 'makestep 1 3')
        yield from plan.edits()


def _chrony(tree: files.FileTree) -> Iterator[rule.Finding]:
    main = [path for path in _CHRONY if tree.is_file(path)]
    more = [path for pattern in _CHRONY_MORE for path in tree.glob(pattern)]
    if main and not any(
        _STEP.match(line.text)
        for path in (*main, *more)
        for line in text.said(tree, path)
    ):
        yield found.in_file(
            main[0], 'chrony may not step the clock: there is no makestep'
        )
