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
"""EGI-ONE-02: one agent sets an instance up, not two."""

from collections.abc import Iterator, Mapping
from typing import Any

from image_pipeline.audit import found, rule, view
from image_pipeline.audit.guest import cloud_init, context_scripts

#: Agents beside cloud-init, and where they are.
_OTHERS: Mapping[str, tuple[str, ...]] = {
    'one-context': (
        '/usr/sbin/one-contextd',
        '/usr/lib/systemd/system/one-context.service',
        '/lib/systemd/system/one-context.service',
        '/etc/one-context.d',
    ),
    'glean': ('/usr/bin/glean', '/usr/local/bin/glean'),
}
#: What sites of 2013 called the wiki's script.
_LEGACY = (
    '/etc/init.d/opennebula',
    '/etc/init.d/vmcontext',
    '/etc/rc.d/init.d/opennebula',
    '/etc/rc.d/init.d/vmcontext',
)


class EgiOne02(rule.Rule):
    """Two agents fight over the network and the keys."""

    id = 'EGI-ONE-02'
    severity = rule.Severity.ERROR
    statement = 'one agent sets instances up: cloud-init, or another one'
    rationale = (
        'Two of them write the same files, the network\'s and the keys\' '
        'among them, and the last one wins: an instance may be unreachable.'
    )
    source = (
        'OpenNebula one-apps, context-linux: every package conflicts with '
        'cloud-init; EGI wiki VT-CloudCaps:BestPractices, the init script'
    )
    satisfied_by = ('element:cloud-init-openstack',)
    remedy = (
        'keep cloud-init and remove one-context (apt-get purge one-context, '
        'dnf remove one-context) and the scripts that the evidence names'
    )
    probe = 'EGI-ONE-02'

    def find(
        self, subject: view.ImageView, options: Mapping[str, Any]
    ) -> Iterator[rule.Finding]:
        """Give agents beside the first one."""
        tree = subject.files
        others = {
            name: next(path for path in paths if tree.exists(path))
            for name, paths in _OTHERS.items()
            if any(map(tree.exists, paths))
        }
        first = (
            'cloud-init'
            if cloud_init.is_installed(tree)
            and cloud_init.disabled(tree) is None
            else next(iter(others), None)
        )
        for name, path in others.items():
            if name != first:
                yield found.in_file(
                    path, f'{name} is there beside {first}', data=name
                )
        seen = set()
        for path in _LEGACY:
            if tree.exists(path) and tree.resolve(path) not in seen:
                seen.add(tree.resolve(path))
                yield found.in_file(
                    path,
                    'an old script sets instances up, too',
                    severity=rule.Severity.WARNING,
                )
        for script in context_scripts.scripts(tree):
            if tree.resolve(script.path) in seen:
                continue
            for line in script.runs():
                yield found.at(
                    line,
                    'what is on a disk is run as root',
                    severity=rule.Severity.WARNING,
                )
        if first is None:
            raise rule.NotApplicable('there is no agent; EGI-CI-01 says so')
