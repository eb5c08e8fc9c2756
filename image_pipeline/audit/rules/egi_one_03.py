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
"""EGI-ONE-03: a script that mounts the context disk mounts that alone."""

from collections.abc import Iterator, Mapping
from typing import Any

from image_pipeline.audit import found, rule, view
from image_pipeline.audit.guest import context_scripts, text

_HARDENED = ('ro', 'nosuid', 'nodev')


class EgiOne03(rule.Rule):
    """The wiki's script trusts any disk that it is handed."""

    id = 'EGI-ONE-03'
    severity = rule.Severity.WARNING
    statement = (
        'a context script mounts the disk labelled CONTEXT, ro,nosuid,nodev'
    )
    rationale = (
        'The script of the wiki mounts whatever second disk or CD there is '
        'and runs what it finds as root; it makes host keys only if one of '
        'DSA is missing, which always is.'
    )
    source = 'EGI wiki VT-CloudCaps:BestPractices, the init script'
    satisfied_by = ('element:cloud-init-openstack',)
    remedy = (
        'use cloud-init\'s OpenNebula datasource; or a unit with '
        'ConditionPathExists=/dev/disk/by-label/CONTEXT that mounts it '
        'ro,nosuid,nodev below /run, and runs ssh-keygen -A'
    )
    fix = rule.Fix.NO
    implies = frozenset({'EGI-ONE-02'})

    def find(
        self, subject: view.ImageView, options: Mapping[str, Any]
    ) -> Iterator[rule.Finding]:
        """Give what such scripts trust too much."""
        scripts = context_scripts.scripts(subject.files)
        if not scripts:
            raise rule.NotApplicable('there is no context script')
        for script in scripts:
            for line in script.mounts():
                yield from _mount(script, line)
            for line in script.dsa_keys():
                yield found.at(
                    line,
                    'host keys are made if there is none of DSA, which sshd '
                    'no longer has',
                )


def _mount(
    script: context_scripts.Script, line: text.Line
) -> Iterator[rule.Finding]:
    if not context_scripts.is_labelled(line):
        yield found.at(
            line, 'any disk is mounted, not the one that is labelled CONTEXT'
        )
        return
    said = line.text
    if line.text.startswith('What='):
        # The options of a mount unit stand in a line of their own.
        said = ' '.join(
            one.text for one in script.lines if one.text.startswith('Options=')
        )
    words = said.replace('=', ' ').replace(',', ' ').split()
    missing = [
        option
        for option in _HARDENED
        if option not in words and not (option == 'ro' and '-r' in words)
    ]
    if missing:
        yield found.at(
            line, f'the disk is mounted without {",".join(missing)}'
        )
